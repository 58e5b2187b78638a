"""Zone files whose authors want more than their zone, on a node that serves the zone of others too."""

import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from tests.fakes.asking import is_answering
from tests.fakes.cluster import START_LIMIT_S, Cluster, Running, within
from tests.fakes.siege import Siege, besiege, withstand

pytestmark = [pytest.mark.slow, pytest.mark.timeout(180), pytest.mark.alone]

Record = Callable[[str, float], None]

HEAD = """\
zone: greedy.test
nameservers: [ns1.example.net]
hostmaster: hostmaster@example.com
regions: {here: {at: [50.11, 8.68]}}
"""
ENDPOINTS = 3_000
"""Six times as many as there are checks at once."""


def add_zone(siege: Siege, *, port: int, interval: str, timeout: str) -> None:
    """Adds another zone, with thousands of endpoints, each on loopback, and waits until it serves."""
    ends = "".join(f"      - {{region: here, address: 127.200.{n // 250}.{n % 250 + 1}}}\n" for n in range(ENDPOINTS))
    (siege.cluster.zones / "greedy.yaml").write_text(
        f"{HEAD}monitors: {{m: {{type: http, port: {port}, interval: {interval}, timeout: {timeout}}}}}\n"
        f"services:\n  s:\n    monitor: m\n    steer: multivalue\n    endpoints:\n{ends}",
        encoding="utf-8",
    )
    within(START_LIMIT_S, lambda: is_answering(siege.machine.address, name="s.greedy.test"))


@contextmanager
def crowded(siege: Siege) -> Iterator[None]:
    """Endpoints that take connections and say nothing, for as long as a check may take."""
    with socket.socket() as silent:
        silent.bind(("0.0.0.0", 0))
        silent.listen(4096)
        add_zone(siege, port=silent.getsockname()[1], interval="60s", timeout="60s")
        yield


def test_endpoints_of_another_zone_that_hang_delay_no_failover(cluster: Cluster, record: Record) -> None:
    siege = besiege(cluster)
    seen = withstand(siege, crowded(siege), fall=Running.kill)
    seen.report(record)
    seen.hold()


@contextmanager
def busy(siege: Siege) -> Iterator[None]:
    """Endpoints that refuse connections: each check is over at once, and due again ten times a second."""
    add_zone(siege, port=9, interval="100ms", timeout="100ms")
    yield


@pytest.mark.parametrize("fall", [Running.kill, Running.hang], ids=["kill", "hang"])
def test_more_checks_of_another_zone_than_a_probe_can_make_delay_no_failover(
    cluster: Cluster, record: Record, fall: Callable[[Running], float]
) -> None:
    siege = besiege(cluster)
    seen = withstand(siege, busy(siege), fall=fall)
    seen.report(record)
    seen.hold()
