"""Zone files whose authors want more than their zone, on a node that serves the zone of others too."""

import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from tests.fakes.asking import is_answering
from tests.fakes.cluster import START_LIMIT_S, Cluster, Running, within
from tests.fakes.siege import Siege, besiege, withstand

pytestmark = [pytest.mark.slow, pytest.mark.timeout(180), pytest.mark.xdist_group("attacks")]

Record = Callable[[str, float], None]

HEAD = """\
zone: greedy.test
nameservers: [ns1.example.net]
hostmaster: hostmaster@example.com
regions: {here: {at: [50.11, 8.68]}}
"""
ENDPOINTS = 3_000
"""Six times as many as there are checks at once."""


def hanging_zone(port: int) -> str:
    """A zone whose endpoints take connections and say nothing, for as long as a check may take."""
    ends = "".join(f"      - {{region: here, address: 127.200.{n // 250}.{n % 250 + 1}}}\n" for n in range(ENDPOINTS))
    return (
        f"{HEAD}monitors: {{m: {{type: http, port: {port}, interval: 60s, timeout: 60s}}}}\n"
        f"services:\n  s:\n    monitor: m\n    steer: multivalue\n    endpoints:\n{ends}"
    )


@contextmanager
def crowded(siege: Siege) -> Iterator[None]:
    """Another zone, with thousands of endpoints that hang."""
    with socket.socket() as silent:
        silent.bind(("0.0.0.0", 0))
        silent.listen(4096)
        (siege.cluster.zones / "greedy.yaml").write_text(hanging_zone(silent.getsockname()[1]), encoding="utf-8")
        within(START_LIMIT_S, lambda: is_answering(siege.machine.address, name="s.greedy.test"))
        yield


def test_endpoints_of_another_zone_that_hang_delay_no_failover(cluster: Cluster, record: Record) -> None:
    siege = besiege(cluster)
    seen = withstand(siege, crowded(siege), fall=Running.kill)
    seen.report(record)
    seen.hold()


def busy_zone(interval: str) -> str:
    """A zone whose endpoints refuse connections: each check is over at once, and due again."""
    ends = "".join(f"      - {{region: here, address: 127.201.{n // 250}.{n % 250 + 1}}}\n" for n in range(ENDPOINTS))
    return (
        f"{HEAD}monitors: {{m: {{type: http, port: 9, interval: {interval}, timeout: 100ms}}}}\n"
        f"services:\n  s:\n    monitor: m\n    steer: multivalue\n    endpoints:\n{ends}"
    )


@contextmanager
def busy(siege: Siege) -> Iterator[None]:
    """Another zone, with thousands of endpoints that are checked ten times a second."""
    (siege.cluster.zones / "greedy.yaml").write_text(busy_zone("100ms"), encoding="utf-8")
    within(START_LIMIT_S, lambda: is_answering(siege.machine.address, name="s.greedy.test"))
    yield


@pytest.mark.parametrize("fall", [Running.kill, Running.hang], ids=["kill", "hang"])
def test_more_checks_of_another_zone_than_a_probe_can_make_delay_no_failover(
    cluster: Cluster, record: Record, fall: Callable[[Running], float]
) -> None:
    siege = besiege(cluster)
    seen = withstand(siege, busy(siege), fall=fall)
    seen.report(record)
    seen.hold()
