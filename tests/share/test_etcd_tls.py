"""A real etcd that wants client certificates: who shows one shares through it, and who does not stays out."""

import asyncio
from pathlib import Path

import pytest

from gtm.errors import Unreachable
from gtm.health.belief import Belief
from gtm.share.addresses import EtcdSite
from gtm.share.etcd_client import EtcdClient
from gtm.share.poller import open_share_session
from gtm.tls.peers import TlsFiles, client_tls
from tests.fakes.certificates import Authority
from tests.fakes.etcd import EtcdTls, etcd
from tests.fakes.peers import believing, report_store_of
from tests.share.etcd_sharing import FRA, IAD, share_of

pytestmark = [pytest.mark.slow, pytest.mark.tool("etcd", "etcdctl")]

LIMIT_S = 30.0


def test_reports_cross_by_tls_and_nothing_does_without_a_certificate_of_ours(tmp_path: Path) -> None:
    ours = Authority(tmp_path)
    (tmp_path / "other").mkdir()
    others = Authority(tmp_path / "other")
    files = EtcdTls(ours.issue("127.0.0.1"), ours.issue("etcdctl"), ours.root)

    async def story(url: str) -> None:
        async with open_share_session() as session:

            def client(shown: TlsFiles) -> EtcdClient:
                context = client_tls(shown)
                return EtcdClient(EtcdSite((url,)), session, tls=lambda: context)

            fra, iad = (
                report_store_of("fra", "iad", gives_deltas=False),
                report_store_of("iad", "fra", gives_deltas=False),
            )
            fra.publish(believing(Belief.UP))
            ours_shown = TlsFiles(ours.issue("node"), ca=ours.root)
            async with asyncio.timeout(LIMIT_S), asyncio.TaskGroup() as group:
                tasks = [
                    group.create_task(share_of(report_store, client(ours_shown), node=node, prefix="/").run())
                    for report_store, node in ((fra, FRA), (iad, IAD))
                ]
                while FRA not in iad.book.by_node:  # noqa: ASYNC110  # what changes is in another process
                    await asyncio.sleep(0.01)
                for task in tasks:
                    task.cancel()
            for strangers in (TlsFiles(ca=ours.root), TlsFiles(others.issue("node"), ca=ours.root), TlsFiles()):
                with pytest.raises(Unreachable):
                    await client(strangers).read("/")

    with etcd(tmp_path, files) as server:
        asyncio.run(story(server.url))
