import asyncio
import time
from collections.abc import Awaitable, Callable

import pytest

from gtm.turns import Turns

LIMIT_S = 20.0


def play(story: Callable[[], Awaitable[None]]) -> None:
    asyncio.run(asyncio.wait_for(story(), LIMIT_S))


def test_after_a_turn_nobody_has_one_for_as_long_as_it_took_and_the_first_who_asks_is_next() -> None:
    took, now, order = [0.03, 0.01, 0.0], [100.0], []
    turns = Turns(now=lambda: now[0])

    async def act(number: int) -> None:
        async with turns.turn():
            order.append(number)
            now[0] += took[number]

    async def story() -> None:
        began = time.monotonic()
        await asyncio.gather(*map(act, range(3)))
        assert time.monotonic() - began >= 0.03 + 0.01

    play(story)
    assert order == [0, 1, 2]


def test_one_that_hangs_has_its_turn_for_so_long_and_the_next_ones_need_no_rest_after_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("gtm.turns.TURN_S", 0.01)
    turns, order, hanging = Turns(), [], asyncio.Event()

    async def hang() -> None:
        async with turns.turn():
            await hanging.wait()
            order.append("hung")

    async def act(name: str) -> None:
        async with turns.turn():
            order.append(name)

    async def story() -> None:
        hung = asyncio.create_task(hang())
        await asyncio.gather(act("first"), act("second"))
        hanging.set()
        await hung
        await act("third")

    play(story)
    assert order == ["first", "second", "hung", "third"]


def test_who_gives_up_waiting_keeps_nobody_waiting() -> None:
    turns, order = Turns(), []

    async def act(name: str) -> None:
        async with turns.turn():
            order.append(name)
            await asyncio.sleep(0)

    async def story() -> None:
        tasks = [asyncio.create_task(act(name)) for name in ("first", "second", "third")]
        await asyncio.sleep(0)
        tasks[0].cancel()
        tasks[1].cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    play(story)
    assert order == ["third"]
