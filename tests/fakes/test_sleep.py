import asyncio

from tests.fakes.clock import FakeClock
from tests.fakes.sleep import FakeSleep, settle


def test_sleepers_wake_in_the_order_of_their_times_and_each_at_its_own() -> None:
    async def story() -> list[tuple[str, float]]:
        clock = FakeClock(monotonic=0.0)
        sleep = FakeSleep(clock)
        woken: list[tuple[str, float]] = []

        async def sleeper(name: str, seconds: float) -> None:
            await sleep(seconds)
            woken.append((name, clock.monotonic()))

        tasks = [asyncio.create_task(sleeper(name, seconds)) for name, seconds in (("c", 3.0), ("a", 1.0), ("b", 2.0))]
        await settle()
        assert woken == []
        await sleep.advance(2.5)
        assert clock.monotonic() == 2.5
        assert [name for name, _ in woken] == ["a", "b"]
        await sleep.advance(1.0)
        await asyncio.gather(*tasks)
        return woken

    assert asyncio.run(story()) == [("a", 1.0), ("b", 2.0), ("c", 3.0)]


def test_a_cancelled_sleeper_does_not_wake() -> None:
    async def story() -> None:
        sleep = FakeSleep(FakeClock())
        task = asyncio.create_task(sleep(1.0))
        await settle()
        task.cancel()
        await sleep.advance(5.0)
        assert task.cancelled()

    asyncio.run(story())


def test_no_time_at_all_only_gives_others_a_turn() -> None:
    asyncio.run(FakeSleep(FakeClock())(0.0))
