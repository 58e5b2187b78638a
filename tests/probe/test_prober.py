import asyncio
import logging
from dataclasses import replace
from itertools import pairwise

import pytest

from gtm.checks.model import Check, Part
from gtm.health.belief import Belief
from gtm.health.verdict.verdict import NO_VERDICT, Verdict
from gtm.zone.model import Monitor
from tests.fakes.sleep import settle
from tests.probe.proving import BAD, MONITOR, OK, UNREAD, A, B, Bench, C, check_of, run


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
    assert bench.counters.count("readings", kind="http", outcome="timeout") == 10


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


def test_the_probes_own_fault_changes_no_verdict_and_is_told_once_a_check(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def story(bench: Bench) -> None:
        bench.prober.watch([A, B, C])
        await bench.sleep.advance(1.0)
        bench.answers |= {A.id: UNREAD, B.id: replace(UNREAD, detail="No route")}
        before = bench.prober.verdicts[A.id]
        await bench.sleep.advance(10.0)
        assert replace(bench.prober.verdicts[A.id], unread="") == before
        assert bench.counters.count("readings", kind="http", outcome="unread") == 20

    assert sorted(run(story).unread) == [A.id, B.id]
    first, second = sorted(caplog.messages)
    assert first.startswith("probe gtm.example.com/api/192.0.2.10: cannot check: Too many open files;")
    assert second.startswith("probe gtm.example.com/api/192.0.2.20: cannot check: No route;")


def test_why_a_check_is_not_read_is_said_once_its_last_reading_counts_no_more_and_until_the_next() -> None:
    async def story(bench: Bench) -> None:
        bench.answers = {B.id: UNREAD}
        bench.prober.watch([A, B])
        await bench.sleep.advance(1.0)
        bench.answers = {A.id: UNREAD, B.id: UNREAD}
        await bench.sleep.advance(4.0)
        assert [bench.prober.verdicts[one.id].unread for one in (A, B)] == ["", UNREAD.detail]
        await bench.sleep.advance(4.0)
        assert bench.prober.verdicts[A.id].unread == UNREAD.detail
        bench.answers = {}
        await bench.sleep.advance(2.0)
        assert [bench.prober.verdicts[one.id].unread for one in (A, B)] == ["", ""]

    run(story)


def test_a_check_that_is_changed_is_told_of_again() -> None:
    async def story(bench: Bench) -> None:
        bench.answers = {A.id: UNREAD, B.id: UNREAD}
        bench.prober.watch([A, B])
        await bench.sleep.advance(3.0)
        bench.prober.watch([replace(A, monitor=replace(A.monitor, port=81)), B])
        await bench.sleep.advance(3.0)

    assert sorted(run(story).unread) == [A.id, A.id, B.id]


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


def calculated(*parts: Check, target: str = "192.0.2.99", monitor: Monitor = MONITOR) -> Check:
    return replace(check_of(target, monitor), parts=tuple(Part(part.target, (part.id,)) for part in parts))


def test_what_is_calculated_is_read_at_once_when_a_part_changes() -> None:
    slow = replace(MONITOR, interval_s=1000.0, recheck_s=1000.0, fall=1)
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


def test_what_is_calculated_is_read_once_for_parts_that_change_together() -> None:
    both = calculated(A, B, monitor=replace(MONITOR, interval_s=1000.0, recheck_s=1000.0))

    async def story(bench: Bench) -> None:
        bench.prober.watch([A, B, both])
        await bench.sleep.advance(50.0)
        before = len(bench.times(both))
        for part in (A, B, A, B):
            bench.prober._read_calculated_of(part)
        await bench.sleep.advance(0.1)
        assert len(bench.times(both)) == before + 1
        bench.prober._read_calculated_of(A)
        await bench.sleep.advance(0.1)
        assert len(bench.times(both)) == before + 2, "and again for a later change"

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


def test_what_is_remembered_is_begun_with_once() -> None:
    calm = check_of("192.0.2.10", replace(MONITOR, rise=5))
    down = Verdict(Belief.DOWN, since=1.0, penalty=2.0)

    async def story(bench: Bench) -> None:
        bench.prober.watch([calm])
        assert bench.prober.believed(calm.id) is Belief.UNKNOWN, "it has not been read yet"
        await bench.sleep.advance(2.0)
        assert bench.prober.verdicts[calm.id].belief is Belief.DOWN, "fewer good readings than five"
        await bench.sleep.advance(4.0)
        assert bench.changes == [(calm.id, Belief.UP)]
        bench.prober.watch([B])
        assert bench.prober.verdicts[B.id] is down
        bench.prober.watch([calm])
        assert bench.prober.verdicts[calm.id] is NO_VERDICT

    run(story, Bench(remembered={calm.id: down, B.id: down}))


def test_a_mistake_of_ours_in_one_check_ends_neither_it_nor_the_others(caplog: pytest.LogCaptureFixture) -> None:
    async def story(bench: Bench) -> None:
        bench.mistakes[A.id] = AttributeError("a library has no such name")
        bench.lost.add(B.id)
        bench.prober.watch([A, B, C])
        await bench.sleep.advance(10.0)
        assert bench.changes == [(C.id, Belief.UP)]
        assert bench.prober.believed(A.id) is Belief.UNKNOWN
        assert all(len(bench.times(check)) >= 9 for check in (A, B, C))

        bench.mistakes.clear()
        bench.lost.clear()
        bench.answers[B.id] = BAD
        await bench.sleep.advance(10.0)
        assert bench.changes[1:] in ([(A.id, Belief.UP), (B.id, Belief.DOWN)], [(B.id, Belief.DOWN), (A.id, Belief.UP)])

    bench = run(story)
    assert A.id in bench.unread
    told = {record.getMessage() for record in caplog.records if record.levelno == logging.ERROR}
    assert told == {
        f"check {A.id} failed because of an internal error",
        f"a reading of check {B.id} was lost because of an internal error",
    }
