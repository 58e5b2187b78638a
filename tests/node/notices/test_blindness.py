"""That a node hears nobody: told after a moment, and not while all waits for a first heartbeat."""

import logging

import pytest

from gtm.checks.model import Check
from gtm.ids import NodeName
from gtm.node.events.recorder import no_recorder
from gtm.node.notices.blindness import WORDS, Blindness
from gtm.node.notices.roll_out import GRACE_S, ROLL_OUT_S
from gtm.zone.monitors.kinds.calculated import CalculatedSettings, Combine
from gtm.zone.monitors.kinds.push import PushSettings
from gtm.zone.monitors.kinds.tcp import TcpSettings
from gtm.zone.monitors.settings import Secret
from tests.fakes.checks import check_of

NOBODY = frozenset[NodeName]()
SOMEBODY = frozenset({NodeName("fra")})
TCP = check_of(TcpSettings(), target="192.0.2.1", port=443)
PUSH = check_of(PushSettings(600.0, Secret("TOKEN")), target="192.0.2.2")
BOTH = check_of(CalculatedSettings(Combine.ALL, 1, monitors=("a", "b")), target="192.0.2.3")


def blindness(*checks: Check) -> Blindness:
    made = Blindness(NodeName("ns1"), no_recorder())
    made.watch(checks, now=0.0)
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
    node = blindness(TCP)
    assert node.is_blind
    assert node.is_cut_off
    node.look(NOBODY, now=1.0)
    assert node.is_cut_off, "it was never heard that it is not"


def test_it_is_cut_off_once_that_is_told() -> None:
    node = blindness(TCP)
    node.look(SOMEBODY, now=10.0)
    node.look(NOBODY, now=11.0)
    assert (node.is_blind, node.is_cut_off) == (True, False), "a poll that is late takes no node away"
    node.look(NOBODY, now=11.0 + GRACE_S)
    assert node.is_cut_off
    node.look(SOMEBODY, now=20.0)
    assert not node.is_cut_off


OTHER = check_of(TcpSettings(), target="192.0.2.1", port=444, name="other", timeout_s=2.0)
SLOW = check_of(TcpSettings(), target="192.0.2.1", port=445, name="slow", interval_s=100.0, timeout_s=2.0)
MORE = check_of(TcpSettings(), target="192.0.2.3", port=443)
SOONER = check_of(TcpSettings(), target="192.0.2.1", port=443, interval_s=1.0, timeout_s=0.5)
"""Its votes are too old at once: the probes make it as often as before."""


@pytest.mark.parametrize(
    ("after", "waits_s"),
    [((OTHER,), ROLL_OUT_S), ((SOONER,), ROLL_OUT_S), ((OTHER, SLOW, PUSH), ROLL_OUT_S), ((SLOW,), 302.0)],
)
def test_it_waits_for_first_votes_on_what_a_push_brings(
    after: tuple[Check, ...], waits_s: float, caplog: pytest.LogCaptureFixture
) -> None:
    node = blindness(TCP)
    node.look(SOMEBODY, now=10.0)
    node.watch(after, now=20.0)
    for now in (20.0, 30.0, 19.9 + waits_s):
        node.look(NOBODY, now=now)
        assert (node.is_cut_off, node.problem) == (False, "")
    node.watch(after, now=19.9 + waits_s)
    node.watch((*after, MORE), now=19.9 + waits_s)
    node.look(NOBODY, now=20.0 + waits_s)
    assert node.is_cut_off, "no further push hides it"
    assert caplog.messages == [WORDS]


def test_a_push_does_not_hide_that_it_is_cut_off() -> None:
    node = blindness(TCP)
    node.look(SOMEBODY, now=0.0)
    for now in (1.0, 1.0 + GRACE_S):
        node.look(NOBODY, now=now)
    node.watch((OTHER,), now=10.0)
    assert node.is_cut_off
    node.look(NOBODY, now=10.0)
    assert node.is_cut_off


def test_first_checks_of_a_node_that_had_none_are_waited_for() -> None:
    node = blindness()
    node.look(NOBODY, now=0.0)
    node.watch((TCP,), now=100.0)
    assert not node.is_cut_off
    node.look(NOBODY, now=101.0)
    assert not node.is_cut_off
    node.look(NOBODY, now=100.0 + ROLL_OUT_S)
    assert node.is_cut_off


def test_who_hears_probes_vote_on_something_else_is_blind_and_not_cut_off(caplog: pytest.LogCaptureFixture) -> None:
    node = blindness(TCP)
    probes = frozenset({NodeName("fra"), NodeName("iad")})
    with caplog.at_level(logging.INFO):
        for now in (0.0, GRACE_S):
            node.look(NOBODY, lambda: probes, now=now)
            assert (node.is_blind, node.is_cut_off) == (True, False)
        told = f"{WORDS}; it hears fra, iad vote on other checks than its own: do all nodes have the same zone files?"
        assert node.problem == told
        node.look(NOBODY, now=2 * GRACE_S)
        assert node.is_cut_off
        assert node.problem == WORDS
    assert caplog.messages == [told], "once"


@pytest.mark.parametrize(
    ("left", "words"),
    [
        ((), "there is nothing to check any more"),
        ((PUSH,), "there is nothing to check any more but what waits for heartbeats"),
    ],
)
def test_it_ends_too_where_a_push_leaves_nothing_to_check(
    left: tuple[Check, ...], words: str, caplog: pytest.LogCaptureFixture
) -> None:
    node = blindness(TCP, PUSH)
    for now in (0.0, GRACE_S):
        node.look(NOBODY, now=now)
    node.watch(left, now=GRACE_S)
    with caplog.at_level(logging.INFO):
        node.look(NOBODY, now=GRACE_S + 1.0)
    assert (node.is_blind, node.problem) == (False, "")
    assert caplog.messages == [WORDS, words]
