"""Real faults of machines and networks, with a client that asks 500 times a second: never a wrong answer."""

import os
from collections.abc import Callable

import pytest

from tests.fakes.cluster import Cluster
from tests.fakes.faults import (
    ETCD_GONE_S,
    Field,
    Seen,
    cut_probe,
    kill_probe,
    lossy_probe,
    lossy_server,
    measure,
    nothing_else,
    open_field,
    restart_etcd,
    restart_server,
)

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(180),
    pytest.mark.tool("ip", "nft"),
    pytest.mark.skipif(os.geteuid() != 0, reason="only root makes network namespaces"),
    pytest.mark.xdist_group("faults"),
]

Record = Callable[[str, float], None]


def require_right(seen: Seen, record: Record) -> None:
    record("queries", seen.queries)
    record("unanswered", seen.unanswered)
    record("seconds_to_converge", seen.converged_s)
    record("seconds_of_the_bound", seen.bound_s)
    assert seen.wrong == ()
    assert seen.queries > 500
    assert seen.converged_s > 0


@pytest.mark.parametrize(
    "act", [nothing_else, lossy_probe, cut_probe, kill_probe], ids=["alone", "lossy-probe", "cut-probe", "killed-probe"]
)
def test_a_region_dies_while_one_probe_is_of_no_use(
    cluster: Cluster, record: Record, act: Callable[[Field], None]
) -> None:
    with open_field(cluster) as here:
        seen = measure(here, act.__name__, act)
    require_right(seen, record)
    assert seen.unanswered == 0


def test_a_region_dies_while_a_third_of_all_packets_of_the_server_are_lost(cluster: Cluster, record: Record) -> None:
    with open_field(cluster) as here:
        require_right(measure(here, "lossy server", lossy_server, more_s=LOST_S), record)


LOST_S = 15.0
"""TCP sends a lost report again after 0.2, 0.4, 0.8 ... s, and a poll that came to nothing is begun again after 8."""


def test_a_region_dies_while_every_report_is_half_a_second_late(cluster: Cluster, record: Record) -> None:
    with open_field(cluster, delay_s=0.5) as here:
        seen = measure(here, "reports delayed 500 ms", nothing_else, more_s=1.5)
    require_right(seen, record)
    assert seen.unanswered == 0


def test_the_server_is_killed_after_a_region_died_and_never_names_it_again(cluster: Cluster, record: Record) -> None:
    with open_field(cluster) as here:
        require_right(measure(here, "server killed", restart_server), record)


@pytest.mark.tool("etcd")
def test_a_region_dies_while_etcd_is_dead(cluster: Cluster, record: Record) -> None:
    with open_field(cluster, by_etcd=True) as here:
        seen = measure(here, "etcd killed", restart_etcd, more_s=ETCD_GONE_S + 5.0)
    require_right(seen, record)
    assert seen.unanswered == 0
