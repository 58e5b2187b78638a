"""How late the loop was, and which timeouts can be believed nevertheless."""

import asyncio
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gtm.probe.loop_beat import BEAT_S
from gtm.probe.loop_lag import REMEMBERED_BEATS, Late, Lateness

A_MINUTE_OF_TRIFLES = 2 * REMEMBERED_BEATS


def test_a_loop_that_was_blocked_is_late_by_as_much() -> None:
    async def run() -> Late:
        lateness = Lateness()
        lateness.start()
        mark = lateness.mark()
        time.sleep(BEAT_S + 0.05)  # noqa: ASYNC251 - blocking the loop is what is tested
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        lateness.stop()
        return lateness.since(mark)

    late = asyncio.run(run())
    assert late.total_s == pytest.approx(late.longest_s)
    assert late.longest_s >= 0.05


def test_it_stops_when_told() -> None:
    async def run() -> None:
        lateness = Lateness()
        mark = lateness.mark()
        lateness.start()
        lateness.stop()
        await asyncio.sleep(2 * BEAT_S)
        assert lateness.since(mark) == Late(0.0, 0.0, 0)
        lateness.stop()

    asyncio.run(run())


@given(st.lists(st.floats(0.0, 60.0)), st.lists(st.floats(0.0, 60.0)))
def test_what_was_late_before_a_mark_does_not_count(before: list[float], after: list[float]) -> None:
    lateness = Lateness()
    for late_s in before:
        lateness.take(late_s)
    mark = lateness.mark()
    for late_s in after:
        lateness.take(late_s)
    late = lateness.since(mark)
    assert late.total_s == pytest.approx(sum(after), abs=1e-6)
    assert late.longest_s == max(after, default=0.0)


def test_it_remembers_a_minute_and_no_more() -> None:
    lateness = Lateness()
    for number in range(A_MINUTE_OF_TRIFLES):
        lateness.take(1.0 / (1 + number))
    assert len(lateness._peaks) == REMEMBERED_BEATS


@pytest.mark.parametrize(
    ("late", "took_s", "owed_s"),
    [
        (Late(0.0, 0.0, 100), 2.0, 0.0),
        (Late(1.0, 1.0, 50), 2.0, 0.0),
        (Late(1.9, 0.12, 5), 2.0, 0.0),
        # in time for 0.9 s: it must be for 2 s
        (Late(1.1, 1.1, 45), 2.0, 1.1),
        (Late(1.9, 0.13, 20), 2.0, 1.9),
        (Late(1.9, 0.13, 75), 3.5, 0.4),
        (Late(1.9, 0.13, 100), 3.9, 0.0),
        # in time for long enough, in 10 turns: it must have 16
        (Late(1.9, 0.3, 10), 3.9, 6 * BEAT_S),
    ],
)
def test_a_check_is_owed_what_the_loop_was_late_unless_it_was_busy_in_small_slices(
    late: Late, took_s: float, owed_s: float
) -> None:
    """Of a check of 2 s: late for more than half of it in all, and at once for more than a turn of it may take."""
    assert late.owed_s(2.0, took_s=took_s) == pytest.approx(owed_s)
