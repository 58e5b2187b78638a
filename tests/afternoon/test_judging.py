"""The judge of the afternoon has something to say where clients or people on call are worse off."""

from collections.abc import Mapping
from dataclasses import replace

import pytest

from tests.afternoon.acts import nothing
from tests.afternoon.incidents import ALERT, INCIDENTS, LOG, Incident, for_everybody
from tests.afternoon.judging import faults
from tests.afternoon.measuring import Played, Seen
from tests.afternoon.places import BOLD, ENDPOINTS, EU_WEST, SAFE
from tests.afternoon.telling import Message, Way

BOUND_S = 4.2

INCIDENT = Incident(
    "a region dies",
    nothing,
    nothing,
    "eu-west",
    {LOG: "WARNING .*eu-west is down", ALERT: "critical GtmRegionDown: .*eu-west"},
    for_everybody(*ENDPOINTS[EU_WEST]),
)
SEEN = Seen(answers=400, wrong=(), dead=60, dead_s=3.1, named_s=1.5, busiest=0.3)
WARNING = Message(11.5, LOG, "ns1", "api.gtm.test: region eu-west is down", "WARNING")
CALL = Message(12.5, ALERT, "", "GtmRegionDown: Every endpoint of region eu-west is down", "critical")
TOLD: Mapping[Way, Message] = {LOG: WARNING, ALERT: CALL}


def played(
    *, safe: Seen = SEEN, bold: Seen = SEEN, told: Mapping[Way, Message] = TOLD, alarms: Mapping[Way, Message] = TOLD
) -> Played:
    return Played(
        INCIDENT,
        {SAFE: safe, BOLD: bold},
        {way: (message.at - 10.0, message) for way, message in told.items()},
        alarms,
        lasted_s=5.0,
        recovered_s=2.0,
    )


def test_the_same_with_rules_and_without_is_well() -> None:
    assert faults(played(), bound_s=BOUND_S) == ()


def test_better_with_rules_is_well() -> None:
    better = replace(SEEN, dead_s=0.0, named_s=0.0, busiest=0.125)
    assert faults(played(safe=better), bound_s=BOUND_S) == ()


@pytest.mark.parametrize(
    ("safe", "bold", "words"),
    [
        (replace(SEEN, wrong=("eu-west SERVFAIL after 1.20 s",)), SEEN, "a client got eu-west SERVFAIL"),
        (replace(SEEN, answers=20), SEEN, "20 answers tell nothing"),
        (replace(SEEN, named_s=2.4), SEEN, "nodes name what is dead for s: 2.40, and at most 2.30"),
        (replace(SEEN, dead_s=4.4), SEEN, "clients get what is dead for s: 4.40, and at most 4.30"),
        # the rules wait for one more minute of their budget: half of what one region has goes to each endpoint left
        (replace(SEEN, busiest=0.5), SEEN, "the busiest endpoint has a share of: 0.50, and at most 0.42"),
        # a path that is renamed: the world at one endpoint, where without rules all is answered
        (replace(SEEN, busiest=1.0), replace(SEEN, busiest=0.18), "has a share of: 1.00, and at most 0.37"),
        # as bad without rules, and later than `gtm bound` says
        (
            replace(SEEN, named_s=6.4),
            replace(SEEN, named_s=6.4),
            "nodes name what is dead for s: 6.40, and at most 6.2",
        ),
        (
            replace(SEEN, dead_s=7.3),
            replace(SEEN, named_s=9.0),
            "clients get what is dead for s: 7.30, and at most 7.2",
        ),
    ],
)
def test_worse_answers_are_a_fault(safe: Seen, bold: Seen, words: str) -> None:
    (fault,) = faults(played(safe=safe, bold=bold), bound_s=BOUND_S)
    assert words in fault


@pytest.mark.parametrize("way", [LOG, ALERT])
def test_what_nobody_tells_is_a_fault(way: Way) -> None:
    others = {each: message for each, message in TOLD.items() if each is not way}
    (fault,) = faults(played(told=others, alarms=others), bound_s=BOUND_S)
    assert f"no {way.value} tells of it" in fault


def test_a_first_warning_of_something_else_is_a_fault() -> None:
    misleading = replace(WARNING, text="api.gtm.test: region us-east is down")
    (fault,) = faults(played(alarms={**TOLD, LOG: misleading}), bound_s=BOUND_S)
    assert "the first log to call somebody tells of something else: ns1 WARNING" in fault


def test_a_first_alert_of_something_else_is_a_fault() -> None:
    misleading = replace(CALL, text="GtmPeerClockOff: The clock of peer fra-1 is 300 s off")
    (fault,) = faults(played(alarms={**TOLD, ALERT: misleading}), bound_s=BOUND_S)
    assert "the first alert to call somebody tells of something else: critical GtmPeerClockOff" in fault


def test_there_are_sixteen_incidents_and_each_must_be_told() -> None:
    assert len({incident.name for incident in INCIDENTS}) == 16
    assert all(LOG in incident.says for incident in INCIDENTS)
    assert {incident.name for incident in INCIDENTS if ALERT not in incident.says} == {
        "a cut: Europe does not reach a region"
    }
