"""That a node hears nobody: told after a moment, and not while all waits for a first heartbeat."""

import logging

import pytest

from gtm.ids import NodeName
from gtm.node.blindness import GRACE_S, WORDS, Blindness
from gtm.node.chronicle import no_chronicle
from gtm.zone.model import Check
from gtm.zone.settings import CalculatedSettings, Combine, PushSettings, Secret, TcpSettings
from tests.fakes.checks import check_of

NOBODY = frozenset[NodeName]()
SOMEBODY = frozenset({NodeName("fra")})
TCP = check_of(TcpSettings(), target="192.0.2.1", port=443)
PUSH = check_of(PushSettings(600.0, Secret("TOKEN")), target="192.0.2.2")
BOTH = check_of(CalculatedSettings(Combine.ALL, 1, monitors=("a", "b")), target="192.0.2.3")


def blindness(*checks: Check) -> Blindness:
    made = Blindness(NodeName("ns1"), no_chronicle())
    made.watch(checks)
    return made


def test_it_is_told_once_after_a_moment_and_when_it_is_over(caplog: pytest.LogCaptureFixture) -> None:
    node = blindness(TCP, PUSH)
    with caplog.at_level(logging.INFO):
        node.look(NOBODY, now=10.0)
        assert node.is_blind
        assert node.problem == ""
        for later_s in (0.0, 1.0, 60.0):
            node.look(NOBODY, now=10.0 + GRACE_S + later_s)
            assert node.problem == WORDS
        node.look(SOMEBODY, now=80.0)
    assert not node.is_blind
    assert node.problem == ""
    assert caplog.messages == [WORDS, "votes of probes count at this node again"]


def test_a_moment_without_votes_is_not_told(caplog: pytest.LogCaptureFixture) -> None:
    node = blindness(TCP)
    for now in (0.0, GRACE_S, 2 * GRACE_S):
        node.look(NOBODY, now=now)
        node.look(SOMEBODY, now=now + 0.9 * GRACE_S)
    assert caplog.messages == []


@pytest.mark.parametrize("checks", [(), (PUSH,), (PUSH, BOTH)])
def test_nobody_can_vote_on_what_only_waits_for_heartbeats(checks: tuple[Check, ...]) -> None:
    node = blindness(*checks)
    for now in (0.0, 2 * GRACE_S):
        node.look(NOBODY, now=now)
    assert not node.is_blind
    assert node.problem == ""


def test_it_is_blind_before_the_first_merge() -> None:
    assert blindness(TCP).is_blind
