"""Desks that hear each other through a real etcd."""

import asyncio
import base64
import logging
from collections.abc import AsyncIterator
from collections.abc import Set as AbstractSet
from pathlib import Path

import pytest

from gtm.errors import Unreachable
from gtm.health.belief import Belief
from gtm.share.etcd_client import Put
from tests.fakes.etcd import Etcd, etcd
from tests.fakes.peers import CHECK, believing, report_store_of
from tests.share.etcd_sharing import FOLDER, FRA, IAD, client_of, play, share_of, sharing, until

pytestmark = [pytest.mark.slow, pytest.mark.tool("etcd", "etcdctl")]


def test_a_report_crosses_and_a_change_follows(server: Etcd) -> None:
    async def story() -> None:
        fra, iad = report_store_of("fra", "iad", gives_deltas=False), report_store_of("iad", "fra", gives_deltas=False)
        fra.publish(believing(Belief.UP))
        async with sharing(fra, server.url, FRA, "/one"), sharing(iad, server.url, IAD, "/one"):
            await until(lambda: FRA in iad.book.by_node)
            fra.publish(believing(Belief.DOWN))
            await until(lambda: iad.book.by_node[FRA].report.votes[CHECK].belief is Belief.DOWN)
            iad.publish(believing(Belief.DOWN))
            await until(lambda: IAD in fra.book.by_node)

    play(story)


def test_a_node_whose_lease_ends_is_forgotten(server: Etcd) -> None:
    async def story() -> None:
        fra, iad = report_store_of("fra", "iad", gives_deltas=False), report_store_of("iad", "fra", gives_deltas=False)
        fra.publish(believing(Belief.UP))
        async with sharing(iad, server.url, IAD, "/two"):
            async with sharing(fra, server.url, FRA, "/two"):
                await until(lambda: FRA in iad.book.by_node)
            await until(lambda: FRA not in iad.book.by_node)

    play(story)


def test_a_restart_of_etcd_forgets_nobody_and_is_said_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    caplog.set_level(logging.INFO)
    monkeypatch.setattr("gtm.share.etcd.STEADY_S", 0.0)

    async def story(server: Etcd) -> None:
        fra, iad = report_store_of("fra", "iad", gives_deltas=False), report_store_of("iad", "fra", gives_deltas=False)
        fra.publish(believing(Belief.UP))
        async with sharing(fra, server.url, FRA, "/"), sharing(iad, server.url, IAD, "/"):
            await until(lambda: FRA in iad.book.by_node)
            server.kill()
            await until(lambda: iad.counters.count("etcd", task="hearing", outcome="failed") >= 2)
            assert FRA in iad.book.by_node
            await asyncio.to_thread(server.start)
            fra.publish(believing(Belief.DOWN))
            await until(
                lambda: FRA in iad.book.by_node and iad.book.by_node[FRA].report.votes[CHECK].belief is Belief.DOWN
            )

    with etcd(tmp_path) as server:
        play(lambda: story(server))
    told = [message for message in caplog.messages if message.startswith("etcd: hearing")]
    assert sum("fails" in message for message in told) == sum("works again" in message for message in told) == 2


def test_a_report_that_etcd_would_not_take_is_said_and_not_sent(
    server: Etcd, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gtm.share.etcd.MAX_VALUE_BYTES", 10)

    async def story() -> None:
        fra = report_store_of("fra", "iad", gives_deltas=False)
        fra.publish(believing(Belief.UP))
        async with sharing(fra, server.url, FRA, "/four"):
            await until(lambda: fra.counters.count("etcd", task="writing", outcome="too_large") > 0)

    play(story)
    assert any("and etcd takes 10" in message for message in caplog.messages)


def test_another_member_is_asked_when_one_is_gone(server: Etcd) -> None:
    async def story() -> None:
        async with client_of("http://127.0.0.1:1", server.url) as client:
            with pytest.raises(Unreachable):
                await client.grant(10)
            assert int(await client.grant(10))

    play(story)


def test_a_lease_that_ran_out_is_an_error(server: Etcd) -> None:
    async def story() -> None:
        async with client_of(server.url) as client:
            with pytest.raises(Unreachable, match="the lease ran out"):
                await client.keep_alive("1")

    play(story)


def test_with_users_a_password_is_needed_and_enough(tmp_path: Path) -> None:
    async def story(server: Etcd) -> None:
        for words in (("user", "add", "root:secret"), ("user", "grant-role", "root", "root"), ("auth", "enable")):
            assert (await asyncio.to_thread(server.run, *words)).returncode == 0, words
        async with client_of(server.url, user="root", password="secret") as client:
            lease = await client.grant(10)
            await client.put(f"{FOLDER}fra", b"x", lease)
            assert (await client.read(f"{FOLDER}fra"))[1] == b"x"
        async with client_of(server.url, user="root", password="wrong") as client:
            with pytest.raises(Unreachable, match="HTTP 400"):
                await client.read(f"{FOLDER}fra")
        async with client_of(server.url) as client:
            with pytest.raises(Unreachable):
                await client.read(f"{FOLDER}fra")

    with etcd(tmp_path) as server:
        play(lambda: story(server))


def test_changes_of_many_large_values_come_in_parts(server: Etcd) -> None:
    async def story() -> None:
        async with client_of(server.url) as client:
            lease = await client.grant(60)
            keys = [f"/seven/{name}" for name in "abcdefgh"]
            revision, _ = await client.read(keys[0])
            for key in keys:
                await client.put(key, key.encode() * 80_000, lease)
            got = []
            async for event in client.watch("/seven/", revision + 1, keys=frozenset(keys)):
                assert isinstance(event, Put)
                got.append(event.key)
                if len(got) == len(keys):
                    break
            assert got == keys

    play(story)


def test_a_put_is_given_as_it_was_written(server: Etcd) -> None:
    async def story() -> None:
        async with client_of(server.url) as client:
            revision, _ = await client.read("/five/x")
            lease = await client.grant(10)
            value = base64.b64decode("AP8K/g==")
            await client.put("/five/x", value, lease)
            async for event in client.watch("/five/", revision + 1, keys=frozenset(("/five/x",))):
                assert event == Put("/five/x", value)
                break

    play(story)


class Counting:
    """A cluster that takes everything, and counts what it is asked."""

    def __init__(self) -> None:
        self.renewals = 0
        self.puts = 0

    async def grant(self, _seconds: int) -> str:
        return "1"

    async def put(self, _key: str, _value: bytes, _lease: str) -> None:
        self.puts += 1

    async def keep_alive(self, _lease: str) -> None:
        self.renewals += 1

    async def read(self, _key: str) -> tuple[int, bytes | None]:
        return 1, None

    async def watch(self, _folder: str, _revision: int, *, keys: AbstractSet[str]) -> AsyncIterator[Put]:
        assert keys
        await asyncio.Event().wait()
        yield Put("", b"")


def test_what_others_say_is_no_reason_to_renew_the_lease() -> None:
    async def story() -> None:
        fra, iad, client = report_store_of("fra", "iad"), report_store_of("iad", "fra"), Counting()
        iad.publish(believing(Belief.UP))
        share = share_of(iad, client)  # type: ignore[arg-type]  # what it asks of a client, and no more
        task = asyncio.create_task(share.run())
        await until(lambda: client.puts == 1)
        for _ in range(20):
            fra.publish(believing(Belief.UP))
            assert iad.take(fra.offer(known=iad.editions).body, giver=FRA)
            await iad.waited_on.wait()
            iad.waited_on.clear()
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        assert (client.puts, client.renewals) == (1, 0)

    play(story)
