"""What asking over HTTP has in common, whoever is asked: an answer within bounds, and words for what went wrong.

What comes in: the body of an answer, or an exception of asyncio, aiohttp or the operating system. What goes out: bytes,
or words that hold no URL, because one may hold a password. The caller turns them into Unreachable.
"""

import os
import ssl
from collections.abc import Awaitable, Callable
from socket import gaierror

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


def described(error: Exception) -> str:
    """Returns what failed."""
    if isinstance(error, TimeoutError):
        return "timeout"
    refusal = _tls_error(error)  # before OSError: it is one, with a number that is no errno
    if isinstance(refusal, ssl.SSLCertVerificationError):
        return f"its certificate is refused: {refusal.verify_message}"
    if refusal is not None:
        return f"TLS failed: {(refusal.reason or 'unknown').replace('_', ' ').lower()}"
    if isinstance(error, gaierror | aiohttp.ClientConnectorDNSError):  # whose number is no errno either
        return "the name does not resolve"
    if isinstance(error, OSError) and error.errno is not None:
        return os.strerror(error.errno)
    return type(error).__name__


def _tls_error(error: Exception) -> ssl.SSLError | None:
    """Returns the error of TLS that this one is made of, or is."""
    parts = (getattr(error, "certificate_error", None), getattr(error, "os_error", None), error.__cause__, error)
    return next((part for part in parts if isinstance(part, ssl.SSLError)), None)
