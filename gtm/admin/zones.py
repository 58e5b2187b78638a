"""GET /v1/zones: what the zones that serve have, as lines of JSON (gtm/zone/contents.py), for `gtm check --against`.

In come the zones of a plan; out go their names, services and records, with fingerprints of values, and no value that
may be secret. Lines are made in a thread, some at a time, as fast as they are read.
"""

from collections.abc import Callable, Iterator, Sequence
from itertools import chain, islice

from aiohttp import web

from gtm.threads import Pool
from gtm.zone.contents import contents_of, lines
from gtm.zone.model import Zone

CHUNK_LINES = 2_000

Zones = Callable[[], Sequence[Zone]]


def zone_routes(zones: Zones) -> list[web.RouteDef]:
    """Returns the path that tells what these zones have."""
    pool = Pool("contents of zones", threads=1)

    async def contents(request: web.Request) -> web.StreamResponse:
        told = chain.from_iterable(lines(contents_of(zone)) for zone in zones())
        answer = web.StreamResponse(headers={"Content-Type": "application/x-ndjson"})
        await answer.prepare(request)
        while chunk := await pool.run(_chunk, told):
            await answer.write(chunk)
        await answer.write_eof()
        return answer

    return [web.get("/v1/zones", contents)]


def _chunk(told: Iterator[bytes]) -> bytes:
    return b"".join(islice(told, CHUNK_LINES))
