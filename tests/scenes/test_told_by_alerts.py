"""Scenes of a node that hears nobody, or not everybody: which alerts fire, as Prometheus evaluates its metrics."""

import logging
from pathlib import Path

import pytest

from gtm.counters import Counters
from gtm.health.override.override import Action, SafetyRule
from gtm.ids import NodeName, VantageName
from gtm.share.report_store import Reporter, ReportStore
from tests.fakes.peers import key_of
from tests.fakes.promtool import Expected, all_alerts, require_alerts
from tests.scenes.monitored import EVERY, OF_NS1, Monitor
from tests.scenes.play import API, FIRST, NEAR, PAIR, SECOND, THIRD, Play, Probe

pytestmark = [pytest.mark.slow, pytest.mark.tool("promtool")]

NAMES = ("fra-1", "iad-1", "sin-1", "gru-1")
BLIND = Expected(
    "ns1:8053 hears no vote of any peer: it answers from what it knew, or from its own checks alone", OF_NS1
)
A_WHILE = 36
"""Rounds: three minutes."""


def silent(*names: str) -> list[Expected]:
    words = "None of the votes of probe {} is fresh, or it was never heard, as a node sees it"
    return [Expected(words.format(name), {"probe": name}) for name in names]


def watched(tmp_path: Path, *, services: str = PAIR, dead: str = "") -> tuple[Play, Monitor]:
    """Four probes, of which one may never run."""
    play = Play(services, tmp_path, [Probe(name, alive=name != dead) for name in NAMES])
    play.settle()
    return play, Monitor(play, tmp_path / "node")


def require(monitor: Monitor, tmp_path: Path, expected: dict[str, list[Expected]]) -> None:
    require_alerts(tmp_path, monitor.series(), expected, at=monitor.now, interval=monitor.interval)


def test_in_quiet_times_none_fires(tmp_path: Path) -> None:
    play, monitor = watched(tmp_path, services=API)
    play.say(Action.DRAIN, "region gtm.example.com/us-east")
    monitor.watch(2 * A_WHILE)
    by_date = {"GtmNodeCertExpiring", "GtmCertExpiring", "GtmGeoipStale", "GtmConfigChanged"}  # promtool is in 1970
    require(monitor, tmp_path, {alert: [] for alert in all_alerts() if alert not in by_date})


