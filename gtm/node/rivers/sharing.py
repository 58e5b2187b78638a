"""How this node hears the others, by what its node file says:

    share.peers with URLs    a poller for each
    share.srv                a poller for each target of the SRV records, which may change
    share.etcd               a watch of the cluster, and this node's report under a lease

Whatever the way, reports end in the store, which believes only the keys of share.peers.
"""

import asyncio
from collections.abc import Awaitable, Mapping
from random import Random

import aiohttp

from gtm.clock import Clock
from gtm.counters import Counters
from gtm.errors import FileUnreadable, StateInvalid
from gtm.health.report.peer import PeerState
from gtm.ids import NodeName
from gtm.node.config.model import NodeConfig, ShareConfig
from gtm.share.discovery import MAX_TARGETS, DiscoveredPeers, Discovery, discover
from gtm.share.etcd import EtcdShare
from gtm.share.etcd_client import EtcdClient
from gtm.share.guarded_resolver import GuardedResolver
from gtm.share.keys import KEY_FILES, MAX_KEY_FILE_BYTES
from gtm.share.poller import Poller, make_resolver, open_share_session
from gtm.share.report_store import ReportStore
from gtm.threads import Pool
from gtm.tls.peers import TlsFiles, client_tls
from gtm.tls.renewal import LiveTls

MAX_NAMED = 3 * MAX_TARGETS
"""Targets of SRV records that are called by their names while a process lives: a mesh has fewer, even if it moves."""

UNNAMED = NodeName("another-target")


class _Moved(Exception):  # no error
    """Ends the hearing of the peers of before."""


class Sharing:
    """Hears others. Its state is the pollers. Raises StateInvalid when a file that it needs is of no use."""

    def __init__(self, config: NodeConfig, report_store: ReportStore, *, clock: Clock, counters: Counters) -> None:
        self._config = config
        self._report_store = report_store
        self._clock = clock
        self._counters = counters
        self._pollers: dict[NodeName, Poller] = {}
        self.tls = LiveTls("share", config.share.tls or TlsFiles(), client_tls)
        """What this node shows, and whom it trusts, when it asks."""
        self._password = read_password(config.share)
        self._named: set[NodeName] = set()
        self._moved = asyncio.Event()

    @property
    def peers(self) -> Mapping[NodeName, PeerState]:
        """Returns the state of every peer that is polled, from this node's own polls."""
        return {node: poller.state for node, poller in self._pollers.items()}

    @property
    def troubles(self) -> Mapping[NodeName, str]:
        """Returns the reason why the last poll of a peer failed; of those alone of which it did."""
        return {node: poller.trouble for node, poller in self._pollers.items() if poller.trouble}

    def take(self, config: NodeConfig) -> None:
        """Hears the peers of this file from now on."""
        before, self._config = self._config, config
        if _where(before) != _where(config):
            self._moved.set()

    async def run(self) -> None:
        """Hears others until cancelled."""
        while True:
            self._moved.clear()
            try:
                await self._hear()
            except* _Moved:
                self._pollers.clear()

    async def _until_moved(self) -> None:
        await self._moved.wait()
        raise _Moved

    async def _hear(self) -> None:
        share = self._config.share
        guarded = GuardedResolver(make_resolver(), self._config.permitted.targets.refusal)
        # what a site lists itself is asked wherever it is; what the DNS names is not
        resolver = guarded if share.srv else None
        async with open_share_session(resolver) as session, asyncio.TaskGroup() as group:
            group.create_task(self._until_moved(), name="other peers")
            if share.etcd is not None:
                group.create_task(self._etcd(session), name="etcd")
            elif share.srv:
                group.create_task(self._discover(session, group, guarded), name="discovery")
            else:
                for peer in self._config.peers:
                    self._poll(peer.node, peer.url, session, group)

    def _poll(
        self,
        node: NodeName,
        url: str,
        session: aiohttp.ClientSession,
        group: asyncio.TaskGroup,
        *,
        giver: NodeName | None = None,
    ) -> asyncio.Task[None]:
        """Starts to poll; logs, counters and events call the peer `giver`, or by its name."""
        poller = Poller(
            giver or node,
            url,
            self._report_store,
            session,
            clock=self._clock,
            counters=self._counters,
            random=_chance(),
            tls=lambda: self.tls.context,
        )
        self._pollers[node] = poller
        return group.create_task(poller.run(), name=f"peer {node}")

    async def _discover(
        self, session: aiohttp.ClientSession, group: asyncio.TaskGroup, guarded: GuardedResolver
    ) -> None:
        share = self._config.share

        def start(url: str) -> asyncio.Task[None]:
            node = NodeName(url.partition("://")[2])
            # whoever answers for the name can give another one each time: labels and events must not grow with that
            is_named = node in self._named or len(self._named) < MAX_NAMED
            if is_named:
                self._named.add(node)
            task = self._poll(node, url, session, group, giver=node if is_named else UNNAMED)
            task.add_done_callback(lambda _: self._pollers.pop(node, None))
            return task

        pool = Pool("peers of the DNS", threads=1, spare=1)

        def look() -> Awaitable[DiscoveredPeers]:
            return discover(share.srv, secure=share.tls is not None, pool=pool)

        await Discovery(share.srv, look, start, judge=guarded.judge).run()

    async def _etcd(self, session: aiohttp.ClientSession) -> None:
        config = self._config
        assert config.share.etcd is not None
        client = EtcdClient(config.share.etcd, session, password=self._password, tls=lambda: self.tls.context)
        share = EtcdShare(
            self._report_store,
            client,
            node=config.node,
            peers=frozenset(peer.node for peer in config.peers),
            prefix=config.share.etcd.prefix,
            counters=self._counters,
            random=_chance(),
        )
        await share.run()


def _where(config: NodeConfig) -> object:
    """Returns a value that changes with the peers to ask, and with their addresses."""
    targets = config.permits.targets if config.share.srv else None
    return sorted((peer.node, peer.url) for peer in config.peers), targets


def read_password(share: ShareConfig) -> str:
    """Returns the password for etcd; empty where there is none. Raises StateInvalid."""
    path = share.password_file
    try:
        return "" if path is None else KEY_FILES.read(path, limit=MAX_KEY_FILE_BYTES).data.decode().strip()
    except FileUnreadable as error:
        raise StateInvalid(f"{path}: no password can be read there: {error.reason}") from error
    except ValueError as error:
        raise StateInvalid(f"{path}: no password can be read there: it is not UTF-8") from error


def _chance() -> Random:
    return Random()  # noqa: S311  # jitter is no secret
