"""A key that signs two reports of one edition, one for each of two nodes: the two tell it when one polls the other."""

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping
from contextlib import AsyncExitStack

import aiohttp
import pytest
from aiohttp import web
from multidict import MultiDict

from gtm.errors import ReportInvalid
from gtm.health.belief import Belief
from gtm.health.report.envelope import Sealed, compose_offer, seal
from gtm.health.report.payload import Base
from gtm.health.report.report import Report
from gtm.ids import CheckId, NodeName, VantageName
from gtm.share.handler import compose_digests, compose_have, handle_reports, parse_digests
from gtm.share.poller import MOST_DIGESTS, open_share_session
from gtm.share.refusals import SHOWN_S
from tests.fakes.clock import FakeClock
from tests.fakes.peers import (
    CHECK,
    WatchedReportStore,
    believing,
    key_of,
    poller_of,
    report_store_of,
    serving,
    serving_handler,
)
from tests.health.examples import vote

AMPLE_S = 20.0
LIAR, NS1, NS2 = NodeName("liar"), NodeName("ns1"), NodeName("ns2")
OTHERS = {CheckId(f"gtm.example.com/api/192.0.2.{host}"): vote(Belief.UP) for host in range(100, 120)}
"""With so many a delta is shorter than a report."""
WORDS = "liar signed two different reports of one edition, 1.{}"


def said(belief: Belief, serial: int = 7, *, last: Base | None = None, epoch: int = 1) -> Sealed:
    """A report that the key of `liar` signed."""
    report = Report(LIAR, VantageName("at-liar"), epoch, serial, FakeClock().wall(), {CHECK: vote(belief), **OTHERS})
    return seal(report, key_of("liar"), last=last)


def tell(report_store: WatchedReportStore, *reports: Sealed) -> None:
    for sealed in reports:
        assert report_store.take(compose_offer([sealed.full]), giver=LIAR)


def two(clock: FakeClock | None = None) -> tuple[WatchedReportStore, WatchedReportStore]:
    return report_store_of("ns1", "ns2", "liar", clock=clock), report_store_of("ns2", "ns1", "liar", clock=clock)


def believes(report_store: WatchedReportStore) -> Belief:
    return report_store.book.by_node[LIAR].report.votes[CHECK].belief


def play(story: Callable[[aiohttp.ClientSession, AsyncExitStack], Awaitable[None]]) -> None:
    async def staged() -> None:
        async with asyncio.timeout(AMPLE_S), open_share_session() as session, AsyncExitStack() as stack:
            await story(session, stack)

    asyncio.run(staged())


def test_a_poll_finds_who_says_up_here_and_down_there(caplog: pytest.LogCaptureFixture) -> None:
    events: list[tuple[NodeName, ReportInvalid]] = []
    ns1 = report_store_of("ns1", "ns2", "liar")
    ns2 = report_store_of("ns2", "ns1", "liar", on_refused=lambda giver, refused: events.append((giver, refused)))
    tell(ns1, said(Belief.UP))
    tell(ns2, said(Belief.DOWN))

    async def story(session: aiohttp.ClientSession, stack: AsyncExitStack) -> None:
        poller = poller_of(ns2, await stack.enter_async_context(serving(ns1)), session, NS1, wait_s=0.05)
        for _ in range(3):
            await poller.poll()

    play(story)
    assert ns2.refused == {(NS1, "equivocated"): 1}, "the ETag keeps the same two from crossing with every poll"
    [line] = [message for message in caplog.messages if "equivocated" in message]
    assert "in the name of liar by the key" in line
    assert WORDS.format(7) in line
    assert [(giver, refused.node) for giver, refused in events] == [(NS1, "liar")]
    assert ns2.refusals.problems == (f"liar does not say the same to everyone: {WORDS.format(7)}",)
    assert believes(ns2) is Belief.DOWN, "what it holds stays"


def test_an_etag_does_not_hide_it() -> None:
    ns1, ns2 = two()
    honest = said(Belief.UP, 6)
    tell(ns1, honest, said(Belief.UP))
    tell(ns2, honest, said(Belief.DOWN))

    async def story(session: aiohttp.ClientSession, stack: AsyncExitStack) -> None:
        url = await stack.enter_async_context(serving(ns1))
        headers = {"If-None-Match": f'"{ns1.offer().etag}"'}
        params = {"have": compose_have(ns2.editions), "digests": compose_digests(ns2.digests)}
        async with session.get(f"{url}/v1/reports", params=params, headers=headers) as response:
            assert response.status == 200
            assert len(json.loads(await response.text())["reports"]) == 1
            headers = {"If-None-Match": response.headers["ETag"]}
        async with session.get(f"{url}/v1/reports", params=params, headers=headers) as response:
            assert response.status == 304
        params = {"digests": "liar:abc"}
        async with session.get(f"{url}/v1/reports", params=params) as response:
            assert response.status == 400

    play(story)


