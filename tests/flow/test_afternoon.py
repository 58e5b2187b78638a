"""The afternoon of an on-call team, in real processes: in no incident do clients get worse answers for `safety`.

Two zones have the same endpoints and the same checks, one with the default rules of safety and one without any, and
clients ask both at the same moment (tests/afternoon/places.py). `python -m bench.afternoon` prints the same as a table.
"""

import os
import sys
from collections.abc import Callable, Iterator

import pytest

from tests.afternoon.clients import Asking
from tests.afternoon.incidents import INCIDENTS, Incident
from tests.afternoon.judging import faults
from tests.afternoon.measuring import play
from tests.afternoon.stage import Stage, set_stage
from tests.afternoon.table import heading, messages, row
from tests.fakes.cluster import Cluster

pytestmark = [
    pytest.mark.slow,
    pytest.mark.alone,
    pytest.mark.timeout(120),
    pytest.mark.tool("ip", "unshare", "nginx", "unbound", "prometheus", "prometheus-alertmanager"),
    pytest.mark.skipif(os.geteuid() != 0, reason="only root makes network namespaces"),
]

Record = Callable[[str, float], None]


@pytest.fixture(scope="module")
def afternoon(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Stage, Asking, float]]:
    """One stage for all incidents, each of which leaves it well, and the bound."""
    folder = tmp_path_factory.mktemp("afternoon")
    with Cluster(folder, quiet=True) as cluster, set_stage(cluster) as (stage, clients):
        yield stage, clients, stage.bound_s()


@pytest.mark.parametrize("incident", INCIDENTS, ids=lambda incident: incident.name)
def test_nobody_gets_worse_answers_for_the_rules_and_somebody_is_told(
    afternoon: tuple[Stage, Asking, float], record: Record, incident: Incident
) -> None:
    stage, clients, bound_s = afternoon
    stage.wait_until_well(clients)
    played = play(stage, clients, incident)
    for zone, seen in played.by_zone.items():
        record(f"{zone}_seconds_dead", seen.dead_s)
        record(f"{zone}_busiest_share", seen.busiest)
    sys.stdout.write(f"{heading()}\n{row(played, bound_s=bound_s)}\n{messages(played)}\n")
    assert faults(played, bound_s=bound_s) == ()
