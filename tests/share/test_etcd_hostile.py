"""What strangers write into a real etcd, and clusters that answer what no etcd does."""

import asyncio
import base64
import logging

import pytest
from aiohttp import web

from gtm.errors import Unreachable
from gtm.health.belief import Belief
from gtm.ids import NodeName
from gtm.share.etcd_client import MAX_ANSWER_BYTES
from gtm.share.poller import MAX_BACKOFF_S
from tests.fakes.etcd import Etcd
from tests.fakes.peers import believing, report_store_of, serving_handler
from tests.share.etcd_sharing import FOLDER, FRA, IAD, client_of, play, share_of, sharing, until

pytestmark = [pytest.mark.slow, pytest.mark.tool("etcd", "etcdctl")]


def test_what_a_stranger_writes_into_etcd_in_the_name_of_a_peer_is_refused(server: Etcd) -> None:
    async def story() -> None:
        iad, stranger = report_store_of("iad", "fra", gives_deltas=False), report_store_of("mallory")
        stranger.publish(believing(Belief.DOWN))
        async with client_of(server.url) as client, sharing(iad, server.url, IAD, "/three"):
            lease = await client.grant(10)
            await client.put("/three/reports/fra", stranger.own_envelope(), lease)
            await until(lambda: iad.counters.count("reports_refused", peer="fra", reason="unknown_reporter") == 1)
            await client.put("/three/reports/fra", b"\xff no envelope", lease)
            await until(lambda: iad.counters.count("reports_refused", peer="fra", reason="malformed") == 1)
            assert not iad.book.by_node

    play(story)


def test_keys_of_no_peer_are_counted_without_their_names_and_not_looked_at(
    server: Etcd, caplog: pytest.LogCaptureFixture
) -> None:
    told: list[NodeName] = []

    async def story() -> None:
        fra = report_store_of("fra", "iad", gives_deltas=False)
        iad = report_store_of("iad", "fra", gives_deltas=False, on_refused=lambda giver, _: told.append(giver))
        fra.publish(believing(Belief.UP))
        async with client_of(server.url) as client:
            lease = await client.grant(60)
            for number in range(50):
                await client.put(f"/six/reports/before-{number}", b"junk", lease)
            async with sharing(iad, server.url, IAD, "/six"):
                await until(lambda: iad.counters.count("etcd", task="hearing", outcome="ok") > 0)
                for number in range(50):
                    await client.put(f"/six/reports/after-{number}\x1b[31m", b"junk", lease)
                await client.put("/six/reports/fra", fra.own_envelope(), lease)
                await until(lambda: FRA in iad.book.by_node)
                await client.put("/six/reports/fra/more", b"junk", lease)
                await until(lambda: iad.counters.count("etcd", task="hearing", outcome="stranger") == 51)
        names = {name for name in iad.counters.snapshot() if not name.startswith(("etcd{", "reports_heard"))}
        assert names == set()

    play(story)
    assert told == []
    assert [line for line in caplog.messages if "key" in line] == [
        "etcd: below /six/reports/ there are keys of no peer of this node; they are not looked at, and only counted"
    ]


def test_of_a_hundred_thousand_keys_of_strangers_a_start_reads_none() -> None:
    value, asked = base64.b64encode(b"x" * 100).decode(), []

    async def handle(request: web.Request) -> web.Response:
        question = await request.json()
        asked.append((request.path, question))
        if "range_end" in question:
            junk = [{"key": base64.b64encode(f"{FOLDER}{n}".encode()).decode(), "value": value} for n in range(100_000)]
            return web.json_response({"header": {"revision": "7"}, "kvs": junk})
        return web.json_response({"header": {"revision": "7"}})

    async def story() -> None:
        async with serving_handler(handle, path="/v3/{rest:.*}", method="POST") as url, client_of(url) as client:
            share = share_of(report_store_of("iad", "fra"), client)
            task = asyncio.create_task(share._repeat("hearing", share._hear))
            await until(lambda: any(path == "/v3/watch" for path, _ in asked))
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
            ranges = [question for path, question in asked if path == "/v3/kv/range"]
            assert ranges == [{"key": base64.b64encode(b"/gtm/reports/fra").decode()}] * len(ranges)

    play(story)


