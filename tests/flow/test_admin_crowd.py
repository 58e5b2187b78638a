"""A node whose admin API is crowded by connections that cost a stranger nothing: a program of its own opens thousands.

Clients of DNS, /livez, failover, memory and the end of the node are as without it.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from gtm.admin.address import SOCKET_NAME, UNIX
from gtm.admin.client import fetch_status
from gtm.metrics.counted import parse_series
from tests.fakes import crowding
from tests.fakes.certificates import Authority
from tests.fakes.cluster import ADMIN_PORT, Cluster, within
from tests.fakes.siege import Siege, besiege, withstand

pytestmark = [pytest.mark.slow, pytest.mark.timeout(180), pytest.mark.alone]

CROWDED_LIMIT_S = 20.0
"""For so many connections to have been made that the node had to end some."""
DESCRIPTORS = 800
"""Of checks, files, DNS and at most 256 for the admin API."""


def dropped(siege: Siege) -> int:
    """How many connections the node turned away or ended, as it says on its socket."""
    state = siege.cluster.folder / f"{siege.machine.name}.state" / SOCKET_NAME
    counted = fetch_status(f"{UNIX}{state}").counters
    names = {"admin_connections_dropped", "admin_connections_refused"}
    return sum(count for series, count in counted.items() if parse_series(series)[0] in names)


def descriptors(siege: Siege) -> int:
    return len(list(Path(f"/proc/{siege.node.process.pid}/fd").iterdir()))


@contextmanager
def crowded(siege: Siege, *kinds: str) -> Iterator[None]:
    programs = [
        siege.cluster.start(f"crowd-{kind}", (crowding.__file__, siege.machine.address, str(ADMIN_PORT), kind))
        for kind in kinds
    ]
    within(CROWDED_LIMIT_S, lambda: dropped(siege) > 0)
    yield
    for program in programs:
        assert program.running
        program.kill()


def test_handshakes_that_never_end_keep_nobody_out(cluster: Cluster, record: Callable[[str, float], None]) -> None:
    def with_tls(node: dict[str, object]) -> None:
        listen = node["listen"]
        assert isinstance(listen, dict)
        listen["tls"] = {"certificate": str(Authority(cluster.folder).issue("ns1.example.net"))}

    siege = besiege(cluster, edit_node=with_tls, tls=True)
    with crowded(siege, "handshakes"):
        assert descriptors(siege) < DESCRIPTORS
    seen = withstand(siege, crowded(siege, "handshakes"))
    seen.report(record)
    seen.hold()
    assert "Traceback" not in siege.node.said


def test_heads_that_never_end_and_readers_that_do_not_read_keep_nobody_out(
    cluster: Cluster, record: Callable[[str, float], None]
) -> None:
    siege = besiege(cluster)
    with crowded(siege, "heads", "readers"):
        assert descriptors(siege) < DESCRIPTORS
    seen = withstand(siege, crowded(siege, "heads", "readers"))
    seen.report(record)
    seen.hold()
    assert "Traceback" not in siege.node.said
