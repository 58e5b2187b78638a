"""Turns are shared by the zones that want some."""

import asyncio
import time
from collections import Counter
from collections.abc import Awaitable, Callable

import pytest

from gtm.probe.loop_beat import BEAT_S
from gtm.probe.turns import LATE_S, CheckTurns, Zones
from tests.fakes.sleep import settle

GREEDY, OTHER, THIRD = ("greedy.example.com",), ("other.example.com",), ("third.example.com",)


class Bench:
    """Checks that are at work until the test ends them."""

    def __init__(self, at_once: int, *, are_shared: bool = True) -> None:
        self.turns = CheckTurns(at_once)
        self.turns.are_shared = are_shared
        self.at_work: Counter[Zones] = Counter()
        self.tasks: list[asyncio.Task[None]] = []
        self.gates: dict[Zones, asyncio.Event] = {}

    def ask(self, zones: Zones, count: int = 1) -> list[asyncio.Task[None]]:
        self.gates.setdefault(zones, asyncio.Event())
        tasks = [asyncio.create_task(self._check(zones)) for _ in range(count)]
        self.tasks += tasks
        return tasks

    def end(self, zones: Zones) -> None:
        """Lets all that are at work of a zone, and all that will be, end."""
        self.gates[zones].set()

    async def _check(self, zones: Zones) -> None:
        async with self.turns.turn(zones):
            self.at_work[zones] += 1
            try:
                await self.gates[zones].wait()
            finally:
                self.at_work[zones] -= 1


def play(story: Callable[[], Awaitable[None]]) -> None:
    async def all_of_it() -> None:
        await story()
        for task in asyncio.all_tasks() - {asyncio.current_task()}:
            task.cancel()

    asyncio.run(all_of_it())


def test_one_zone_has_all_turns() -> None:
    async def story() -> None:
        bench = Bench(10, are_shared=False)
        bench.ask(GREEDY, 30)
        await settle()
        assert bench.at_work[GREEDY] == 10

    play(story)


def test_a_greedy_zone_leaves_turns_for_others_however_long_its_checks_take() -> None:
    async def story() -> None:
        bench = Bench(10)
        bench.ask(GREEDY, 100)
        await settle()
        assert bench.at_work[GREEDY] == 4
        bench.ask(OTHER, 2)
        await settle()
        assert bench.at_work[OTHER] == 2, "at once"

    play(story)


@pytest.mark.slow
@pytest.mark.parametrize(("count", "left"), [(2, 8), (9, 5), (30, 1)])
def test_many_greedy_zones_leave_turns_for_others(count: int, left: int) -> None:
    async def story() -> None:
        bench = Bench(500)
        for number in range(count):
            bench.ask((f"z{number}.example.com",), 300)
        await settle()
        bench.ask(OTHER, 8)
        await settle()
        assert bench.at_work[OTHER] >= left

    play(story)


def test_what_waits_is_let_in_when_there_is_room_again() -> None:
    async def story() -> None:
        bench = Bench(4)
        bench.ask(GREEDY, 9)
        bench.ask(OTHER, 9)
        await settle()
        assert sum(bench.at_work.values()) <= 4
        bench.end(GREEDY)
        bench.end(OTHER)
        await asyncio.gather(*bench.tasks)

    play(story)


def test_a_check_that_is_cancelled_while_it_waits_takes_no_turn_along() -> None:
    async def story() -> None:
        bench = Bench(2)
        bench.ask(GREEDY, 1)
        await settle()
        waiting = bench.ask(GREEDY, 3)
        await settle()
        for task in waiting[:2]:
            task.cancel()
        bench.end(GREEDY)
        await asyncio.wait(bench.tasks)
        assert [task.cancelled() for task in waiting] == [True, True, False]
        bench.ask(OTHER, 1)
        await settle()
        assert bench.at_work == Counter({OTHER: 1})

    play(story)


def test_a_check_that_is_cancelled_as_it_is_let_in_gives_its_turn_back() -> None:
    async def story() -> None:
        bench = Bench(1, are_shared=False)
        bench.ask(GREEDY)
        await settle()
        waiting = bench.ask(OTHER)[0]
        last = bench.ask(THIRD)[0]
        await settle()
        bench.end(GREEDY)
        bench.tasks[0].add_done_callback(lambda _: waiting.cancel())
        await settle()
        assert waiting.cancelled()
        assert bench.at_work[THIRD] == 1
        bench.end(THIRD)
        await last

    play(story)


async def busy(bench: Bench, zones: Zones, count: int) -> None:
    """Has so many checks of a zone done, one after the other."""
    for _ in range(count):
        async with bench.turns.turn(zones):
            pass


def test_while_the_loop_is_late_the_busiest_zone_has_fewer_at_work_and_no_other() -> None:
    async def story() -> None:
        bench = Bench(100)
        for _ in range(2):
            await busy(bench, GREEDY, 50)
            await busy(bench, OTHER, 5)
            bench.turns.take(0.1, 0.1)
        bench.ask(GREEDY, 200)
        bench.ask(OTHER, 10)
        await settle()
        assert bench.at_work == Counter({GREEDY: 1, OTHER: 10})

    play(story)


def test_a_zone_alone_has_all_turns_however_late_the_loop_is() -> None:
    async def story() -> None:
        bench = Bench(10, are_shared=False)
        await busy(bench, GREEDY, 5)
        bench.turns.take(0.1, 0.1)
        bench.ask(GREEDY, 30)
        await settle()
        assert bench.at_work[GREEDY] == 10

    play(story)


def test_a_zone_that_made_the_loop_late_gets_its_turns_back() -> None:
    async def story() -> None:
        bench = Bench(20)
        await busy(bench, GREEDY, 5)
        bench.turns.take(0.1, 0.1)
        bench.ask(GREEDY, 30)
        await settle()
        assert bench.at_work[GREEDY] == 1
        for _ in range(20):
            bench.turns.take(0.0, 0.0)
        await settle()
        assert bench.at_work[GREEDY] == 8

    play(story)


def test_a_loop_that_others_made_late_is_no_zones_fault() -> None:
    async def story() -> None:
        bench = Bench(20)
        await busy(bench, GREEDY, 5)
        bench.turns.take(0.1, 0.005)
        bench.ask(GREEDY, 30)
        await settle()
        assert bench.at_work[GREEDY] == 8

    play(story)


def test_a_running_loop_that_waits_without_work_is_late_by_no_zones_fault() -> None:
    async def story() -> None:
        bench = Bench(20)
        bench.turns.start()
        await busy(bench, GREEDY, 5)
        time.sleep(BEAT_S + 2 * LATE_S)  # noqa: ASYNC251 - the loop is kept from running, and has nothing of the CPU
        await settle()
        bench.turns.stop()
        bench.ask(GREEDY, 30)
        await settle()
        assert bench.at_work[GREEDY] == 8

    play(story)
