import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import replace
from itertools import pairwise
from random import Random

import pytest

from gtm.counters import Counters
from gtm.health.belief import Belief
from gtm.health.reading import Reading, Reason
from gtm.health.verdict import Verdict
from gtm.ids import CheckId, MonitorName
from gtm.probe.prober import Prober
from gtm.zone.model import Check, Monitor, MonitorType, Part
from tests.fakes.clock import FakeClock
from tests.fakes.sleep import FakeSleep, settle

MONITOR = replace(
    Monitor("gtm.example.com", MonitorName("api"), MonitorType.HTTP, 80, interval_s=1.0, fall=3, rise=2),
    window=None,
    failback_delay_s=0.0,
    damping=False,
)
OK = Reading(Reason.OK, 0.01)
BAD = Reading(Reason.TIMEOUT, 1.0, "no complete answer in 1 s")
UNREAD = Reading(Reason.UNREAD, 0.0, "Too many open files")


def check_of(target: str, monitor: Monitor = MONITOR) -> Check:
    return Check(CheckId(f"gtm.example.com/api/{target}"), monitor, target)


A, B, C = check_of("192.0.2.10"), check_of("192.0.2.20"), check_of("192.0.2.30")


class Bench:
    """A prober on a fake clock, whose readings are what the test says."""

    def __init__(self, *, at_once: int = 10) -> None:
        self.clock = FakeClock()
        self.sleep = FakeSleep(self.clock)
        self.counters = Counters()
        self.answers: dict[CheckId, Reading] = {}
        self.asked: list[tuple[float, CheckId]] = []
        self.readings: list[CheckId] = []
        self.changes: list[tuple[CheckId, Belief]] = []
        self.open = self.most_open = 0
        self.gate: asyncio.Event | None = None
        self.prober = Prober(
            self._read,
            self.clock,
            random=Random(1),
            counters=self.counters,
            on_reading=lambda check, _: self.readings.append(check.id),
            on_change=self._changed,
            sleep=self.sleep,
            at_once=at_once,
        )

    async def _read(self, check: Check) -> Reading:
        self.asked.append((self.clock.monotonic(), check.id))
        self.open += 1
        self.most_open = max(self.most_open, self.open)
        try:
            if self.gate is not None:
                await self.gate.wait()
            return self.answers.get(check.id, OK)
        finally:
            self.open -= 1

    def _changed(self, check: Check, verdict: Verdict) -> None:
        self.changes.append((check.id, verdict.belief))

    def times(self, check: Check) -> list[float]:
        return [at for at, asked in self.asked if asked == check.id]


def run(story: Callable[[Bench], Awaitable[None]], bench: Bench | None = None) -> Bench:
    """Plays a story beside a running prober, and stops the prober at its end."""

    async def play() -> Bench:
        staged = bench or Bench()
        running = asyncio.create_task(staged.prober.run())
        await settle()
        await story(staged)
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running
        return staged

    return asyncio.run(play())


def test_a_starting_node_reads_everything_within_the_window() -> None:
    async def story(bench: Bench) -> None:
        bench.prober.watch([A, B, C])
        await bench.sleep.advance(0.1)
        assert {check for _, check in bench.asked} == {A.id, B.id, C.id}
        assert {verdict.belief for verdict in bench.prober.verdicts.values()} == {Belief.UP}

    run(story)


def test_every_check_is_read_once_an_interval() -> None:
    async def story(bench: Bench) -> None:
        bench.prober.watch([A, B])
        await bench.sleep.advance(100.0)
        for check in (A, B):
            times = bench.times(check)
            assert 100 <= len(times) <= 102
            gaps = [after - before for before, after in pairwise(times[1:])]
            assert all(0.79 <= gap <= 1.21 for gap in gaps)

    run(story)


def test_checks_may_be_set_before_the_prober_runs() -> None:
    bench = Bench()
    bench.prober.watch([A])

    async def story(bench: Bench) -> None:
        await bench.sleep.advance(0.1)

    assert run(story, bench).changes == [(A.id, Belief.UP)]


