"""People take a region out of the answers, on the machine of one node, whatever became of all the others."""

import pytest

from tests.fakes.asking import is_answering, status_of
from tests.fakes.cluster import AP_SOUTHEAST, EU_WEST, REGIONS, START_LIMIT_S, US_EAST, Cluster, gtm, within
from tests.fakes.stage import Stage, set_stage

pytestmark = [pytest.mark.slow, pytest.mark.timeout(180)]

HOME = {name: name for name in REGIONS}
SPREAD_LIMIT_S = 5.0
"""A long poll returns at once; a busy machine takes a while to notice."""


@pytest.fixture
def stage(cluster: Cluster) -> Stage:
    return set_stage(cluster)


def say(stage: Stage, node: str, *words: str) -> str:
    """Says something on the machine of a node, as its operator would."""
    machine = next(one for one in (stage.server, *stage.probes) if one.name == node)
    ran = gtm(*words, "--config", str(stage.cluster.node_file(machine)))
    assert ran.returncode == 0, ran.stderr
    return ran.stdout


def test_a_region_drained_at_a_probe_is_out_of_the_answers_everywhere_until_the_time_is_over(stage: Stage) -> None:
    said = say(stage, "probe-2", "drain", EU_WEST, "--for", "12s", "--why", "new switches", "--by", "ann")
    assert said.startswith(f"region gtm.test/{EU_WEST}: drain until ")
    within(SPREAD_LIMIT_S, lambda: EU_WEST not in stage.nearest().values())
    assert "drain" in say(stage, "ns1", "overrides")
    assert stage.beliefs()[EU_WEST] == "up", "what the checks say is shown beside it"
    within(START_LIMIT_S, lambda: stage.nearest() == HOME)
    assert say(stage, "ns1", "overrides").count("\n") == 1, "the line of column names"


def test_an_override_outlives_everybody_who_heard_it_but_one(stage: Stage) -> None:
    say(stage, "probe-1", "down", EU_WEST, "--why", "a fire", "--by", "ann")
    within(SPREAD_LIMIT_S, lambda: EU_WEST not in stage.nearest().values())
    for name in ("probe-1", "probe-2", "probe-3", "ns1"):
        stage.running[name].kill()
    stage.start_node(stage.server)
    within(START_LIMIT_S, lambda: is_answering(stage.server.address))
    assert EU_WEST not in stage.nearest().values()
    within(START_LIMIT_S, lambda: status_of(stage.server.address) is not None)  # the plan of before answers sooner
    assert "a fire" in say(stage, "ns1", "status"), "with no peer alive"

    say(stage, "ns1", "clear", EU_WEST)
    within(SPREAD_LIMIT_S, lambda: stage.nearest() == HOME)
    for probe in stage.probes:
        stage.start_node(probe)
    stage.wait_for({US_EAST: "up", EU_WEST: "up", AP_SOUTHEAST: "up"})
    assert stage.nearest() == HOME, "what probe-1 said before does not come back"
