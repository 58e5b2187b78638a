"""The store of heartbeats: what is watched is remembered, and nothing else."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gtm.errors import StateInvalid
from gtm.ids import CheckId
from gtm.probe.heartbeats import Heartbeat, Heartbeats, compose_heard, parse_heard
from gtm.zone.monitors.kinds.push import PushSettings
from gtm.zone.monitors.kinds.tcp import TcpSettings
from gtm.zone.monitors.settings import Secret
from tests.fakes.checks import check_of

TOKEN = Secret("TOKEN")
ALIVE = Heartbeat(ok=True, detail="", heard_at=1.0)
A = check_of(PushSettings(30.0, TOKEN), target="192.0.2.1")
B = check_of(PushSettings(30.0, TOKEN), target="192.0.2.2")
TCP = check_of(TcpSettings(), target="192.0.2.3", port=443)


def watching() -> Heartbeats:
    heartbeats = Heartbeats()
    heartbeats.watch([A, B, TCP], now=0.0)
    return heartbeats


def test_nothing_is_known_before_the_first_heartbeat() -> None:
    heartbeats = watching()
    assert heartbeats.last(A.id) is None
    assert heartbeats.awaited(A.id) == A


def test_the_last_heartbeat_of_each_is_remembered() -> None:
    heartbeats, late = watching(), Heartbeat(ok=False, detail="disk full", heard_at=2.0)
    heartbeats.hear(A.id, ALIVE)
    heartbeats.hear(B.id, ALIVE)
    heartbeats.hear(A.id, late)
    assert (heartbeats.last(A.id), heartbeats.last(B.id)) == (late, ALIVE)


def test_only_what_is_awaited_is_kept() -> None:
    heartbeats = watching()
    for check in (TCP.id, CheckId("gtm.example.com/api/192.0.2.99")):
        assert heartbeats.awaited(check) is None
        heartbeats.hear(check, ALIVE)
        assert heartbeats.last(check) is None


def test_what_is_no_longer_watched_is_forgotten_and_the_rest_is_not() -> None:
    heartbeats = watching()
    heartbeats.hear(A.id, ALIVE)
    heartbeats.hear(B.id, ALIVE)
    heartbeats.watch([check_of(PushSettings(60.0, TOKEN), target="192.0.2.2")], now=3.0)
    assert heartbeats.last(A.id) is None
    assert heartbeats.awaited(A.id) is None
    assert heartbeats.last(B.id) == ALIVE, "another TTL is no other endpoint"


def test_who_was_heard_before_the_start_is_missed_from_the_first_watch_on() -> None:
    heartbeats = Heartbeats([A.id])
    heartbeats.watch([A, B], now=5.0)
    heartbeats.watch([A, B, TCP], now=9.0)
    assert (heartbeats.missed_since(A.id), heartbeats.missed_since(B.id)) == (5.0, None)


def test_who_is_no_longer_watched_is_missed_no_longer() -> None:
    heartbeats = Heartbeats([A.id])
    for awaited in ([A], [B], [A]):
        heartbeats.watch(awaited, now=5.0)
    assert heartbeats.missed_since(A.id) is None
    assert (heartbeats.heard, heartbeats.changes) == (frozenset(), 1)


def test_it_is_told_who_was_heard_and_that_this_changed() -> None:
    heartbeats = Heartbeats([A.id, TCP.id])
    heartbeats.watch([A, B], now=5.0)
    heartbeats.hear(A.id, ALIVE)
    assert heartbeats.changes == 0
    heartbeats.hear(B.id, ALIVE)
    heartbeats.hear(B.id, ALIVE)
    assert heartbeats.changes == 1
    assert heartbeats.heard == {A.id, B.id, TCP.id}, "whom no zone has awaited yet, one may tomorrow"


@given(st.frozensets(st.text().map(CheckId)))
def test_who_was_heard_is_the_same_after_a_restart(heard: frozenset[CheckId]) -> None:
    assert parse_heard(compose_heard(heard)) == heard


@pytest.mark.parametrize("text", ["", "torn", "[]", '{"version": 2, "heard": []}', '{"version": 1, "heard": [1]}'])
def test_text_that_does_not_say_who_was_heard_is_refused(text: str) -> None:
    with pytest.raises(StateInvalid, match="does not say who was heard"):
        parse_heard(text)


def test_what_could_not_be_judged_is_remembered_of_what_is_awaited() -> None:
    heartbeats = watching()
    heartbeats.leave_unjudged(A.id, now=2.0)
    heartbeats.leave_unjudged(CheckId("gtm.example.com/api/192.0.2.99"), now=2.0)
    assert heartbeats.unjudged_at(A.id) == 2.0
    assert heartbeats.unjudged_at(CheckId("gtm.example.com/api/192.0.2.99")) is None
    heartbeats.watch([B], now=3.0)
    assert heartbeats.unjudged_at(A.id) is None