def test_only_a_change_of_mind_is_told_and_logged(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)

    async def story(bench: Bench) -> None:
        bench.prober.watch([A])
        await bench.sleep.advance(10.0)
        bench.answers[A.id] = BAD
        await bench.sleep.advance(10.0)
        bench.answers[A.id] = OK
        await bench.sleep.advance(10.0)

    bench = run(story)
    assert bench.changes == [(A.id, Belief.UP), (A.id, Belief.DOWN), (A.id, Belief.UP)]
    assert [record.getMessage() for record in caplog.records] == [
        "probe gtm.example.com/api/192.0.2.10: UNKNOWN -> UP (1 good in a row)",
        "probe gtm.example.com/api/192.0.2.10: UP -> DOWN (3 bad in a row: timeout no complete answer in 1 s)",
        "probe gtm.example.com/api/192.0.2.10: DOWN -> UP (2 good in a row)",
    ]
    assert len(bench.readings) == len(bench.asked)
    assert bench.counters.count("readings", reason="timeout") == 10


def test_a_check_that_stays_keeps_its_verdict_and_its_rhythm() -> None:
    async def story(bench: Bench) -> None:
        bench.prober.watch([A, B])
        await bench.sleep.advance(3.0)
        before = bench.prober.verdicts[A.id]
        bench.prober.watch([A, C])
        assert bench.prober.verdicts.keys() == {A.id, C.id}
        assert bench.prober.verdicts[A.id] == before
        assert bench.prober.verdicts[C.id].belief is Belief.UNKNOWN
        reads_of_b = len(bench.times(B))
        await bench.sleep.advance(10.0)
        assert len(bench.times(B)) == reads_of_b, "nobody watches it any more"
        assert bench.prober.verdicts[C.id].belief is Belief.UP
        assert len(bench.times(A)) in {13, 14, 15}

    run(story)


def test_a_changed_monitor_takes_effect_and_keeps_the_verdict() -> None:
    async def story(bench: Bench) -> None:
        bench.prober.watch([A])
        await bench.sleep.advance(1.0)
        bench.prober.watch([check_of("192.0.2.10", replace(MONITOR, interval_s=10.0))])
        assert bench.prober.verdicts[A.id].belief is Belief.UP
        reads = len(bench.asked)
        await bench.sleep.advance(100.0)
        assert 10 <= len(bench.asked) - reads <= 12

    run(story)


def test_connections_open_at_once_are_bounded() -> None:
    async def story(bench: Bench) -> None:
        bench.gate = asyncio.Event()
        bench.prober.watch([check_of(f"192.0.2.{number}") for number in range(50)])
        await bench.sleep.advance(1.0)
        assert bench.open == 4
        bench.gate.set()
        await bench.sleep.advance(1.0)

    bench = run(story, Bench(at_once=4))
    assert bench.most_open == 4
    assert len({check for _, check in bench.asked}) == 50


def test_a_slow_check_is_not_made_up_for() -> None:
    async def story(bench: Bench) -> None:
        bench.gate = asyncio.Event()
        bench.prober.watch([A])
        await bench.sleep.advance(20.0)
        bench.gate.set()
        await settle()
        await bench.sleep.advance(5.0)
        assert 5 <= len(bench.times(A)) <= 8

    run(story)


def test_the_probes_own_fault_changes_no_verdict_and_is_logged_once(caplog: pytest.LogCaptureFixture) -> None:
    async def story(bench: Bench) -> None:
        bench.prober.watch([A])
        await bench.sleep.advance(1.0)
        bench.answers[A.id] = UNREAD
        before = bench.prober.verdicts[A.id]
        await bench.sleep.advance(10.0)
        assert bench.prober.verdicts[A.id] == before
        assert bench.counters.count("readings", reason="unread") == 10

    run(story)
    [line] = caplog.messages
    assert line.startswith("probe gtm.example.com/api/192.0.2.10: cannot check: Too many open files;")


