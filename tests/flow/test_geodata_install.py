"""Geo databases come, go and rot under a running node: good ones move clients, bad ones are said and change nothing."""

from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from gtm.watch.geoinstall import KNOWN_ANSWERS
from tests.fakes.asking import addresses, is_answering, status_of, stream
from tests.fakes.cluster import (
    CLIENTS,
    EU_WEST,
    NETWORKS,
    REGIONS,
    START_LIMIT_S,
    US_EAST,
    Cluster,
    Machine,
    gtm,
    loopback_address,
    within,
)
from tests.fakes.geodata import Record, city, write_database

pytestmark = [pytest.mark.slow, pytest.mark.timeout(120)]

TAKEN_UP_LIMIT_S = 10.0
"""Two looks a second apart, and a load."""

Figure = Callable[[str, float], None]

EUROPEAN = CLIENTS[EU_WEST]
ADDRESSES = {name: f"127.0.0.{number}" for number, name in enumerate(REGIONS, start=101)}
"""Nobody listens there on the port of the regions; all that is down is answered all the same."""

KNOWN: Mapping[str, Record] = {
    f"{address}/{128 if ':' in address else 32}": city(country, at=(51.5, -0.1)) for address, country in KNOWN_ANSWERS
}
"""What an installation asks a database for."""


def write_good(path: Path, networks: Mapping[str, Record]) -> Path:
    """Writes a database that can be installed."""
    return write_database(path, {**networks, **KNOWN})


@pytest.fixture
def machine(cluster: Cluster) -> Machine:
    write_good(cluster.database, NETWORKS)
    cluster.write_zone(ADDRESSES)
    machine = Machine("ns1", loopback_address())
    cluster.write_nodes([machine])
    return machine


@pytest.fixture
def server(cluster: Cluster, machine: Machine) -> str:
    cluster.start_node(machine)
    within(START_LIMIT_S, lambda: is_answering(machine.address))
    assert nearest(machine.address) == {name: name for name in REGIONS}
    return machine.address


def nearest(server: str) -> dict[str, str]:
    """Returns the region that the client of each region is sent to."""
    names = {address: name for name, address in ADDRESSES.items()}
    return {name: ", ".join(names[each] for each in addresses(server, client)) for name, client in CLIENTS.items()}


def geo_problems(server: str) -> str:
    """Returns what the node says of its geo files."""
    status = status_of(server)
    assert status is not None
    return "\n".join(status.geo_problems)


def test_an_installed_database_moves_clients_without_a_restart(
    cluster: Cluster, machine: Machine, server: str, record: Figure
) -> None:
    moved = write_good(cluster.folder / "moved.mmdb", {**NETWORKS, "81.2.64.0/18": city("US", at=(40.7, -74.0))})
    with stream(server, (*CLIENTS.values(), None)) as asking:
        installed = gtm("geodata", "install", str(moved), "--config", str(cluster.node_file(machine)))
        assert (installed.returncode, installed.stderr) == (0, "")
        assert f"installed as {cluster.database}" in installed.stdout
        took_s = within(TAKEN_UP_LIMIT_S, lambda: addresses(server, EUROPEAN) == (ADDRESSES[US_EAST],))
    record("seconds_from_installation_to_answer", took_s)
    assert asking.failures == []
    assert geo_problems(server) == ""


def test_a_corrupt_database_is_not_installed(cluster: Cluster, machine: Machine, server: str) -> None:
    before = cluster.database.read_bytes()
    corrupt = cluster.folder / "corrupt.mmdb"
    corrupt.write_bytes(before[: len(before) // 2])
    refused = gtm("geodata", "install", str(corrupt), "--config", str(cluster.node_file(machine)))
    assert refused.returncode == 1
    assert str(corrupt) in refused.stderr
    assert "Traceback" not in refused.stderr
    assert cluster.database.read_bytes() == before
    assert nearest(server) == {name: name for name in REGIONS}


def test_a_database_that_rots_or_vanishes_under_a_node_changes_nothing(cluster: Cluster, server: str) -> None:
    good = cluster.database.read_bytes()
    with stream(server, (*CLIENTS.values(), None)) as asking:
        # in place, and shorter: who has the file mapped is killed by this (SIGBUS)
        cluster.database.write_bytes(b"no database at all")
        within(TAKEN_UP_LIMIT_S, lambda: str(cluster.database) in geo_problems(server))
        assert nearest(server) == {name: name for name in REGIONS}

        cluster.database.unlink()
        within(TAKEN_UP_LIMIT_S, lambda: "No such file" in geo_problems(server))
        assert nearest(server) == {name: name for name in REGIONS}

        cluster.database.write_bytes(good)
        within(TAKEN_UP_LIMIT_S, lambda: geo_problems(server) == "")
        assert nearest(server) == {name: name for name in REGIONS}
    assert asking.failures == []
    [node] = cluster.started
    assert node.running
    assert node.said.count("the files loaded before go on serving") == 2


def test_a_node_without_any_database_gives_everyone_the_default_order_and_says_so(
    cluster: Cluster, machine: Machine
) -> None:
    good = cluster.database.read_bytes()
    cluster.database.unlink()
    node = cluster.start_node(machine)
    within(START_LIMIT_S, lambda: is_answering(machine.address))
    first, *_ = REGIONS
    assert nearest(machine.address) == dict.fromkeys(REGIONS, first)
    assert "every client gets the default order" in node.said
    assert "No such file" in geo_problems(machine.address)

    cluster.database.write_bytes(good)
    within(TAKEN_UP_LIMIT_S, lambda: nearest(machine.address) == {name: name for name in REGIONS})
    assert geo_problems(machine.address) == ""
