"""Regions and probes die under load: clients always get an address, and soon never a dead one.

Three toy regions, three probes of three vantages, and a DNS node, each a process; they are killed, not asked to end.
"""

from collections.abc import Callable

import pytest

from tests.fakes.asking import stream
from tests.fakes.cluster import (
    AP_SOUTHEAST,
    CLIENTS,
    EU_WEST,
    REGIONS,
    START_LIMIT_S,
    US_EAST,
    Cluster,
    bound_s,
    within,
)
from tests.fakes.failover import measure_failover
from tests.fakes.stage import Stage, set_stage

pytestmark = [pytest.mark.slow, pytest.mark.timeout(120)]

EVERYBODY = (*CLIENTS.values(), None)
"""A client of each region, and one without EDNS."""

BUSY_S = 1.0
"""The bound is for probes that keep up; a machine that runs all of this and more besides may be late."""

Record = Callable[[str, float], None]


@pytest.fixture
def stage(cluster: Cluster) -> Stage:
    return set_stage(cluster)


@pytest.mark.parametrize("hangs", [False, True], ids=["killed", "hung"])
def test_no_query_fails_while_a_region_dies_and_comes_back(stage: Stage, record: Record, *, hangs: bool) -> None:
    assert stage.nearest() == {name: name for name in REGIONS}
    found = measure_failover(stage, EU_WEST, EVERYBODY, hangs=hangs)

    record("seconds_from_death_to_last_answer_naming_it", found.last_named_s)
    record("seconds_from_return_to_first_answer_naming_it", found.named_again_s)
    record("queries", found.queries)
    limit_s = bound_s(stage.cluster.node_file(stage.server))
    record("seconds_of_the_bound", limit_s)
    assert found.failures == ()
    assert found.queries > 600
    assert 0 < found.last_named_s < limit_s + BUSY_S
    assert stage.nearest() == {name: name for name in REGIONS}


def test_one_probe_of_three_may_die(stage: Stage) -> None:
    with stream(stage.server.address, EVERYBODY) as asking:
        stage.running["probe-1"].kill()
        within(START_LIMIT_S, lambda: fresh_vantages(stage) == {"vantage-2", "vantage-3"})
        assert stage.beliefs() == dict.fromkeys(REGIONS, "up")
        assert stage.nearest() == {name: name for name in REGIONS}

        stage.running[EU_WEST].kill()
        within(START_LIMIT_S, lambda: stage.nearest()[EU_WEST] == US_EAST)
        assert stage.beliefs() == {US_EAST: "up", EU_WEST: "down", AP_SOUTHEAST: "up"}
    assert asking.failures == []


def test_too_few_voices_change_nothing_even_when_a_region_dies(stage: Stage) -> None:
    with stream(stage.server.address, EVERYBODY) as asking:
        for name in ("probe-1", "probe-2"):
            stage.running[name].kill()
        stage.wait_for(dict.fromkeys(REGIONS, "up frozen"))
        assert "quorum lost for" in stage.running["ns1"].said

        stage.running[EU_WEST].kill()
        within(START_LIMIT_S, lambda: f"{stage.addresses[EU_WEST]}: UP -> DOWN" in stage.running["probe-3"].said)
        # the one probe that lives says so, and the DNS node has heard it, and is not moved
        within(START_LIMIT_S, lambda: voices(stage, EU_WEST).get("vantage-3") == "down")
        assert stage.beliefs() == dict.fromkeys(REGIONS, "up frozen")
        assert stage.nearest() == {name: name for name in REGIONS}

        for probe in stage.probes[:2]:
            stage.start_node(probe)
        stage.wait_for({US_EAST: "up", EU_WEST: "down", AP_SOUTHEAST: "up"})
        within(START_LIMIT_S, lambda: stage.nearest()[EU_WEST] == US_EAST)
        assert "quorum found again for all 3 checks" in stage.running["ns1"].said.partition("quorum lost")[2]

        stage.start_region(EU_WEST)
        within(START_LIMIT_S, lambda: stage.nearest() == {name: name for name in REGIONS})
    assert asking.failures == []


def test_probes_that_hang_for_a_while_take_nothing_down(stage: Stage) -> None:
    with stream(stage.server.address, EVERYBODY) as asking:
        for name in ("probe-1", "probe-2"):
            stage.running[name].hang()
        stage.wait_for(dict.fromkeys(REGIONS, "up frozen"))
        for name in ("probe-1", "probe-2"):
            stage.running[name].wake()
        stage.wait_for(dict.fromkeys(REGIONS, "up"))
        # a round of checks later there still is nothing to say
        within(START_LIMIT_S, lambda: fresh_vantages(stage) == {"vantage-1", "vantage-2", "vantage-3"})
    assert asking.failures == []
    assert not any("-> DOWN" in running.said for running in stage.running.values())


def voices(stage: Stage, region: str) -> dict[str, str]:
    """Returns what each fresh vantage says of a region, as the DNS node hears it."""
    status = stage.status()
    return {
        str(voice.vantage): voice.belief.value
        for service in status.services
        for endpoint in service.endpoints
        for voice in endpoint.voices
        if endpoint.region == region and voice.fresh
    }


def fresh_vantages(stage: Stage) -> set[str]:
    """Returns the vantages that count for every region."""
    return set.intersection(*(set(voices(stage, region)) for region in REGIONS))
