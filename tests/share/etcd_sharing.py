"""Desks that share by way of etcd, and the time that they may take."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from random import Random

from gtm.ids import NodeName
from gtm.share.addresses import EtcdSite
from gtm.share.etcd import EtcdShare
from gtm.share.etcd_client import EtcdClient
from gtm.share.poller import open_share_session
from tests.fakes.peers import WatchedReportStore

LIMIT_S = 30.0
FRA, IAD = NodeName("fra"), NodeName("iad")
FOLDER = "/gtm/reports/"


@asynccontextmanager
async def client_of(*urls: str, user: str = "", password: str = "", call_s: float = 3.0) -> AsyncIterator[EtcdClient]:
    async with open_share_session() as session:
        yield EtcdClient(EtcdSite(urls, user=user), session, password=password, call_s=call_s)


def share_of(
    report_store: WatchedReportStore,
    client: EtcdClient,
    *,
    node: NodeName = IAD,
    prefix: str = "/gtm",
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
) -> EtcdShare:
    """What shares a store of `fra` or of `iad` with the other one."""
    return EtcdShare(
        report_store,
        client,
        node=node,
        peers=frozenset((FRA, IAD)),
        prefix=prefix,
        counters=report_store.counters,
        random=Random(1),
        sleep=sleep,
    )


@asynccontextmanager
async def sharing(
    report_store: WatchedReportStore, url: str, node: NodeName, prefix: str
) -> AsyncIterator[asyncio.Task[None]]:
    async with client_of(url) as client:
        task = asyncio.create_task(share_of(report_store, client, node=node, prefix=prefix).run())
        try:
            yield task
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)


async def until(holds: Callable[[], bool]) -> None:
    """Waits for what another task or process does; it fails after LIMIT_S."""
    async with asyncio.timeout(LIMIT_S):
        while not holds():  # noqa: ASYNC110  # what changes may be in another process
            await asyncio.sleep(0.01)


def play(story: Callable[[], Awaitable[None]]) -> None:
    asyncio.run(asyncio.wait_for(story(), 2 * LIMIT_S))
