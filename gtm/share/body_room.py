"""Room for large bodies: limits how many are in memory at once, so that slow peers do not keep out the others.

What comes in: pollers whose answer is larger than SMALL_BYTES (bounded_http.py). What goes out: a place for the body,
in the order of the requests, and for a limited time:

    a peer that                                  gets one of             until the body is complete, at most for
    is not known to be slow                      all places              PROMPT_S
    lately exceeded that time                    all places but one      as long as a poll may take

So two peers that send large bodies slowly, or without end, delay others once by PROMPT_S, and then no more. A peer with
a slow line is still heard. The wait for a place does not count as slowness.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

LARGE_AT_ONCE = 2
"""The number of large bodies that are in memory at once; other peers with a large body wait."""

PROMPT_S = 2.0
"""Seconds for the rest of a body once it has a place: enough for 10 MB at 40 Mbit/s, the most in a mesh of three."""

SLOW_FOR_S = 60.0
"""How long a peer counts as slow."""


class BodyRoom:
    """Gives places for large bodies. It has state: which places are taken."""

    def __init__(self) -> None:
        self._places = asyncio.Semaphore(LARGE_AT_ONCE)
        self._places_of_slow = asyncio.Semaphore(LARGE_AT_ONCE - 1)

    @property
    def is_full(self) -> bool:
        """Returns whether all places are taken, so that the next request must wait."""
        return self._places.locked()

    @asynccontextmanager
    async def place(self, *, slow: bool) -> AsyncIterator[None]:
        """Waits for a place, and holds it during the `async with` block; a `slow` peer cannot get the last place."""
        if not slow:
            async with self._places:
                yield
            return
        async with self._places_of_slow, self._places:
            yield
