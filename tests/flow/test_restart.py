"""A DNS node is killed and started again where nobody is left to tell it anything: it answers what it last believed."""

import time
from collections.abc import Callable

import pytest

from gtm.counters import Counters
from gtm.health.belief import Belief
from gtm.node.health import SAVE_INTERVAL_S
from gtm.node.state import StateFolder
from tests.fakes.asking import addresses, is_answering
from tests.fakes.cluster import AP_SOUTHEAST, CLIENTS, EU_WEST, REGIONS, START_LIMIT_S, US_EAST, Cluster, within
from tests.fakes.stage import Stage, set_stage

pytestmark = [pytest.mark.slow, pytest.mark.timeout(120)]

SAVED_LIMIT_S = 2 * SAVE_INTERVAL_S
"""The regions have just come up, so the next write has to wait for its turn."""

EU_DOWN = {US_EAST: "up", EU_WEST: "down", AP_SOUTHEAST: "up"}

Figure = Callable[[str, float], None]


@pytest.fixture
def stage(cluster: Cluster) -> Stage:
    return set_stage(cluster)


def test_a_killed_node_that_hears_nobody_does_not_revive_a_dead_region(stage: Stage, record: Figure) -> None:
    within(START_LIMIT_S, lambda: saved_beliefs(stage) == dict.fromkeys(REGIONS, Belief.UP))
    stage.running[EU_WEST].kill()
    stage.wait_for(EU_DOWN)
    saved_s = within(SAVED_LIMIT_S, lambda: saved_beliefs(stage)[EU_WEST] is Belief.DOWN)
    record("seconds_from_change_of_mind_to_disk", saved_s)

    for name in ("ns1", "probe-1", "probe-2", "probe-3"):
        stage.running[name].kill()
    # the region is well again, but nobody is there to say so
    stage.start_region(EU_WEST)

    began = time.monotonic()
    stage.start_node(stage.server)
    within(START_LIMIT_S, lambda: is_answering(stage.server.address))
    record("seconds_from_start_to_first_answer", time.monotonic() - began)
    assert addresses(stage.server.address, CLIENTS[EU_WEST]) == (stage.addresses[US_EAST],)
    within(START_LIMIT_S, lambda: stage.beliefs() == {name: f"{belief} frozen" for name, belief in EU_DOWN.items()})
    # it knows what it last believed, so it need not wait for anybody before it answers
    assert "still unknown" not in stage.running["ns1"].said

    for probe in stage.probes:
        stage.start_node(probe)
    stage.wait_for(dict.fromkeys(REGIONS, "up"))
    within(START_LIMIT_S, lambda: stage.nearest() == {name: name for name in REGIONS})


def saved_beliefs(stage: Stage) -> dict[str, Belief]:
    """Returns the beliefs on the DNS node's disk, by region."""
    saved = StateFolder(stage.cluster.folder / "ns1.state", Counters()).load_status()
    return {
        name: one.belief
        for check, one in saved.checks.items()
        for name, address in stage.addresses.items()
        if check.endswith(f"/{address}")
    }
