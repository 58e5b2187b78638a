"""When a check's time is over, where the event loop was late: the clock is the loop's, the lateness is told."""

import asyncio
from collections.abc import Sequence

import pytest

from gtm.health.verdict.reading import Reason
from gtm.probe.loop_lag import TURNS, Lateness
from gtm.probe.time_limit import MOST, CheckTime, TimeLimit, time_of_check

HAD_S = 0.05
ENOUGH_TURNS = (0.0,) * TURNS


async def ended(late_s: Sequence[float], answer_after_s: float | None) -> tuple[bool, TimeLimit, CheckTime, float]:
    """Whether an answer was heard, of a check in which the loop was so late; and when that was known."""
    loop, lateness, answer = asyncio.get_running_loop(), Lateness(), asyncio.Event()
    time = time_of_check(HAD_S, lateness)
    limit = TimeLimit(time)
    for one_s in late_s:
        lateness.take(one_s)
    if answer_after_s is not None:
        loop.call_at(time.began_at + answer_after_s, answer.set)
    try:
        async with limit:
            await answer.wait()
    except TimeoutError:
        pass
    return answer.is_set(), limit, time, loop.time() - time.began_at


def test_a_loop_that_is_in_time_ends_a_check_in_time() -> None:
    heard, limit, _, took_s = asyncio.run(ended(ENOUGH_TURNS, None))
    assert not heard
    assert not limit.is_doubtful
    assert took_s >= HAD_S


def test_what_ends_in_time_is_not_ended() -> None:
    heard, limit, _, _ = asyncio.run(ended(ENOUGH_TURNS, 0.0))
    assert heard
    assert not limit.is_doubtful


def test_a_check_has_the_time_that_the_loop_was_late() -> None:
    heard, limit, _, took_s = asyncio.run(ended((0.8 * HAD_S, *ENOUGH_TURNS), 1.5 * HAD_S))
    assert heard
    assert not limit.is_doubtful
    assert took_s >= 1.5 * HAD_S


def test_who_says_nothing_in_that_time_either_is_believed_to_be_silent() -> None:
    heard, limit, _, took_s = asyncio.run(ended((0.8 * HAD_S, *ENOUGH_TURNS), None))
    assert not heard
    assert not limit.is_doubtful
    assert took_s >= 1.8 * HAD_S


@pytest.mark.parametrize("late_s", [(100 * HAD_S, *ENOUGH_TURNS), (0.8 * HAD_S,)], ids=["late", "few turns"])
def test_a_loop_that_is_late_for_good_tells_nothing_after_a_while(late_s: Sequence[float]) -> None:
    heard, limit, time, took_s = asyncio.run(ended(late_s, None))
    assert not heard
    assert limit.is_doubtful
    assert took_s >= MOST * HAD_S
    assert time.doubted().reason is Reason.UNREAD
    assert f"it was {late_s[0]:.1f} s late" in time.doubted().detail


def test_a_second_part_of_a_check_is_owed_what_was_late_in_the_first() -> None:
    """The name took all of the time, because the loop was late: the connection has what is owed."""

    async def run() -> bool:
        loop, lateness, answer = asyncio.get_running_loop(), Lateness(), asyncio.Event()
        time = time_of_check(HAD_S, lateness)
        for late_s in (0.9 * HAD_S, *ENOUGH_TURNS):
            lateness.take(late_s)
        loop.call_at(time.began_at + 1.2 * HAD_S, answer.set)
        async with TimeLimit(time):
            await answer.wait()  # the name
        answer.clear()
        loop.call_at(time.began_at + 1.5 * HAD_S, answer.set)
        async with TimeLimit(time):
            await answer.wait()
        return answer.is_set()

    assert asyncio.run(run())


def test_a_check_can_be_cut_off_at_any_moment() -> None:
    async def cut_off_twice(limit: TimeLimit) -> None:
        async with limit:
            limit.cut_off()
            limit.cut_off()
            await asyncio.Event().wait()

    async def run() -> bool:
        limit = TimeLimit(time_of_check(60.0, Lateness()))
        with pytest.raises(TimeoutError):
            await cut_off_twice(limit)
        limit.cut_off()
        return limit.is_doubtful

    assert not asyncio.run(run())


def test_who_cancels_a_check_gets_no_timeout() -> None:
    async def run() -> None:
        async def check() -> None:
            async with TimeLimit(time_of_check(60.0, Lateness())):
                await asyncio.Event().wait()

        task = asyncio.create_task(check())
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(run())
