"""The answers of peers and of etcd over HTTP: read within bounds.

What comes in: the body of an answer. What goes out: its bytes, or Unreachable.
"""

from collections.abc import Awaitable, Callable

import aiohttp

from gtm.errors import Unreachable

SMALL_BYTES = 1 << 20
"""Of every peer's answer so much may be held at the same time."""


async def bounded(
    content: aiohttp.StreamReader, *, most_bytes: int, enter: Callable[[], Awaitable[object]] | None = None
) -> bytearray:
    """Returns a whole body, as it grew: a copy would take as much again. Raises Unreachable as soon as it is longer.

    `enter` is awaited once before more than SMALL_BYTES of it are held: for the place of a large one.
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
