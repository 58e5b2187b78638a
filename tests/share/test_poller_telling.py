"""What the log says of a peer that comes and goes."""

import asyncio
import logging

import pytest
from aiohttp import web

from gtm.share.poller import TOLD_AT_ONCE, TOLD_EVERY_S, open_share_session
from tests.fakes.clock import FakeClock
from tests.fakes.peers import poller_of, report_store_of, serving_handler


def test_a_peer_that_comes_and_goes_with_every_poll_is_a_few_lines_and_its_last_loss_is_told(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO)
    clock, works = FakeClock(), [False]

    async def handle(_: web.Request) -> web.Response:
        works[0] = not works[0]
        return web.Response(body=b'{"reports":[]}') if works[0] else web.Response(status=503)

    async def story() -> None:
        iad = report_store_of("iad", "fra")
        async with serving_handler(handle) as url, open_share_session() as session:
            poller = poller_of(iad, url, session, clock=clock)
            for _ in range(100):
                await poller.poll()
            assert len(caplog.messages) <= 2 * TOLD_AT_ONCE
            told, works[0] = len(caplog.messages), True
            for _ in range(3):
                clock.advance(TOLD_EVERY_S)
                await poller.poll()
                works[0] = True
            assert caplog.messages[told:] == ["peer fra lost: HTTP 503"]

    asyncio.run(asyncio.wait_for(story(), 20))
