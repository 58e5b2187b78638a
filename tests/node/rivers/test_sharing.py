"""The ways to hear others, as the node file says them, joined to real sockets."""

import asyncio
import logging
from dataclasses import replace
from pathlib import Path

import pytest
from yarl import URL

from gtm.counters import Counters
from gtm.errors import StateInvalid
from gtm.health.belief import Belief
from gtm.health.report.peer import PeerState
from gtm.ids import NodeName
from gtm.node.rivers.sharing import Sharing
from gtm.serve.listen import parse_listen
from gtm.share.discovery import DiscoveredPeers
from gtm.threads import Pool
from tests.fakes.clock import FakeClock
from tests.fakes.etcd import etcd
from tests.fakes.peers import WatchedReportStore, believing, key_of, report_store_of, serving
from tests.node.present import config

FRA, IAD = NodeName("fra"), NodeName("iad")
PEER = f'{{node: fra, key: "{key_of("fra").public}"'


def sharing(folder: Path, report_store: WatchedReportStore, text: str, node: NodeName = IAD) -> Sharing:
    return Sharing(replace(config(folder, text), node=node), report_store, clock=FakeClock(), counters=Counters())


async def heard(report_store: WatchedReportStore, share: Sharing) -> dict[NodeName, PeerState]:
    """Runs until the store has heard of fra; gives how the peers did then."""
    running = asyncio.create_task(share.run())
    try:
        async with asyncio.timeout(20):
            seen = -1
            while FRA not in report_store.book.by_node:
                seen = await report_store.wait_for_news(seen)
        return dict(share.peers)
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


def test_a_listed_peer_is_polled(tmp_path: Path) -> None:
    async def story() -> None:
        fra, iad = report_store_of("fra", "iad"), report_store_of("iad", "fra")
        fra.publish(believing(Belief.UP))
        async with serving(fra) as url:
            text = f'share:\n  key: k\n  peers:\n    - {PEER}, url: "{url}"}}\n'
            assert await heard(iad, sharing(tmp_path, iad, text)) == {FRA: PeerState.HEARD}

    asyncio.run(story())


@pytest.mark.parametrize("allowed", ["", "probe: {allow: [127.0.0.0/8, '::1']}\n"])
def test_what_the_dns_names_is_polled_but_for_this_node_itself_and_what_no_check_may_look_at(
    allowed: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    own_port = 8053

    async def story() -> None:
        fra, iad = report_store_of("fra", "iad"), report_store_of("iad", "fra")
        fra.publish(believing(Belief.UP))
        async with serving(fra) as url:
            port = URL(url).port

            async def discover(_name: str, *, secure: bool, pool: Pool) -> DiscoveredPeers:
                assert pool is not None
                assert not secure
                return frozenset({f"http://localhost:{port}", f"http://localhost:{own_port}"}), 60.0

            monkeypatch.setattr("gtm.node.rivers.sharing.discover", discover)
            text = f"share:\n  key: k\n  srv: _gtm._tcp.example.net\n  peers:\n    - {PEER}}}\n{allowed}"
            own = replace(config(tmp_path, text), node=IAD, admin=parse_listen(f"0.0.0.0:{own_port}"))
            share = Sharing(own, iad, clock=FakeClock(), counters=Counters())
            if allowed:
                assert await heard(iad, share) == {f"localhost:{port}": PeerState.HEARD}
            else:
                running = asyncio.create_task(share.run())
                async with asyncio.timeout(20):
                    while len([line for line in caplog.messages if "is not asked" in line]) < 2:  # noqa: ASYNC110
                        await asyncio.sleep(0.01)
                running.cancel()
                await asyncio.gather(running, return_exceptions=True)
                assert share.peers == {}
            told = "\n".join(caplog.messages)
            assert f"localhost:{own_port} is not asked: 127.0.0.1 with port {own_port} is a listener of this" in told
            assert (f"localhost:{port} is not asked: 127.0.0.1 is a loopback address" in told) is not bool(allowed)

    asyncio.run(story())


@pytest.mark.slow
@pytest.mark.tool("etcd", "etcdctl")
def test_two_nodes_hear_each_other_through_etcd(tmp_path: Path) -> None:
    async def story(url: str) -> None:
        fra, iad = report_store_of("fra", "iad"), report_store_of("iad", "fra")
        fra.publish(believing(Belief.UP))
        text = f'share:\n  mode: etcd\n  key: k\n  etcd: {{endpoints: ["{url}"]}}\n  peers:\n    - {PEER}}}\n'
        other = asyncio.create_task(sharing(tmp_path, fra, text, FRA).run())
        try:
            assert await heard(iad, sharing(tmp_path, iad, text)) == {}
        finally:
            other.cancel()
            await asyncio.gather(other, return_exceptions=True)

    with etcd(tmp_path) as server:
        asyncio.run(story(server.url))


def test_files_of_no_use_are_said_before_anything_runs(tmp_path: Path) -> None:
    with pytest.raises(StateInvalid, match=r"roots\.pem: No such file"):
        sharing(tmp_path, report_store_of("iad"), "share:\n  tls: {ca: roots.pem}\n")
    etcd_text = 'share:\n  mode: etcd\n  etcd: {endpoints: ["http://127.0.0.1:1"], user: u, password_file: none.txt}\n'
    with pytest.raises(StateInvalid, match=r"none\.txt: no password can be read there"):
        sharing(tmp_path, report_store_of("iad"), etcd_text)
