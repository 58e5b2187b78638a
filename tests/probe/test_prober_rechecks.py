"""What a prober does after a bad reading, and what its verdicts then say."""

import asyncio
import logging
from dataclasses import replace
from itertools import pairwise

import pytest

from gtm.health.belief import Belief
from tests.probe.proving import BAD, MONITOR, OK, UNREAD, B, Bench, check_of, run

SLOW = check_of("192.0.2.10", replace(MONITOR, interval_s=10.0, recheck_s=1.0))


def gaps_of(bench: Bench) -> list[float]:
    return [round(then - before, 6) for before, then in pairwise(bench.times(SLOW))]


def test_a_bad_reading_of_an_endpoint_that_is_up_is_looked_into_at_once() -> None:
    async def story(bench: Bench) -> None:
        bench.prober.watch([SLOW])
        await bench.sleep.advance(40.0)
        bench.asked.clear()
        bench.answers[SLOW.id] = BAD
        await bench.sleep.advance(40.0)
        assert gaps_of(bench)[:2] == [1.0, 1.0], "down is what the third one says"
        assert all(gap > 5 for gap in gaps_of(bench)[2:]), "and then the rounds will do"
        assert bench.changes[-1] == (SLOW.id, Belief.DOWN)

    run(story)


def test_a_new_endpoint_that_is_dead_is_found_out_without_waiting_for_its_rounds() -> None:
    async def story(bench: Bench) -> None:
        bench.answers[SLOW.id] = BAD
        bench.prober.watch([SLOW])
        await bench.sleep.advance(2.5)
        assert gaps_of(bench) == [1.0, 1.0]
        assert bench.changes == [(SLOW.id, Belief.DOWN)]
        await bench.sleep.advance(5.0)
        assert len(bench.times(SLOW)) <= 4, "and then the rounds will do"

    run(story)


def test_one_bad_reading_costs_one_quick_one_if_that_is_good() -> None:
    async def story(bench: Bench) -> None:
        bench.prober.watch([SLOW])
        await bench.sleep.advance(40.0)
        bench.asked.clear()
        bench.answers[SLOW.id] = BAD
        while not bench.asked:
            await bench.sleep.advance(0.5)
        bench.answers[SLOW.id] = OK
        await bench.sleep.advance(40.0)
        first, *rest = gaps_of(bench)
        assert first == 1.0
        assert all(gap > 5 for gap in rest)
        assert bench.changes == [(SLOW.id, Belief.UP)]

    run(story)


@pytest.mark.parametrize("recheck_s", [0.2, 10.0], ids=["a recheck", "none"])
def test_where_one_bad_reading_takes_an_endpoint_down_a_recheck_has_to_confirm_it(recheck_s: float) -> None:
    once = check_of("192.0.2.10", replace(MONITOR, fall=1, interval_s=10.0, recheck_s=recheck_s))

    async def story(bench: Bench) -> None:
        bench.prober.watch([once])
        await bench.sleep.advance(40.0)
        bench.asked.clear()
        bench.answers[once.id] = BAD
        while not bench.asked:
            await bench.sleep.advance(0.1)
        bench.answers[once.id] = OK
        await bench.sleep.advance(1.0)
        one_was_enough = recheck_s == 10.0
        assert bench.changes[1:] == ([(once.id, Belief.DOWN)] if one_was_enough else [])
        await bench.sleep.advance(20.0)
        bench.answers[once.id] = BAD
        await bench.sleep.advance(12.0)
        assert bench.changes[-1] == (once.id, Belief.DOWN)

    run(story)


def test_what_a_probe_could_not_read_is_not_looked_into() -> None:
    async def story(bench: Bench) -> None:
        bench.prober.watch([SLOW])
        await bench.sleep.advance(40.0)
        bench.asked.clear()
        bench.answers[SLOW.id] = UNREAD
        await bench.sleep.advance(40.0)
        assert all(gap > 5 for gap in gaps_of(bench))

    run(story)


def test_a_probe_that_is_late_itself_does_not_read_more() -> None:
    async def story(bench: Bench) -> None:
        bench.prober.watch([SLOW, B])
        await bench.sleep.advance(12.0)
        bench.answers[SLOW.id] = BAD
        bench.asked.clear()
        bench.gate = asyncio.Event()
        await bench.sleep.advance(15.0)
        assert [check for _, check in bench.asked] == [B.id], "it holds the only slot, while the other is due"
        bench.gate.set()
        await bench.sleep.advance(4.0)
        assert bench.prober.verdicts[SLOW.id].bad_run > 0
        assert 1.0 not in gaps_of(bench), "only rounds that were due meanwhile"

    run(story, Bench(at_once=1))


def test_an_endpoint_that_flaps_within_a_window_is_told_as_such(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    shaky = check_of("192.0.2.10", replace(MONITOR, window=(2, 4)))

    async def story(bench: Bench) -> None:
        bench.prober.watch([shaky])
        await bench.sleep.advance(3.0)
        for _ in range(4):
            bench.answers[shaky.id] = OK if bench.answers.get(shaky.id) is BAD else BAD
            await bench.sleep.advance(1.0)

    run(story)
    assert caplog.messages[1] == (
        "probe gtm.example.com/api/192.0.2.10: UP -> DOWN (2 of the last 4 bad: timeout no complete answer in 1 s)"
    )


def test_verdicts_tell_how_soon_they_could_change() -> None:
    async def story(bench: Bench) -> None:
        bench.prober.watch([SLOW])
        await bench.sleep.advance(5.0)
        assert bench.prober.verdicts[SLOW.id].flip_in_s == 0.0
        await bench.sleep.advance(50.0)
        assert bench.prober.verdicts[SLOW.id].flip_in_s == 12.0

    run(story)
