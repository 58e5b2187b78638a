import asyncio
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest
from aiohttp import test_utils, web
from pydantic import TypeAdapter

from gtm.admin.views import EndpointView, NodeStatus, ServiceView
from gtm.cli.demo.stage import STAGE, Stage
from gtm.cli.demo.watching import changes, follow, parse_status, until_ready
from gtm.errors import DemoFailed, Unreachable
from gtm.health.belief import Belief
from gtm.health.consensus.voices import Voice
from gtm.health.verdict.reading import Reason
from gtm.ids import EndpointId, Generation, NodeName, RegionName, ServiceId, VantageName
from gtm.serve.listen import parse_listen
from gtm.steer.decide import State

EU = RegionName("eu-west")
NAMES = tuple(region.name for region in STAGE.regions)


def voice(vantage: str, belief: Belief, reason: Reason, *, fresh: bool = True) -> Voice:
    return Voice(VantageName(vantage), (NodeName(vantage),), belief, reason, "", fresh, 0.5)


def view(
    name: RegionName, belief: Belief, reason: Reason = Reason.OK, detail: str = "", voices: Iterable[Voice] = ()
) -> EndpointView:
    endpoint = EndpointId(f"{name}/127.0.0.12")
    return EndpointView(endpoint, name, "A", 1, "api", belief, None, reason, detail, frozen=False, voices=tuple(voices))


def status(*endpoints: EndpointView) -> NodeStatus:
    services = tuple(
        ServiceView(ServiceId(name), "gtm.example.com", "nearest", 5, State.STEADY, endpoints)
        for name in (STAGE.name, "pool.gtm.example.com")
    )
    return NodeStatus(
        node=NodeName("ns1"),
        version="0",
        engine="reference",
        vantage=VantageName("europe"),
        roles=("dns",),
        started_at=0.0,
        uptime_s=1.0,
        generation=Generation(1),
        ready=True,
        quorum="majority",
        zones=(),
        problems=(),
        geo=(),
        geo_problems=(),
        probes=(),
        services=services,
        counters={},
    )


def json_of(shown: NodeStatus) -> str:
    return TypeAdapter(NodeStatus).dump_json(shown).decode()


ALL_UP = status(*(view(name, Belief.UP) for name in NAMES))


class FakeNode:
    """Answers /readyz and /v1/status: one of `shown` after the other, the last for ever. None is not ready."""

    def __init__(self, shown: list[NodeStatus | None]) -> None:
        self._shown = shown

    def app(self) -> web.Application:
        app = web.Application()
        app.add_routes([web.get("/readyz", self._readyz), web.get("/v1/status", self._status)])
        return app

    async def _readyz(self, _: web.Request) -> web.Response:
        if self._shown[0] is not None:
            return web.Response()
        self._next()
        return web.Response(status=503)

    async def _status(self, _: web.Request) -> web.Response:
        shown = self._shown[0]
        assert shown is not None
        self._next()
        return web.Response(text=json_of(shown), content_type="application/json")

    def _next(self) -> None:
        if len(self._shown) > 1:
            self._shown.pop(0)


@asynccontextmanager
async def running(*shown: NodeStatus | None) -> AsyncIterator[Stage]:
    async with test_utils.TestServer(FakeNode(list(shown)).app()) as server:
        yield replace(STAGE, server=replace(STAGE.server, admin=parse_listen(f"127.0.0.1:{server.port}")))


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Looks again at once, rather than after a while."""
    monkeypatch.setattr("gtm.cli.demo.watching.POLL_S", 0.0)


def test_ready_is_when_the_node_serves_and_sees_every_region_up() -> None:
    partly = status(view(NAMES[0], Belief.UP), view(NAMES[1], Belief.UNKNOWN))

    async def story() -> None:
        async with running(None, partly, ALL_UP) as stage:
            seen = await until_ready(stage, limit_s=20.0)
            assert set(seen) == set(NAMES)

    asyncio.run(story())


def test_a_node_that_never_sees_a_region_up_is_given_up_with_what_it_saw() -> None:
    async def story() -> None:
        async with running(status(view(EU, Belief.DOWN))) as stage:
            with pytest.raises(DemoFailed, match="us-east unknown, eu-west down, ap-southeast unknown"):
                await until_ready(stage, limit_s=0.2)

    asyncio.run(story())


def test_a_change_of_mind_is_said_once_and_also_after_the_node_was_away() -> None:
    down = status(*(view(name, Belief.DOWN if name == EU else Belief.UP) for name in NAMES))
    said: list[str] = []

    async def story() -> None:
        async with running(ALL_UP, ALL_UP, down, down, None, None, ALL_UP) as stage:
            seen = await until_ready(stage, limit_s=20.0)
            both = asyncio.Event()

            def say(line: str) -> None:
                said.append(line.partition(" (")[0])
                if len(said) == 2:
                    both.set()

            following = asyncio.create_task(follow(stage, seen, say))
            async with asyncio.timeout(20.0):
                await both.wait()
            following.cancel()
            await asyncio.gather(following, return_exceptions=True)

    asyncio.run(story())
    assert said == ["region eu-west: UP -> DOWN", "region eu-west: DOWN -> UP"]


def test_a_change_is_told_with_its_voices_and_its_reason() -> None:
    voices = [
        voice("asia", Belief.DOWN, Reason.STATUS),
        voice("europe", Belief.DOWN, Reason.STATUS),
        voice("north-america", Belief.UP, Reason.OK),
        voice("africa", Belief.DOWN, Reason.STATUS, fresh=False),
    ]
    before = {EU: view(EU, Belief.UP)}
    after = {EU: view(EU, Belief.DOWN, Reason.STATUS, "HTTP 503", voices)}
    assert changes(before, after) == ("region eu-west: UP -> DOWN (2 of 3 vantages: status HTTP 503)",)


def test_the_same_belief_for_another_reason_is_no_change() -> None:
    before = {EU: view(EU, Belief.DOWN, Reason.TIMEOUT)}
    assert changes(before, {EU: view(EU, Belief.DOWN, Reason.REFUSED)}) == ()


@pytest.mark.parametrize("text", ["", "{}", "[]", "<html>", '{"services": 3}'])
def test_what_is_no_status_is_said(text: str) -> None:
    with pytest.raises(Unreachable, match="not a node of this version"):
        parse_status(text, STAGE)