@pytest.mark.parametrize("body", [b"", b'{"result":{"canceled":true}}\n', b'{"result":{"created":true}}\n', b"x"])
def test_a_watch_that_ends_at_once_is_begun_again_less_and_less_often_and_told_once(
    body: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    pauses: list[float] = []

    async def handle(request: web.Request) -> web.Response:
        if request.path == "/v3/watch":
            return web.Response(body=body)
        return web.json_response({"header": {"revision": "7"}})

    async def note(pause_s: float) -> None:
        pauses.append(pause_s)
        if len(pauses) == 12:
            raise asyncio.CancelledError

    async def story() -> None:
        async with serving_handler(handle, path="/v3/{rest:.*}", method="POST") as url, client_of(url) as client:
            share = share_of(report_store_of("iad", "fra"), client, sleep=note)
            with pytest.raises(asyncio.CancelledError):
                await share._repeat("hearing", share._hear)

    play(story)
    assert min(pauses[4:]) >= MAX_BACKOFF_S / 2
    assert len(set(pauses[4:])) > 1, "jittered"
    assert len([line for line in caplog.messages if line.startswith("etcd: ")]) == 1


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"garbage",
        b"[]",
        b'{"result":{"events":[{"kv":{"key":"###"}}]}}\n',
        b'{"result":{"canceled":true,"cancel_reason":"compacted"}}\n',
        b'{"header":{"revision":"x"}}',
        b'{"ID":"1; drop"}',
        b"9" * 100,
        b"9" * 10_000,
        b"[" * 100_000,
        b'{"result":{"events":' + b"[" * 100_000,
        b'{"more":' + b"[" * 100_000 + b"]" * 100_000 + b"}",
        b'{"header":{"revision":"7"},"kvs":[{"key":"a","value":"###"}]}',
        b'{"header":{"revision":"7"},"kvs":[{"key":"a","value":"\xc3\xa9"}]}',
        b'{"header":{"revision":"\\ud800"}}',
        b'{"header":{"revision":NaN}}',
        b" " * (MAX_ANSWER_BYTES + 1),
    ],
)
def test_answers_that_are_not_etcds_make_it_unreachable_and_no_more(body: bytes) -> None:
    async def handle(_: web.Request) -> web.Response:
        return web.Response(body=body)

    async def story() -> None:
        async with serving_handler(handle, path="/v3/{rest:.*}", method="POST") as url, client_of(url) as client:
            with pytest.raises(Unreachable):
                await client.grant(10)
            with pytest.raises(Unreachable):
                await client.read(f"{FOLDER}fra")
            with pytest.raises(Unreachable):
                async for _ in client.watch(FOLDER, 1, keys=frozenset()):
                    pass

    play(story)


@pytest.mark.parametrize(
    "error", [b"[" * 1_000, b'{"error":7}', b'{"error":"a\\u001b[31m"}', b"\xff", b'{"error":"\\ud800"}']
)
def test_a_refusal_of_any_form_makes_it_unreachable_and_no_more(error: bytes) -> None:
    async def handle(_: web.Request) -> web.Response:
        return web.Response(status=400, body=error)

    async def story() -> None:
        async with serving_handler(handle, path="/v3/{rest:.*}", method="POST") as url, client_of(url) as client:
            with pytest.raises(Unreachable) as caught:
                await client.grant(10)
            assert str(caught.value).isprintable()

    play(story)


def test_a_line_without_end_and_a_value_without_end_are_cut_off() -> None:
    sent = 0

    async def handle(request: web.Request) -> web.StreamResponse:
        nonlocal sent
        response = web.StreamResponse()
        await response.prepare(request)
        for sent in range(1_000):  # noqa: B007  # up to where it was cut off
            await response.write(b"x" * (1 << 16))
        return response

    async def story() -> None:
        async with serving_handler(handle, path="/v3/{rest:.*}", method="POST") as url, client_of(url) as client:
            with pytest.raises(Unreachable, match="a line of more than"):
                async for _ in client.watch(FOLDER, 1, keys=frozenset()):
                    pass
            assert sent < 200
            with pytest.raises(Unreachable, match="an answer of more than"):
                await client.read(f"{FOLDER}fra")
            assert sent < 200

    play(story)
