"""etcd: shares reports through an etcd cluster, whose leases tell which nodes are alive.

    this node's report    put at PREFIX/reports/NODE, under a lease that lasts LEASE_S without this node
    peers' reports        read once, key by key, then watched from the revision that was read
    any other key         not looked at, and counted
    a key that is gone    its lease ran out: that node's report leaves the store, and its voice with it

What comes in: the store and a client of the cluster. What goes out: envelopes, to the store, which verifies them like
those of peers: a cluster can hide reports, but not forge them. While the cluster cannot be reached no report is
dropped; votes become old as usual. Writing and hearing are two tasks: a watch that hangs does not end the lease.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from collections.abc import Set as AbstractSet
from random import Random

from gtm.counters import Counters
from gtm.errors import Unreachable
from gtm.ids import NodeName
from gtm.share.etcd_client import MAX_VALUE_BYTES, Deleted, EtcdClient, Event, Other, Put
from gtm.share.poller import backoff_s
from gtm.share.report_store import ReportStore

LEASE_S = 10
"""A node that died is forgotten so long after: about as long as votes of the usual interval of 5 s stay fresh."""

KEEP_ALIVE_S = LEASE_S / 3
"""Two renewals may be lost."""

STEADY_S = 5.0
"""Seconds without a failure after which the failures of a task are forgotten, and its next one is logged."""

log = logging.getLogger(__name__)


class EtcdShare:
    """Shares the reports of one store through etcd. It has state: each task's failures, and since when it works."""

    def __init__(
        self,
        report_store: ReportStore,
        client: EtcdClient,
        *,
        node: NodeName,
        peers: AbstractSet[NodeName],
        prefix: str,
        counters: Counters,
        random: Random,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._report_store = report_store
        self._client = client
        self._node = node
        self._folder = f"{prefix.rstrip('/')}/reports/"
        self._counters = counters
        self._random = random
        self._sleep = sleep
        self._peers = {self._folder + peer: peer for peer in sorted(peers - {node})}
        self._failures: dict[str, int] = {}
        self._works_since: dict[str, float] = {}
        self._strangers_were_told = False

    async def run(self) -> None:
        """Writes this node's report and hears those of peers, until it is cancelled."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._repeat("writing", self._write), name="etcd writing")
            group.create_task(self._repeat("hearing", self._hear), name="etcd hearing")

    async def _repeat(self, what: str, act: Callable[[], Awaitable[None]]) -> None:
        """Runs one task (`what` is writing or hearing) for ever; after each failure it starts again, after a pause."""
        while True:
            try:
                await act()
            except Unreachable as error:
                self._fail(what, error)
                await self._sleep(backoff_s(self._failures[what], coin=self._random.random()))

    async def _write(self) -> None:
        """Takes a lease, and puts this node's report under it whenever there is a new one."""
        lease = await self._client.grant(LEASE_S)
        loop = asyncio.get_running_loop()
        written, seen, renew_at = b"", -1, loop.time() + KEEP_ALIVE_S
        while True:
            envelope = self._report_store.own_envelope()
            if envelope != written and envelope:
                await self._put(envelope, lease)
                written = envelope
            self._works("writing")
            try:
                async with asyncio.timeout_at(renew_at):  # news are everybody's, and no reason to renew
                    seen = await self._report_store.wait_for_news(seen)
            except TimeoutError:
                await self._client.keep_alive(lease)
                renew_at = loop.time() + KEEP_ALIVE_S

    async def _put(self, envelope: bytes, lease: str) -> None:
        if len(envelope) > MAX_VALUE_BYTES:
            self._counters.add("etcd", task="writing", outcome="too_large")
            log.error("etcd: this node's report has %d bytes, and etcd takes %d", len(envelope), MAX_VALUE_BYTES)
            return
        await self._client.put(self._folder + self._node, envelope, lease)

    async def _hear(self) -> None:
        """Reads the report of every peer once, and then watches for new ones."""
        revision = 0  # without a peer there is nothing to hear, but what changes is watched from now on
        for key, peer in self._peers.items():
            read_at, value = await self._client.read(key)
            revision = min(revision or read_at, read_at)
            if value is None:
                self._report_store.forget(peer)
            else:
                await self._report_store.hear_envelope(value, giver=peer)
        self._works("hearing")
        keys = self._peers.keys() | {self._folder + self._node}
        async for event in self._client.watch(self._folder, revision + 1 if revision else 0, keys=keys):
            await self._take(event)
            self._works("hearing")

    async def _take(self, event: Event) -> None:
        match event:
            case Put(key, value) if key in self._peers:
                async with self._report_store.turn(len(value)):
                    await self._report_store.hear_envelope(value, giver=self._peers[key])
            case Deleted(key) if key in self._peers:
                self._report_store.forget(self._peers[key])
            case Other(count):
                self._pass_over(count)
            case _:
                pass  # this node's own

    def _pass_over(self, count: int) -> None:
        self._counters.add("etcd", count, task="hearing", outcome="stranger")
        if not self._strangers_were_told:
            self._strangers_were_told = True
            log.warning(
                "etcd: below %s there are keys of no peer of this node; they are not looked at, and only counted",
                self._folder,
            )

    def _works(self, what: str) -> None:
        self._counters.add("etcd", task=what, outcome="ok")
        self._works_since.setdefault(what, asyncio.get_running_loop().time())
        self._forgive(what)

    def _forgive(self, what: str) -> None:
        """Forgets the failures of a task (writing or hearing) that has worked for STEADY_S seconds."""
        since = self._works_since.get(what)
        is_steady = since is not None and asyncio.get_running_loop().time() - since >= STEADY_S
        if is_steady and self._failures.pop(what, 0):
            log.info("etcd: %s works again", what)

    def _fail(self, what: str, error: Unreachable) -> None:
        self._counters.add("etcd", task=what, outcome="failed")
        self._forgive(what)
        self._works_since.pop(what, None)
        self._failures[what] = self._failures.get(what, 0) + 1
        if self._failures[what] == 1:
            log.warning("etcd: %s fails: %s; what was heard stands until it is old", what, error)
