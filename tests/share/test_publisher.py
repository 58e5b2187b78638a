import asyncio

from gtm.health.belief import Belief
from gtm.ids import NodeName
from gtm.share.publisher import heartbeat_s, publish_reports
from tests.fakes.peers import CHECK, believing, report_store_of

NEVER_S = 3600.0
FRA = NodeName("fra")


def test_the_beat_is_the_shortest_interval_within_bounds() -> None:
    assert heartbeat_s([5.0, 2.0, 30.0]) == 2.0
    assert heartbeat_s([0.1]) == 0.5
    assert heartbeat_s([60.0]) == 10.0
    assert heartbeat_s([]) == 10.0


def test_a_change_is_published_at_once() -> None:
    async def story() -> None:
        report_store, changed, verdicts = report_store_of("fra"), asyncio.Event(), [believing(Belief.UP)]
        async with asyncio.timeout(10):
            task = asyncio.create_task(
                publish_reports(report_store, lambda: verdicts[-1], changed, beat_s=lambda: NEVER_S)
            )
            await report_store.wait_for_news(0)
            verdicts.append(believing(Belief.DOWN))
            changed.set()
            await report_store.wait_for_news(1)
        assert report_store.book.by_node[FRA].report.votes[CHECK].belief is Belief.DOWN
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    asyncio.run(story())


def test_a_burst_of_changes_is_one_report() -> None:
    async def story() -> None:
        report_store, changed = report_store_of("fra"), asyncio.Event()
        async with asyncio.timeout(10):
            task = asyncio.create_task(publish_reports(report_store, dict, changed, beat_s=lambda: NEVER_S))
            await report_store.wait_for_news(0)
            for _ in range(5):
                changed.set()
                await asyncio.sleep(0)
            assert await report_store.wait_for_news(1) == 2
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    asyncio.run(story())


def test_without_a_change_the_beat_goes_on() -> None:
    async def story() -> None:
        report_store = report_store_of("fra")
        async with asyncio.timeout(10):
            task = asyncio.create_task(publish_reports(report_store, dict, asyncio.Event(), beat_s=lambda: 0.001))
            for seen in range(5):
                await report_store.wait_for_news(seen)
        assert report_store.book.editions[FRA].serial >= 5
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    asyncio.run(story())