def test_a_check_that_is_stopped_in_the_middle_leaves_no_verdict() -> None:
    async def story(bench: Bench) -> None:
        bench.gate = asyncio.Event()
        bench.prober.watch([A])
        await bench.sleep.advance(0.1)
        assert bench.open == 1
        bench.prober.watch([])
        await settle()
        assert bench.open == 0
        assert bench.prober.verdicts == {}

    run(story)


def test_a_prober_that_is_ending_may_still_be_told_what_to_watch() -> None:
    async def story(bench: Bench) -> None:
        bench.prober.watch([A])
        await bench.sleep.advance(1.0)

    bench = run(story)
    bench.prober.watch([A, B])
    assert bench.prober.verdicts.keys() == {A.id, B.id}


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


def calculated(*parts: Check, target: str = "192.0.2.99", monitor: Monitor = MONITOR) -> Check:
    return replace(check_of(target, monitor), parts=tuple(Part(part.target, (part.id,)) for part in parts))


def test_what_is_calculated_is_read_at_once_when_a_part_changes() -> None:
    slow = replace(MONITOR, interval_s=1000.0, fall=1)
    both = calculated(A, B, monitor=slow)

    async def story(bench: Bench) -> None:
        bench.answers[both.id] = UNREAD  # until its parts are known
        bench.prober.watch([A, B, both])
        await bench.sleep.advance(50.0)
        bench.answers[A.id] = BAD
        await bench.sleep.advance(5.0)
        assert bench.changes[-1] == (A.id, Belief.DOWN)
        assert bench.times(both)[-1] > bench.clock.monotonic() - 5.0
        bench.answers[both.id] = BAD
        bench.answers[B.id] = BAD
        await bench.sleep.advance(5.0)
        assert set(bench.changes[-2:]) == {(B.id, Belief.DOWN), (both.id, Belief.DOWN)}

    run(story)


def test_a_change_of_what_is_no_part_of_it_reads_nothing_more() -> None:
    of_a = calculated(A, monitor=replace(MONITOR, interval_s=1000.0))

    async def story(bench: Bench) -> None:
        bench.prober.watch([A, B, of_a])
        await bench.sleep.advance(50.0)
        before = len(bench.times(of_a))
        bench.answers[B.id] = BAD
        await bench.sleep.advance(5.0)
        assert bench.changes[-1] == (B.id, Belief.DOWN)
        assert len(bench.times(of_a)) == before

    run(story)


def test_what_was_not_read_for_too_long_is_not_known() -> None:
    async def story(bench: Bench) -> None:
        assert bench.prober.believed(A.id) is Belief.UNKNOWN, "not watched"
        bench.prober.watch([A, B])
        await bench.sleep.advance(5.0)
        assert bench.prober.believed(A.id) is Belief.UP
        bench.answers[A.id] = UNREAD
        await bench.sleep.advance(3 * MONITOR.interval_s)
        assert bench.prober.believed(A.id) is Belief.UP, "the last verdict is still fresh"
        await bench.sleep.advance(3.0)
        assert bench.prober.believed(A.id) is Belief.UNKNOWN
        assert bench.prober.believed(B.id) is Belief.UP

    run(story)


def test_what_is_calculated_can_change_when_its_first_part_can() -> None:
    once = replace(MONITOR, fall=1, rise=1)
    of_both = calculated(A, B, monitor=replace(once, interval_s=1000.0))
    slow_b = replace(B, monitor=replace(MONITOR, interval_s=20.0))

    def soonest(bench: Bench) -> float:
        return bench.prober.verdicts[of_both.id].flip_in_s

    async def story(bench: Bench) -> None:
        bench.prober.watch([A, slow_b, of_both])
        await bench.sleep.advance(5.0)
        assert soonest(bench) == 0.0, "B was read once, and is not settled"
        await bench.sleep.advance(95.0)
        a = bench.prober.verdicts[A.id]
        assert a.flip_in_s == 3.0
        assert soonest(bench) == pytest.approx(a.flip_in_s, abs=1.2)
        bench.answers[A.id] = BAD
        await bench.sleep.advance(1.3)
        assert bench.prober.verdicts[A.id].belief is Belief.UP
        assert soonest(bench) <= 2.0, "told by the first bad reading of A, and not by the next round"

    run(story)
