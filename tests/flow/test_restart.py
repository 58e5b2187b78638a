"""A DNS node is killed and started again where nobody is left to tell it anything: it answers what it last believed."""

import time
from collections.abc import Callable

import pytest

from gtm.counters import Counters
from gtm.health.belief import Belief
from gtm.health.verdict.reading import Reason
from gtm.node.rivers.saving import SAVE_INTERVAL_S
from gtm.node.state.folder import StateFolder
from tests.fakes.asking import addresses, is_answering, status_of
from tests.fakes.cluster import (
    AP_SOUTHEAST,
    CLIENTS,
    EU_WEST,
    IMPATIENT,
    REGIONS,
    START_LIMIT_S,
    US_EAST,
    Cluster,
    Machine,
    within,
)
from tests.fakes.stage import Stage, set_stage

pytestmark = [pytest.mark.slow, pytest.mark.timeout(120)]

SAVED_LIMIT_S = 2 * SAVE_INTERVAL_S
"""The regions have just come up, so the next write has to wait for its turn."""

SOME_ROUNDS = 5 * len(REGIONS)
"""Readings: more rounds of them than `rise`."""

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


def test_probes_that_are_killed_and_started_again_keep_to_the_failback_delay(stage: Stage) -> None:
    text, probes = stage.cluster.zone_file.read_text(), stage.probes
    before = [serial(probe) for probe in probes]
    stage.cluster.zone_file.write_text(text.replace(IMPATIENT, "failback_delay: 1h"))
    within(START_LIMIT_S, lambda: all(serial(probe) > own for probe, own in zip(probes, before, strict=True)))
    stage.running[EU_WEST].kill()
    stage.wait_for(EU_DOWN)
    within(SAVED_LIMIT_S, lambda: all(remembers_a_fall(stage, probe) for probe in probes))
    for probe in probes:
        stage.running[probe.name].kill()
    stage.start_region(EU_WEST)
    for probe in probes:
        stage.start_node(probe)
    within(START_LIMIT_S, lambda: last_readings(stage, EU_WEST) == [Reason.OK] * len(probes))
    assert stage.beliefs() == EU_DOWN, "all of them see that it is well, and the hour is not over"
    read = {probe.name: readings(probe) for probe in probes}
    within(START_LIMIT_S, lambda: all(readings(probe) > read[probe.name] + SOME_ROUNDS for probe in probes))
    assert stage.beliefs() == EU_DOWN, "not after more readings than `rise` either"


def serial(probe: Machine) -> int:
    """Returns the serial of the zone that a probe has now."""
    status = status_of(probe.address)
    return 0 if status is None else status.zones[0].serial


def readings(probe: Machine) -> int:
    """Returns how many readings a probe has made."""
    status = status_of(probe.address)
    return 0 if status is None else sum(count for name, count in status.counters.items() if name.startswith("readings"))


def remembers_a_fall(stage: Stage, probe: Machine) -> bool:
    """Returns whether a probe has on its disk that something is down."""
    state = StateFolder(stage.cluster.folder / f"{probe.name}.state", Counters())
    verdicts = state.load_verdicts(now=time.monotonic(), wall=time.time())
    return any(verdict.belief is Belief.DOWN for verdict in verdicts.values())


def last_readings(stage: Stage, region: str) -> list[Reason]:
    """Returns the reasons of the probes' last readings of a region, as the DNS node heard them."""
    endpoints = [endpoint for service in stage.status().services for endpoint in service.endpoints]
    return [voice.reason for endpoint in endpoints if endpoint.region == region for voice in endpoint.voices]


def saved_beliefs(stage: Stage) -> dict[str, Belief]:
    """Returns the beliefs on the DNS node's disk, by region."""
    saved = StateFolder(stage.cluster.folder / "ns1.state", Counters()).load_status()
    return {
        name: one.belief
        for check, one in saved.checks.items()
        for name, address in stage.addresses.items()
        if check.endswith(f"/{address}")
    }
