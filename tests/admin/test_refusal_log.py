import asyncio
import logging

import pytest

from gtm.admin.refusal_log import RefusalLog
from tests.node.present import until


def test_the_first_refusals_are_lines_and_the_others_a_count_at_the_end_of_the_span(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def story() -> None:
        log = logging.getLogger("gtm.test")
        told, counted = RefusalLog(log, "more were refused", lines=2, span_s=0.01), asyncio.Event()

        def watch(record: logging.LogRecord) -> bool:
            if "more" in record.getMessage():
                counted.set()
            return True

        log.addFilter(watch)
        for number in range(5):
            told.tell(f"number {number}")
        async with until():
            await counted.wait()
        told.tell("again")

    asyncio.run(story())
    first, second, count, again = caplog.messages
    assert (first, second, again) == ("number 0", "number 1", "again")
    assert count.startswith("3 more were refused within")
