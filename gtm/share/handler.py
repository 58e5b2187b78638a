"""The handler of `GET /v1/reports`, which the admin server mounts: answers with an offer of the store's reports.

What comes in: a request, with all of this optional:

    If-None-Match: "ETAG"              answer only if there is something new
    ?wait=SECONDS                      hold the answer back until there is, at most MAX_WAIT_S (long poll)
    ?have=NODE:EPOCH.SERIAL,...        leave out what is not newer than these
    ?digests=NODE:DIGEST,...           but give what is of the same edition and has another digest

What goes out: 200 with the offer and its ETag, 304 when nothing changed, 400 when the question makes no sense. The
reports need no secrecy and carry their own proof, so anyone who reaches the admin listener may read them.
"""

import asyncio
import math
import re

from aiohttp import web

from gtm.health.report.envelope import DIGEST_LENGTH
from gtm.health.report.report import Edition
from gtm.ids import NodeName
from gtm.share.report_store import Digests, Editions, Offer, ReportStore

MAX_WAIT_S = 30.0
"""How long an answer is held back: shorter than the idle timeout of common proxies (60 s)."""

COALESCE_S = 0.05
"""How long news is collected before it is given: a region that dies flips many checks within milliseconds."""


async def handle_reports(request: web.Request, report_store: ReportStore) -> web.Response:
    """Returns the answer to `GET /v1/reports`."""
    try:
        wait_s = _parse_wait(request.query.get("wait", "0"))
        known = parse_have(request.query["have"]) if "have" in request.query else None
        digests = parse_digests(request.query.get("digests", ""))
    except ValueError as error:
        return web.json_response({"error": str(error)}, status=400)
    tags = {tag.value for tag in request.if_none_match or ()}
    offer = await _offer(report_store, tags, known, digests, wait_s=wait_s)
    if offer.etag in tags:
        return web.Response(status=304, headers={"ETag": f'"{offer.etag}"'})
    headers = {"ETag": f'"{offer.etag}"', "Cache-Control": "no-cache"}
    return web.Response(body=offer.body, content_type="application/json", headers=headers)


async def _offer(
    report_store: ReportStore, tags: set[str], known: Editions | None, digests: Digests, *, wait_s: float
) -> Offer:
    """Returns the offer as soon as its ETag is new, at the latest after `wait_s` seconds; without `tags` at once."""
    try:
        async with asyncio.timeout(wait_s):
            while True:
                seen = report_store.version
                offer = report_store.offer(known=known, digests=digests)
                if not tags or report_store.closed or (offer.etag not in tags and (known is None or offer.count)):
                    return offer
                await report_store.wait_for_news(seen)
                await asyncio.sleep(COALESCE_S)
    except TimeoutError:
        return report_store.offer(known=known, digests=digests)


def compose_have(editions: Editions) -> str:
    """Returns editions as `NODE:EPOCH.SERIAL,...`."""
    return ",".join(f"{node}:{epoch}.{serial}" for node, (epoch, serial) in sorted(editions.items()))


def parse_have(text: str) -> Editions:
    """Returns the editions of `NODE:EPOCH.SERIAL,...`. Raises ValueError when it is something else."""
    matches = [_HAVE.fullmatch(part) for part in text.split(",") if part]
    if not all(matches):
        raise ValueError("have is NODE:EPOCH.SERIAL,...")
    return {NodeName(match[1]): Edition(int(match[2]), int(match[3])) for match in matches if match}


def compose_digests(digests: Digests) -> str:
    """Returns digests as `NODE:DIGEST,...`."""
    return ",".join(f"{node}:{digest}" for node, digest in digests.items())


def parse_digests(text: str) -> Digests:
    """Returns the digests of `NODE:DIGEST,...`. Raises ValueError when it is something else."""
    matches = [_DIGEST.fullmatch(part) for part in text.split(",") if part]
    if not all(matches):
        raise ValueError("digests is NODE:DIGEST,...")
    return {NodeName(match[1]): match[2] for match in matches if match}


_DIGEST = re.compile(rf"([A-Za-z0-9._-]{{1,64}}):([0-9a-f]{{{DIGEST_LENGTH}}})")

_HAVE = re.compile(r"([A-Za-z0-9._-]{1,64}):([0-9]{1,19})\.([0-9]{1,19})")


def _parse_wait(text: str) -> float:
    try:
        wait_s = float(text)
    except ValueError:
        raise ValueError("wait is a number of seconds") from None
    if not math.isfinite(wait_s) or wait_s < 0:
        raise ValueError("wait is a number of seconds, 0 or more")
    return min(wait_s, MAX_WAIT_S)
