"""GET /v1/zones: the contents of the served zones, as lines of JSON (gtm/zone/contents.py), for `gtm check --against`.

In come the zones of a plan; out go their names, services and records, with fingerprints of values, and no value that
may be secret. The lines are made in a thread, some of them in each turn of the listener, once for all who ask for the
same zones, and kept packed for KEPT_S. They are sent outside of turns: whoever reads slowly keeps nobody waiting.
"""

import asyncio
import zlib
from collections.abc import Callable, Iterator, Sequence
from itertools import chain, islice

from aiohttp import web

from gtm.admin.routes import Handler
from gtm.admin.server import TURNS
from gtm.threads import Pool
from gtm.turns import Turns
from gtm.zone.contents import contents_of, lines
from gtm.zone.model import Zone

CHUNK_LINES = 2_000
"""The number of lines that are made in one turn: about 20 ms."""
KEPT_S = 60.0
"""The lines are kept this long after the last request. Compressed to a tenth, they have 14 bytes for each record."""
MAX_READ_S = 120.0
"""The time limit for a client to read an answer; it is as long as `gtm` waits (client.py)."""

Zones = Callable[[], Sequence[Zone]]


def zone_handler(zones: Zones) -> Handler:
    """Returns the handler of GET /v1/zones, which sends the contents of these zones."""
    told = ToldZones(zones)

    async def contents(request: web.Request) -> web.StreamResponse:
        # RFC 9110 9.3.2: nothing follows; aiohttp keeps a body that is streamed from no HEAD
        packed = () if request.method == "HEAD" else await told.packed(request.app[TURNS])
        answer = web.StreamResponse(headers={"Content-Type": "application/x-ndjson"})
        await answer.prepare(request)
        try:
            async with asyncio.timeout(MAX_READ_S):
                for chunk in packed:
                    await answer.write(zlib.decompress(chunk))
                await answer.write_eof()
        except TimeoutError:
            if request.transport is not None:
                request.transport.abort()
        except ConnectionError:  # it hung up, and is nobody's fault
            pass
        return answer

    return contents


class ToldZones:
    """Makes the lines of zones and keeps them compressed for KEPT_S. Its state is these lines and their timer."""

    def __init__(self, zones: Zones) -> None:
        self._zones = zones
        self._of: tuple[Zone, ...] = ()
        self._packed: tuple[bytes, ...] | None = None
        self._making = asyncio.Lock()
        self._threads = Pool("contents of zones", threads=1)
        self._forgetting: asyncio.TimerHandle | None = None

    async def packed(self, turns: Turns) -> Sequence[bytes]:
        """Returns the lines of the present zones in compressed chunks; `turns` are those of the listener."""
        async with self._making:
            zones = tuple(self._zones())
            packed = self._packed
            if packed is None or not _are_same(zones, self._of):
                packed = await self._made(zones, turns)
                self._of, self._packed = zones, packed
            self._keep()
            return packed

    async def _made(self, zones: Sequence[Zone], turns: Turns) -> tuple[bytes, ...]:
        told = chain.from_iterable(lines(contents_of(zone)) for zone in zones)
        chunks: list[bytes] = []
        while not chunks or chunks[-1]:
            async with turns.turn():
                chunks.append(await self._threads.run(_chunk, told))
        return tuple(chunks[:-1])

    def _keep(self) -> None:
        if self._forgetting is not None:
            self._forgetting.cancel()
        self._forgetting = asyncio.get_running_loop().call_later(KEPT_S, self._forget)

    def _forget(self) -> None:
        self._of, self._packed = (), None


def _are_same(zones: Sequence[Zone], others: Sequence[Zone]) -> bool:
    return len(zones) == len(others) and all(pair is other for pair, other in zip(zones, others, strict=True))


def _chunk(told: Iterator[bytes]) -> bytes:
    text = b"".join(islice(told, CHUNK_LINES))
    return zlib.compress(text, 1) if text else b""
