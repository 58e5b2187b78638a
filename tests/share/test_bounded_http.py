"""An answer within bounds."""

import asyncio

import aiohttp
import pytest
from aiohttp.base_protocol import BaseProtocol

from gtm.errors import Unreachable
from gtm.share.bounded_http import bounded


def body_of(*parts: bytes, most_bytes: int) -> bytearray:
    async def story() -> bytearray:
        loop = asyncio.get_running_loop()
        content = aiohttp.StreamReader(BaseProtocol(loop), 2**16, loop=loop)
        for part in parts:
            content.feed_data(part)
        content.feed_eof()
        return await bounded(content, most_bytes=most_bytes)

    return asyncio.run(story())


def test_a_body_up_to_the_bound_is_whole() -> None:
    assert body_of(b"abc", b"de", most_bytes=5) == b"abcde"


def test_a_longer_one_is_given_up() -> None:
    with pytest.raises(Unreachable, match="an answer of more than 4 bytes"):
        body_of(b"abc", b"de", most_bytes=4)
