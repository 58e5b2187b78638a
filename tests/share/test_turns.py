"""The event loop goes on, whoever is asked, and however much of it is junk; with real pollers over loopback."""

import asyncio
import base64
import json
from collections.abc import Awaitable, Callable

import pytest
from aiohttp import web

from gtm.health.belief import Belief
from gtm.health.report.envelope import compose_offer
from gtm.ids import NodeName
from gtm.share.body_room import LARGE_AT_ONCE
from gtm.share.open_reports import SPARE_CHECKS
from gtm.share.poller import open_share_session
from gtm.share.report_store import LARGE_BYTES
from tests.fakes.clock import FakeClock
from tests.fakes.peers import CHECK, believing, key_of, longest_pause_s, poller_of, report_store_of, serving_handler
from tests.share.etcd_sharing import FOLDER, FRA, client_of, share_of

LIMIT_S = 20.0
PAUSE_LIMIT_S = 0.5
"""For which the event loop may be held on a busy machine; it was held for many times as long."""


def forged(number: int) -> bytes:
    """An envelope that says that it is of fra; to see that it is not its signature must be verified."""
    signature = base64.b64encode(bytes(64)).decode()
    return json.dumps({"payload": f"{number}", "key": str(key_of(FRA).public), "signature": signature}).encode()


JUNK = compose_offer([forged(number) for number in range(1000)])


def play(story: Callable[[], Awaitable[None]]) -> None:
    asyncio.run(asyncio.wait_for(story(), 2 * LIMIT_S))


def test_of_one_offer_no_more_signatures_are_verified_than_there_are_nodes_and_a_few() -> None:
    clock = FakeClock()
    iad, fra = report_store_of("iad", "fra", clock=clock), report_store_of("fra", clock=clock)
    fra.publish(believing(Belief.UP))
    assert iad.take(compose_offer([fra.own_envelope(), *map(forged, range(900))]), giver=FRA)
    assert iad.refusals.counted == {(FRA, "forged"): SPARE_CHECKS + 1, (FRA, "malformed"): 1}


def test_reports_of_strangers_cost_no_signature_and_hide_nothing() -> None:
    clock = FakeClock()
    iad, fra = report_store_of("iad", "fra", clock=clock), report_store_of("fra", clock=clock)
    strangers = [report_store_of(f"s{number}", clock=clock) for number in range(100)]
    for report_store in (fra, *strangers):
        report_store.publish(believing(Belief.UP))
    assert iad.take(
        compose_offer([*(stranger.own_envelope() for stranger in strangers), fra.own_envelope()]), giver=FRA
    )


def test_what_is_large_waits_for_a_thread_before_its_turn_begins() -> None:
    """The share of a peer counts its turn, and must not count those of others."""
    entered: list[int] = []

    async def story() -> None:
        report_store, leave = report_store_of("iad"), asyncio.Event()

        async def act(number: int) -> None:
            async with report_store.turn(LARGE_BYTES + 1):
                entered.append(number)
                await leave.wait()

        tasks = [asyncio.create_task(act(number)) for number in range(LARGE_AT_ONCE + 2)]
        for _ in range(10):
            await asyncio.sleep(0)
        assert entered == list(range(LARGE_AT_ONCE))
        leave.set()
        await asyncio.gather(*tasks)

    play(story)
    assert entered == list(range(LARGE_AT_ONCE + 2))


@pytest.mark.slow
@pytest.mark.alone
def test_many_peers_that_give_nothing_but_forged_reports_leave_the_loop_to_others() -> None:
    async def handle(_: web.Request) -> web.Response:
        return web.Response(body=JUNK)

    async def story() -> None:
        iad = report_store_of("iad", "fra")
        async with serving_handler(handle) as url, open_share_session() as session:
            names = [NodeName(f"t{number}") for number in range(30)]
            tasks = [asyncio.create_task(poller_of(iad, url, session, name).run()) for name in names]
            pause_s = await longest_pause_s(
                until=lambda: all((name, "forged") in iad.refusals.counted for name in names)
            )
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        assert pause_s < PAUSE_LIMIT_S

    play(story)


def _line(count: int, key: str, **more: object) -> bytes:
    """What a watch says of so many changes of one key."""
    pair = {"key": base64.b64encode(key.encode()).decode(), **more}
    return json.dumps({"result": {"events": [{"kv": pair}] * count}}).encode() + b"\n"


def _lines(turn: int) -> bytes:
    """Forged reports, strangers, and one report at last."""
    value = base64.b64encode(forged(turn)).decode()
    return _line(4_000, f"{FOLDER}fra", value=value) + _line(30_000, f"{FOLDER}x")


@pytest.mark.slow
@pytest.mark.alone
def test_a_cluster_that_says_thousands_of_things_at_once_leaves_the_loop_to_others() -> None:
    fra, iad = report_store_of("fra", gives_deltas=False), report_store_of("iad", "fra", gives_deltas=False)
    fra.publish(believing(Belief.UP))
    ended = asyncio.Event()

    async def handle(request: web.Request) -> web.StreamResponse:
        if request.path != "/v3/watch":
            return web.json_response({"header": {"revision": "7"}, "ID": "1", "result": {"TTL": "9"}})
        response = web.StreamResponse()
        await response.prepare(request)
        for turn in range(5):
            await response.write(_lines(turn))
        await response.write(_line(1, f"{FOLDER}fra", value=base64.b64encode(fra.own_envelope()).decode()))
        await ended.wait()
        return response

    async def story() -> None:
        async with (
            serving_handler(handle, path="/v3/{rest:.*}", method="POST") as url,
            client_of(url) as client,
        ):
            task = asyncio.create_task(share_of(iad, client).run())
            pause_s = await longest_pause_s(until=lambda: FRA in iad.book.by_node)
            ended.set()
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
        assert pause_s < PAUSE_LIMIT_S

    play(story)
    assert iad.book.by_node[FRA].report.votes[CHECK].belief is Belief.UP
    assert iad.counters.count("etcd", task="hearing", outcome="stranger") == 150_000, "each is counted"
    assert iad.refusals.counted == {(FRA, "forged"): 5}, "of what is said of one key in one breath the last counts"