def test_a_node_that_hears_nobody_is_told_although_it_hears_itself(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """It carries an override, and so has a report of its own."""
    play, monitor = watched(tmp_path)
    play.say(Action.DRAIN, "region gtm.example.com/us-east")
    monitor.watch(A_WHILE)
    require(monitor, tmp_path, {"GtmStatusStale": [], "GtmProbeSilent": []})
    for probe in play.probes:
        probe.alive = False
    monitor.watch(A_WHILE)
    require(monitor, tmp_path, {"GtmStatusStale": [BLIND], "GtmProbeSilent": silent(*NAMES)})
    assert play.server.river.blindness.is_blind
    assert play.server.river.blindness.problem.startswith("no vote of any probe counts at this node: it goes on with ")
    assert caplog.messages.count(play.server.river.blindness.problem) == 1, "once, and not while anybody votes"
    for probe in play.probes:
        probe.alive = True
    monitor.watch(A_WHILE)
    require(monitor, tmp_path, {"GtmStatusStale": [], "GtmProbeSilent": []})
    assert play.server.river.blindness.problem == ""
    kinds = [event.kind.value for event in play.server.events.events]
    assert [kind for kind in kinds if kind.startswith("gtm.node.")][-2:] == ["gtm.node.blind", "gtm.node.sees"]


def test_a_probe_that_was_never_heard_is_told(tmp_path: Path) -> None:
    _, monitor = watched(tmp_path, dead="gru-1")
    monitor.watch(A_WHILE)
    require(monitor, tmp_path, {"GtmStatusStale": [], "GtmProbeSilent": silent("gru-1"), "GtmPeerKeyWrong": []})
    [ages] = [values for name, values in monitor.series().items() if "report_age" in name and "gru-1" in name]
    assert [float(age) for age in ages.split()] == [15.0 * number for number in range(1, A_WHILE // 3 + 1)]


def test_a_probe_that_checks_nothing_is_told_until_it_does(tmp_path: Path) -> None:
    play, monitor = watched(tmp_path)
    play.probe("gru-1").votes = False
    monitor.watch(A_WHILE)
    require(monitor, tmp_path, {"GtmProbeSilent": silent("gru-1")})
    play.probe("gru-1").votes = True
    monitor.watch(A_WHILE)
    require(monitor, tmp_path, {"GtmProbeSilent": []})


def test_a_peer_with_another_key_is_told_by_name(tmp_path: Path) -> None:
    play, monitor = watched(tmp_path, dead="gru-1")
    gru = play.probe("gru-1")
    me = Reporter(NodeName("gru-1"), VantageName("gru"), key_of("a new key"), 1)
    gru.report_store, gru.alive = ReportStore(me, {}, clock=gru.clock, counters=Counters()), True
    monitor.watch(A_WHILE)
    words = "Peer gru-1 signs with another key than ns1:8053 lists for it: nothing that it says is believed"
    wrong = Expected(words, {"instance": "ns1:8053", "peer": "gru-1"})
    require(monitor, tmp_path, {"GtmPeerKeyWrong": [wrong], "GtmProbeSilent": silent("gru-1"), "GtmReportsForged": []})


def test_a_node_whose_own_clock_is_off_is_told_so(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    play, monitor = watched(tmp_path)
    monitor.watch(A_WHILE)
    play.server.clock.step_wall(-41.0)
    with caplog.at_level(logging.INFO, logger="gtm.node.notices.clocks"):
        monitor.watch(A_WHILE)
    off = Expected("The clock of ns1:8053 is -41 s ahead of most others (less than 0: behind)", OF_NS1)
    require(monitor, tmp_path, {"GtmNodeClockOff": [off], "GtmPeerClockOff": [], "GtmStatusStale": [BLIND]})
    [told] = [record.message for record in caplog.records if record.name == "gtm.node.notices.clocks"]
    assert told.startswith("this node's clock is 41 s behind 4 of 4 peers (fra-1 +41 s, gru-1 +41 s, iad-1 +41 s, ")
    assert told in play.server.report_store.clocks.skew.problems
    play.server.clock.step_wall(41.0)
    with caplog.at_level(logging.INFO, logger="gtm.node.notices.clocks"):
        monitor.watch(A_WHILE)
    require(monitor, tmp_path, {"GtmNodeClockOff": [], "GtmStatusStale": []})
    assert caplog.records[-1].message == "this node's clock is no longer seen to be off"
    assert [event.kind.value for event in play.server.events.events if "clock" in event.kind.value] == [
        "gtm.clock.off",
        "gtm.clock.right",
    ]


def test_a_peer_whose_clock_is_off_is_told_by_name_before_it_is_refused(tmp_path: Path) -> None:
    play, monitor = watched(tmp_path)
    play.probe("fra-1").clock.step_wall(-20.0)
    monitor.watch(A_WHILE)
    words = "The clock of peer fra-1 is 20 s off, as a node sees it: from 30 s on it is not believed"
    off = Expected(words, {"peer": "fra-1"})
    require(monitor, tmp_path, {"GtmPeerClockOff": [off], "GtmNodeClockOff": [], "GtmProbeSilent": []})
    play.probe("fra-1").clock.step_wall(-21.0)
    monitor.watch(A_WHILE)
    off = Expected(words.replace("20", "41"), {"peer": "fra-1"})
    require(monitor, tmp_path, {"GtmPeerClockOff": [off], "GtmNodeClockOff": [], "GtmProbeSilent": silent("fra-1")})


def test_an_endpoint_that_one_vantage_does_not_reach_is_told_with_the_vantage(tmp_path: Path) -> None:
    probes = [Probe(f"{vantage}-{number}") for vantage in ("fra", "iad", "sin") for number in (1, 2)]
    play = Play(NEAR, tmp_path, probes)
    play.settle()
    monitor = Monitor(play, tmp_path / "node")
    monitor.watch(A_WHILE)
    require(monitor, tmp_path, {"GtmEndpointCutOff": []})
    play.sees = lambda place, address: not (place == "fra" and address == THIRD)
    monitor.watch(A_WHILE)
    end = f"ap-southeast/{THIRD}"
    of_it = {"vantage": "fra", "service": "near.gtm.example.com", "endpoint": end, "region": "ap-southeast"}
    told = Expected(f"{end} of near.gtm.example.com is down as seen from fra, and up elsewhere", of_it)
    require(monitor, tmp_path, {"GtmEndpointCutOff": [told], "GtmEndpointDown": []})
    play.sees = lambda _place, _address: True
    monitor.watch(A_WHILE)
    require(monitor, tmp_path, {"GtmEndpointCutOff": []})


def test_checks_that_all_fail_at_once_are_told_in_a_sentence_with_the_commands(tmp_path: Path) -> None:
    play, monitor = watched(tmp_path, services=NEAR)
    monitor.watch(A_WHILE)
    require(monitor, tmp_path, {"GtmCheckSuspect": []})
    play.dead |= {FIRST, SECOND, THIRD}
    monitor.watch(EVERY * 2)
    name = "near.gtm.example.com"
    words = (
        f"all 3 checks of 3 regions of {name} failed within 1 s, all timeout: suspect the check, or the probes or "
        f"their network; if it is well, gtm up {name} --why TEXT keeps it in; if it is really down, gtm obey {name} "
        "--override-rule correlated_failure believes the checks"
    )
    told = Expected(words, {"zone": "gtm.example.com", "service": name})
    require(monitor, tmp_path, {"GtmCheckSuspect": [told], "GtmSafetyHolding": []})
    play.say(Action.OBEY, f"service {name}", SafetyRule.CORRELATED)
    monitor.watch(EVERY)
    require(monitor, tmp_path, {"GtmCheckSuspect": [told], "GtmFailOpen": []})
    monitor.watch(A_WHILE)
    require(monitor, tmp_path, {"GtmCheckSuspect": [], "GtmFailOpen": [open_of(name)]})


def open_of(name: str) -> Expected:
    return Expected(f"Nothing of {name} is up: it answers as configured for that", {"service": name})


def test_a_renamed_path_is_told_at_every_moment_until_it_is_mended(tmp_path: Path) -> None:
    """First the doubt, and that nothing is up once the checks are believed; and never neither."""
    play, monitor = watched(tmp_path, services=NEAR)
    play.renamed |= {FIRST, SECOND, THIRD}
    monitor.watch(EVERY * 2)
    name = "near.gtm.example.com"
    words = (
        f"all 3 checks of 3 regions of {name} failed within 1 s, all HTTP 404: suspect the check; if it is well, gtm "
        f"up {name} --why TEXT keeps it in; if it is really down, gtm obey {name} --override-rule correlated_failure "
        "believes the checks"
    )
    suspect, is_open = Expected(words, {"zone": "gtm.example.com", "service": name}), open_of(name)
    fires = {"GtmCheckSuspect": [suspect], "GtmFailOpen": []}
    require(monitor, tmp_path, fires)
    monitor.watch(EVERY * 6)
    assert play.server.guide.refusals
    monitor.watch(EVERY * 3)
    assert not play.server.guide.refusals, "the checks are believed"
    require(monitor, tmp_path, fires)
    monitor.watch(EVERY * 4)
    require(monitor, tmp_path, {"GtmCheckSuspect": [suspect], "GtmFailOpen": [is_open]})
    monitor.watch(A_WHILE)
    require(monitor, tmp_path, {"GtmCheckSuspect": [], "GtmFailOpen": [is_open]})
    play.renamed.clear()
    monitor.watch(A_WHILE)
    require(monitor, tmp_path, {"GtmCheckSuspect": [], "GtmFailOpen": []})


def test_a_rule_that_holds_is_told_with_whom_it_is_for(tmp_path: Path) -> None:
    services = NEAR.replace("steer: nearest", "steer: nearest\n    safety: {at_least: 3}")
    play, monitor = watched(tmp_path, services=services)
    play.dead.add(THIRD)
    monitor.watch(A_WHILE)
    name = "near.gtm.example.com"
    words = (
        f"Safety rule at_least: {name}: ap-southeast stays, or fewer than 3 regions would serve; gtm obey {name} "
        "--override-rule at_least lifts it there"
    )
    told = Expected(words, {"rule": "at_least", "zone": "gtm.example.com", "service": name})
    require(monitor, tmp_path, {"GtmSafetyHolding": [told], "GtmCheckSuspect": []})
