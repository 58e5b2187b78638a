"""An answer within bounds, and words without a URL."""

import asyncio
import errno
from socket import EAI_NONAME, gaierror

import aiohttp
import pytest
from aiohttp.base_protocol import BaseProtocol

from gtm.errors import Unreachable
from gtm.share.asking import bounded, described


def body_of(*parts: bytes, most_bytes: int) -> bytes:
    async def story() -> bytes:
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


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (TimeoutError(), "timeout"),
        (ConnectionRefusedError(errno.ECONNREFUSED, "http://user:secret@host"), "Connection refused"),
        (gaierror(EAI_NONAME, "http://user:secret@host"), "gaierror"),
        (aiohttp.ServerDisconnectedError(), "ServerDisconnectedError"),
    ],
)
def test_what_failed_is_said_without_a_url(error: Exception, words: str) -> None:
    assert described(error) == words
