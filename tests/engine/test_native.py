"""The Rust engine's own ways: what its stub says, which blob crosses when, and that a bad one changes nothing."""

import subprocess
import sys
from ipaddress import ip_address

import dns.query
import pytest

from gtm.engine.protocol import Transport
from gtm.plan.apply import apply
from gtm.plan.blob import compose_decisions, compose_names, numbering
from gtm.serve.crowd import DEFAULT_LIMITS
from tests.fakes import world
from tests.fakes.world import query, values

extension = pytest.importorskip("gtm._native")
native = pytest.importorskip("gtm.engine.native")


@pytest.mark.slow
def test_the_stub_says_what_the_extension_has() -> None:
    ran = subprocess.run(
        [sys.executable, "-m", "mypy.stubtest", "gtm._native"], capture_output=True, text=True, check=False
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr


def test_a_flip_of_health_hands_over_only_the_services_that_changed() -> None:
    zone = world.zone()
    before = world.plan(zone, beliefs={})
    after = apply(before, world.status(world.down("192.0.2.50"), zone), world.checks_of(before, "192.0.2.50"))
    assert after is not None
    engine = native.NativeEngine()
    engine.swap(before)
    handed_over: list[bytes] = []
    real = engine._dataplane

    class Spy:
        def swap_decisions(self, blob: bytes) -> None:
            handed_over.append(blob)
            real.swap_decisions(blob)

    engine._dataplane = Spy()
    engine.swap(after)
    engine._dataplane = real
    whole = compose_decisions(after, after.services, numbering(after))
    assert len(handed_over) == 1
    assert len(handed_over[0]) < len(whole) / 4
    assert values(world.answer(engine, query("failover")).answer) == ["192.0.2.51"]


def test_a_blob_that_is_none_is_refused_and_the_last_plan_goes_on_serving() -> None:
    plan = world.plan(world.zone(), beliefs={})
    numbers = numbering(plan)
    dataplane = extension.Dataplane()
    dataplane.swap_names(compose_names(plan, numbers), compose_decisions(plan, plan.services, numbers))
    wire = query("mail").to_wire()
    good = dataplane.respond(wire, ip_address(world.EU), tcp=False, coin=0)
    for names, decisions in [(b"", b""), (b"\xc1", b"x"), (compose_names(plan, numbers), b"\x90")]:
        with pytest.raises(ValueError, match="not a plan"):
            dataplane.swap_names(names, decisions)
    with pytest.raises(ValueError, match="not a plan"):
        dataplane.swap_decisions(b"\x00" * 40)
    assert dataplane.respond(wire, ip_address(world.EU), tcp=False, coin=0) == good


def test_it_answers_over_its_own_sockets_and_counts() -> None:
    engine = native.NativeEngine()
    engine.swap(world.plan(world.zone(), beliefs={}, geography=world.geography()))
    addresses = engine.listen(("127.0.0.1:0", "[::1]:0"), threads=1, tcp=DEFAULT_LIMITS)
    engine.start()
    try:
        for at in addresses:
            host, _, port = at.rpartition(":")
            for ask in (dns.query.udp, dns.query.tcp):
                message = ask(query("api", subnet="10.2.0.0/24"), host.strip("[]"), port=int(port), timeout=5)
                assert set(values(message.answer)) <= {"192.0.2.20", "192.0.2.21"}
        counted = engine.counters()
        assert counted['dns_responses{rcode="NOERROR",transport="udp"}'] == 2
        assert counted['dns_responses{rcode="NOERROR",transport="tcp"}'] == 2
    finally:
        engine.stop()


def test_a_taken_port_is_said_by_the_system_and_named() -> None:
    engine, other = native.NativeEngine(), native.NativeEngine()
    (taken,) = engine.listen(("127.0.0.1:0",), threads=1, tcp=DEFAULT_LIMITS)
    with pytest.raises(OSError, match="in use") as failure:
        other.listen((taken,), threads=1, tcp=DEFAULT_LIMITS)
    assert failure.value.filename == f"UDP {taken}"
    engine.stop()


def test_any_bytes_get_what_the_reference_engine_gives_over_the_socket_too() -> None:
    engine = native.NativeEngine()
    assert engine.respond(b"\x00" * 12, ip_address("::1"), Transport.UDP, 2**64 - 1) is not None
