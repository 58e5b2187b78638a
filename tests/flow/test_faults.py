"""Real faults of machines and networks, with a client that asks 500 times a second: never a wrong answer."""

import os
from collections.abc import Callable

import pytest

from tests.fakes.cluster import Cluster
from tests.fakes.faults import FAULTS, Fault, measured

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(180),
    pytest.mark.tool("ip", "nft"),
    pytest.mark.skipif(os.geteuid() != 0, reason="only root makes network namespaces"),
    pytest.mark.xdist_group("faults"),
]

Record = Callable[[str, float], None]


@pytest.mark.parametrize(
    "fault",
    [pytest.param(each, id=each.name, marks=[pytest.mark.tool("etcd")] if each.by_etcd else []) for each in FAULTS],
)
def test_a_region_dies_and_no_answer_is_wrong_while(cluster: Cluster, record: Record, fault: Fault) -> None:
    seen = measured(cluster, fault)
    record("queries", seen.queries)
    record("unanswered", seen.unanswered)
    record("seconds_to_converge", seen.converged_s)
    record("seconds_of_the_bound", seen.bound_s)
    assert seen.wrong == ()
    assert seen.queries > 500
    assert seen.converged_s > 0
    assert fault.may_silence or seen.unanswered == 0
