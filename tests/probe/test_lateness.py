import asyncio
import time

from gtm.probe.lateness import BEAT_S, Lateness


def test_a_loop_that_was_blocked_is_late_by_as_much() -> None:
    async def run() -> float:
        lateness = Lateness()
        lateness.start()
        before_s = lateness.total_s
        time.sleep(BEAT_S + 0.05)  # noqa: ASYNC251 - blocking the loop is what is tested
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        lateness.stop()
        return lateness.total_s - before_s

    assert asyncio.run(run()) >= 0.05


def test_it_stops_when_told() -> None:
    async def run() -> None:
        lateness = Lateness()
        lateness.start()
        lateness.stop()
        await asyncio.sleep(2 * BEAT_S)
        assert lateness.total_s == 0.0
        lateness.stop()

    asyncio.run(run())
