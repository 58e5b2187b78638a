"""What the DNS node believes of the regions, as seen from outside: over its admin API.

What comes in: the answers of /readyz and /v1/status. What goes out: whether it serves and sees every region up, and a
line for each change of mind. It looks as any operator's tool would, so what it says is what the node says.
"""

import asyncio
from collections.abc import Callable, Mapping
from typing import NoReturn

import aiohttp
from pydantic import TypeAdapter, ValidationError

from gtm.admin.views import EndpointView, NodeStatus
from gtm.cli.demo.stage import Stage
from gtm.errors import DemoFailed, Unreachable
from gtm.health.belief import Belief
from gtm.ids import RegionName

POLL_S = 0.25
"""A change of mind is seen within this; a failover takes seconds."""

ASK_LIMIT_S = 2.0

Seen = Mapping[RegionName, EndpointView]
"""The endpoint of the demo's service in each region."""


async def until_ready(stage: Stage, *, limit_s: float) -> Seen:
    """Returns the beliefs of the DNS node once it serves and sees every region up; DemoFailed when it never does."""
    seen: Seen = {}
    try:
        async with asyncio.timeout(limit_s), _session() as session:
            while not all(_belief(seen, region.name) is Belief.UP for region in stage.regions):
                await asyncio.sleep(POLL_S)
                seen = await _look(session, stage) or seen
    except TimeoutError as error:
        regions = ", ".join(f"{region.name} {_belief(seen, region.name).value}" for region in stage.regions)
        raise DemoFailed(f"within {limit_s:g} s {stage.server.name} did not see every region up: {regions}") from error
    return seen


async def follow(stage: Stage, seen: Seen, say: Callable[[str], None]) -> NoReturn:
    """Says every change of mind of the DNS node, until it is cancelled."""
    async with _session() as session:
        while True:
            await asyncio.sleep(POLL_S)
            # when the node is gone there is nothing to see, and the supervisor says so
            now = await _look(session, stage) or seen
            for line in changes(seen, now):
                say(line)
            seen = now


def changes(before: Seen, after: Seen) -> tuple[str, ...]:
    """Returns a line for every region that is believed otherwise than before."""
    return tuple(
        f"region {name}: {_belief(before, name).name} -> {view.belief.name} ({_why(view)})"
        for name, view in after.items()
        if _belief(before, name) is not view.belief
    )


def parse_status(text: str, stage: Stage) -> Seen:
    """Returns the beliefs about the demo's regions in an answer of /v1/status.

    Raises Unreachable when it is not one.
    """
    try:
        status = TypeAdapter(NodeStatus).validate_json(text)
    except ValidationError as error:
        raise Unreachable(f"what answers at {stage.server.url} is not a node of this version") from error
    return {
        view.region: view for service in status.services if service.service == stage.name for view in service.endpoints
    }


def _belief(seen: Seen, name: RegionName) -> Belief:
    return seen[name].belief if name in seen else Belief.UNKNOWN


def _why(view: EndpointView) -> str:
    counted = [voice for voice in view.voices if voice.counts]
    agreeing = sum(voice.belief is view.belief for voice in counted)
    return f"{agreeing} of {len(counted)} vantages: {f'{view.reason.value} {view.detail}'.strip()}"


def _session() -> aiohttp.ClientSession:
    return aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=ASK_LIMIT_S))


async def _look(session: aiohttp.ClientSession, stage: Stage) -> Seen | None:
    """Returns the beliefs of the node; None while it does not serve."""
    try:
        async with session.get(f"{stage.server.url}/readyz") as ready:
            if ready.status != 200:
                return None
        async with session.get(f"{stage.server.url}/v1/status") as answer:
            return parse_status(await answer.text(), stage) if answer.status == 200 else None
    except (aiohttp.ClientError, TimeoutError):
        return None
