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
from tests.afternoon.measuring import play
from tests.afternoon.places import BOLD, NS1, SAFE, SERVICE, TTL_S
from tests.afternoon.stage import Stage, set_stage
from tests.afternoon.table import heading, messages, row
from tests.fakes.cluster import Cluster, bound_s

pytestmark = [
    pytest.mark.slow,
    pytest.mark.alone,
    pytest.mark.timeout(120),
    pytest.mark.tool("ip", "unshare", "nginx", "unbound", "prometheus", "prometheus-alertmanager"),
    pytest.mark.skipif(os.geteuid() != 0, reason="only root makes network namespaces"),
]

Record = Callable[[str, float], None]

BUSY_S = 2.0
"""The bound is for probes that keep up; a machine that runs twenty processes on two cores may be late."""

CHANCE_S = 0.8
"""By so much two zones may differ with the same rules: each is asked ten times a second by each client."""

CACHED_S = 2.0
"""So long the resolver keeps an answer: the TTL is one second, and it counts in whole ones."""

CHANCE = 0.15
"""Likewise in shares: of the answers of a second and a half each endpoint of a region has half, give or take."""


@pytest.fixture(scope="module")
def afternoon(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Stage, Asking, float]]:
    """One stage for all incidents, each of which leaves it well, and the bound."""
    folder = tmp_path_factory.mktemp("afternoon")
    with Cluster(folder, quiet=True) as cluster, set_stage(cluster) as (stage, clients):
        yield stage, clients, bound_s(cluster.node_file(stage.nodes[NS1]), name=f"{SERVICE}.{SAFE}") + TTL_S


@pytest.mark.parametrize("incident", INCIDENTS, ids=lambda incident: incident.name)
def test_nobody_gets_worse_answers_for_the_rules(
    afternoon: tuple[Stage, Asking, float], record: Record, incident: Incident
) -> None:
    stage, clients, bound = afternoon
    stage.wait_until_well(clients)
    played = play(stage, clients, incident)
    safe, bold = played.by_zone[SAFE], played.by_zone[BOLD]
    for name, seen in (("safe", safe), ("bold", bold)):
        record(f"{name}_seconds_dead", seen.dead_s)
        record(f"{name}_busiest_share", seen.busiest)
    sys.stdout.write(f"{heading()}\n{row(played)}\n{messages(played)}\n")
    assert safe.wrong == ()
    assert safe.answers > 150
    assert safe.named_s <= bold.named_s + CHANCE_S
    assert safe.dead_s <= min(bound + BUSY_S, bold.named_s + CACHED_S + CHANCE_S)
    assert safe.busiest <= max(bold.busiest, incident.most_share) + CHANCE
    assert played.told.keys() == incident.says.keys()
