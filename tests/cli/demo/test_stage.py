import re
import socket
from collections.abc import Iterator
from dataclasses import replace

import pytest

from gtm.cli.demo.stage import STAGE, Stage, bind_control, check_room
from gtm.errors import ListenFailed
from gtm.serve.listen import ListenAddress, parse_listen


@pytest.fixture
def taken() -> Iterator[ListenAddress]:
    """Yields an address that somebody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield parse_listen(f"127.0.0.1:{server.getsockname()[1]}")


def roomy() -> Stage:
    """Returns the stage with a free port everywhere."""
    free = parse_listen("127.0.0.1:0")
    return replace(
        STAGE,
        regions=tuple(replace(region, listen=free) for region in STAGE.regions),
        probes=tuple(replace(probe, admin=free) for probe in STAGE.probes),
        server=replace(STAGE.server, admin=free),
        dns=free,
        control=free,
    )


def test_no_two_of_the_stage_want_one_address() -> None:
    addresses = [
        *(region.listen for region in STAGE.regions),
        *(node.admin for node in (*STAGE.probes, STAGE.server)),
        STAGE.dns,
        STAGE.control,
    ]
    assert len(set(addresses)) == len(addresses)
    assert all(at.address.is_loopback for at in addresses)


def test_the_probes_look_from_three_vantages() -> None:
    assert len({probe.vantage for probe in STAGE.probes}) == 3


def test_a_machine_with_room_passes() -> None:
    check_room(roomy())


def test_the_loopback_addresses_of_the_regions_can_be_bound_here() -> None:
    free = tuple(replace(region, listen=ListenAddress(region.listen.address, 0)) for region in STAGE.regions)
    check_room(replace(roomy(), regions=free))


def test_every_address_that_is_taken_is_named(taken: ListenAddress) -> None:
    stage = roomy()
    region = replace(stage.regions[0], listen=taken)
    with pytest.raises(ListenFailed) as caught:
        check_room(replace(stage, regions=(region, *stage.regions[1:]), dns=taken))
    lines = str(caught.value).splitlines()
    assert len(lines) == 2
    assert all(line.startswith(f"the demo needs {taken} (TCP): Address already in use") for line in lines)


def test_a_taken_udp_port_is_found_too() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
        other.bind(("127.0.0.1", 0))
        dns = parse_listen(f"127.0.0.1:{other.getsockname()[1]}")
        with pytest.raises(ListenFailed, match=re.escape(f"{dns} (UDP): Address already in use")):
            check_room(replace(roomy(), dns=dns))


def test_an_address_that_the_machine_lacks_is_said_with_what_adds_it() -> None:
    nowhere = parse_listen("192.0.2.1:0")  # RFC 5737: nobody's
    with pytest.raises(ListenFailed) as caught:
        check_room(replace(roomy(), dns=nowhere))
    assert "sudo ifconfig lo0 alias 192.0.2.1" in str(caught.value)


def test_a_taken_control_port_hints_at_another_demo(taken: ListenAddress) -> None:
    with pytest.raises(ListenFailed, match="is another demo running"):
        bind_control(replace(roomy(), control=taken))


def test_the_control_listener_is_bound_where_the_stage_says() -> None:
    with bind_control(roomy()) as sock:
        assert sock.getsockname()[0] == "127.0.0.1"
