"""Room for large bodies: a few are held at once, and peers that are slow keep none of it from the others.

What comes in: pollers with an answer of which there is more than every peer may have held (bounded_http.py). What goes
out: a place, in the order in which they ask, and for how long:

    a peer that                                  has one of              until it is whole, at most for
    is not known to be slow                      all places              PROMPT_S
    had none whole in that time, lately          all places but one      as long as a poll may take

So two that give large bodies slowly, or never end one, delay others by PROMPT_S once, and then by nothing; and whose
line is slow is heard too. Who waits for a place is not late.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

LARGE_AT_ONCE = 2
"""So many large bodies are held and read at once; the peers that have further ones to give wait."""

PROMPT_S = 2.0
"""For the rest of a body once it has a place: 40 Mbit/s bring the 10 MB that a mesh of three may say at most."""

SLOW_FOR_S = 60.0
"""How long a peer counts as slow."""


class BodyRoom:
    """Gives places. Its state is who has one."""

    def __init__(self) -> None:
        self._places = asyncio.Semaphore(LARGE_AT_ONCE)
        self._places_of_slow = asyncio.Semaphore(LARGE_AT_ONCE - 1)

    @property
    def is_full(self) -> bool:
        """Returns whether who asks for a place must wait."""
        return self._places.locked()

    @asynccontextmanager
    async def place(self, *, slow: bool) -> AsyncIterator[None]:
        """Waits for a place, which is held for the block."""
        if not slow:
            async with self._places:
                yield
            return
        async with self._places_of_slow, self._places:
            yield
