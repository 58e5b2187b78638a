"""The answers of peers and of etcd over HTTP: read within bounds.

What comes in: the body of an answer. What goes out: its bytes, or Unreachable.
"""

from collections.abc import Awaitable, Callable

import aiohttp

from gtm.errors import Unreachable

SMALL_BYTES = 1 << 20
"""The most bytes of an answer that may be in memory without a place for a large body (body_room.py)."""


async def bounded(
    content: aiohttp.StreamReader, *, most_bytes: int, enter: Callable[[], Awaitable[object]] | None = None
) -> bytearray:
    """Returns the whole body of an answer. Raises Unreachable as soon as it has more than `most_bytes`.

    `enter` is awaited once when the body grows beyond SMALL_BYTES: it waits for the place of a large body. The
    bytearray is not copied, which would take twice the memory.
    """
    body = bytearray()
    async for part in content.iter_any():
        body += part
        if len(body) > most_bytes:
            raise Unreachable(f"an answer of more than {most_bytes} bytes")
        if enter is not None and len(body) > SMALL_BYTES:
            await enter()
            enter = None
    return body