def test_deltas_to_different_bases_are_found_too() -> None:
    ns1, ns2 = two()
    up, down = said(Belief.UP, 6), said(Belief.DOWN, 6)
    second = said(Belief.UP, 7, last=up.base)
    assert second.brief != second.full
    tell(ns1, up, second)
    tell(ns2, down, said(Belief.DOWN, 7, last=down.base))
    assert not ns2.take(ns1.offer(known=ns2.editions, digests=ns2.digests).body, giver=NS1)
    assert ns2.refused == {(NS1, "equivocated"): 1}


def test_a_delta_and_its_base_are_one_report() -> None:
    ns1, ns2 = two()
    first = said(Belief.UP, 6)
    second = said(Belief.DOWN, 7, last=first.base)
    assert second.brief != second.full
    tell(ns1, first, second)
    tell(ns2, second)
    ns2.take(compose_offer([second.brief, second.full]), giver=NS1)
    assert ns1.digests == ns2.digests
    assert ns1.offer(known=ns2.editions, digests=ns2.digests).count == 0
    assert ns2.refused == {}


def test_a_restart_is_another_edition() -> None:
    ns1, ns2 = two()
    tell(ns1, said(Belief.UP, 1))
    tell(ns2, said(Belief.DOWN, 1, epoch=2))
    assert ns1.take(ns2.offer(known=ns1.editions, digests=ns1.digests).body, giver=NS2)
    assert ns2.offer(known=ns1.editions, digests=ns1.digests).count == 0
    assert not ns2.refused
    assert not ns1.refused


def test_it_is_shown_while_the_node_goes_on_and_ten_minutes_longer() -> None:
    clock = FakeClock()
    ns1, ns2 = two(clock)
    tell(ns1, said(Belief.UP))
    tell(ns2, said(Belief.DOWN))
    ns2.take(ns1.offer(known=ns2.editions, digests=ns2.digests).body, giver=NS1)
    tell(ns2, said(Belief.UP, 8))
    clock.advance(SHOWN_S - 1.0)
    assert ns2.refusals.problems
    clock.advance(1.0)
    assert ns2.refusals.problems == ()


def test_who_has_the_key_of_this_node_is_told_of() -> None:
    ns1, liar = report_store_of("ns1", "liar"), report_store_of("liar", "ns1")
    liar.publish(believing(Belief.UP))
    tell(ns1, said(Belief.DOWN, 1))
    assert not liar.take(ns1.offer(known=liar.editions, digests=liar.digests).body, giver=NS1)
    assert liar.refused == {(NS1, "equivocated"): 1}
    assert liar.refusals.problems


def test_beside_a_node_that_knows_no_digests_everything_goes_on() -> None:
    ns1, ns2 = two()
    ns1.publish(believing(Belief.UP))
    tell(ns1, said(Belief.UP))
    tell(ns2, said(Belief.DOWN))
    queries: list[Mapping[str, str]] = []

    async def of_before(request: web.Request) -> web.Response:
        """Takes no notice of digests, as versions before them."""
        queries.append(dict(request.query))
        query = MultiDict((key, value) for key, value in request.query.items() if key != "digests")
        return await handle_reports(request.clone(rel_url=request.rel_url.with_query(query)), ns1)

    async def story(session: aiohttp.ClientSession, stack: AsyncExitStack) -> None:
        poller = poller_of(ns2, await stack.enter_async_context(serving_handler(of_before)), session, NS1, wait_s=0.05)
        for _ in range(2):
            await poller.poll()

    play(story)
    assert [sorted(query) for query in queries] == [["digests", "have", "wait"]] * 2
    assert NS1 in ns2.book.by_node
    assert ns2.refused == {}
    assert ns2.counters.count("polls", outcome="failed") == 0


def test_a_poll_of_a_large_mesh_sends_some_digests() -> None:
    names = [f"node-{number:03}" for number in range(100)]
    ns2 = report_store_of("ns2", *names)
    for name in names:
        of_name = report_store_of(name)
        of_name.publish({})
        ns2.take(of_name.offer().body, giver=NS1)
    sent: list[str] = []

    async def listen(request: web.Request) -> web.Response:
        sent.append(request.query["digests"])
        return web.json_response({"reports": []})

    async def story(session: aiohttp.ClientSession, stack: AsyncExitStack) -> None:
        poller = poller_of(ns2, await stack.enter_async_context(serving_handler(listen)), session, NS1, wait_s=0.05)
        for _ in range(2):
            await poller.poll()

    play(story)
    first, second = (parse_digests(text) for text in sent)
    assert len(first) == len(second) == MOST_DIGESTS
    assert first != second
