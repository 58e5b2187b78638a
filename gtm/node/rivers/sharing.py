"""How this node gets the reports of its peers, by the settings of its node file:

    share.peers with URLs    a poller for each
    share.srv                a poller for each target of the SRV records, which may change
    share.etcd               a watch of the etcd cluster, which also gets this node's report, under a lease

All reports go into the report store, which accepts only those signed with the keys of share.peers.
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
"""The most SRV targets that are called by their own names while a process runs: a mesh has fewer, even if it moves."""

UNNAMED = NodeName("another-target")
"""The name of all further SRV targets in logs, counters and events."""


class _Moved(Exception):  # no error
    """Ends the tasks for the former peers, because the peers or their addresses changed."""


class Sharing:
    """Gets the reports of peers into the report store. Its state is the pollers.

    Raises StateInvalid when a key, certificate or password file cannot be used.
    """

    def __init__(self, config: NodeConfig, report_store: ReportStore, *, clock: Clock, counters: Counters) -> None:
        self._config = config
        self._report_store = report_store
        self._clock = clock
        self._counters = counters
        self._pollers: dict[NodeName, Poller] = {}
        self.tls = LiveTls("share", config.share.tls or TlsFiles(), client_tls)
        """The certificate that this node shows as a client, and the authorities that it trusts."""
        self._password = read_password(config.share)
        self._named: set[NodeName] = set()
        self._moved = asyncio.Event()

    @property
    def peers(self) -> Mapping[NodeName, PeerState]:
        """Returns the state of each polled peer, as the polls of this node found it."""
        return {node: poller.state for node, poller in self._pollers.items()}

    @property
    def troubles(self) -> Mapping[NodeName, str]:
        """Returns the error of the last poll, for each peer whose last poll failed."""
        return {node: poller.trouble for node, poller in self._pollers.items() if poller.trouble}

    def take(self, config: NodeConfig) -> None:
        """Polls the peers of another node file from now on; starts all pollers anew if peers or addresses differ."""
        before, self._config = self._config, config
        if _where(before) != _where(config):
            self._moved.set()

    async def run(self) -> None:
        """Gets the reports of peers until cancelled."""
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
        # addresses in the node file are not restricted; addresses from SRV records are
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
        """Starts a poller of a peer, and returns its task.

        Logs, counters and events name the peer `giver`; None means by the name `node`.
        """
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
            # the SRV records can have new targets each time: labels and events must not grow without limit
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
    """Returns a value that differs if the peers to poll, or their addresses, differ."""
    targets = config.permits.targets if config.share.srv else None
    return sorted((peer.node, peer.url) for peer in config.peers), targets


def read_password(share: ShareConfig) -> str:
    """Returns the password for etcd; empty if no file is set. Raises StateInvalid if the file cannot be read."""
    path = share.password_file
    try:
        return "" if path is None else KEY_FILES.read(path, limit=MAX_KEY_FILE_BYTES).data.decode().strip()
    except FileUnreadable as error:
        raise StateInvalid(f"{path}: no password can be read there: {error.reason}") from error
    except ValueError as error:
        raise StateInvalid(f"{path}: no password can be read there: it is not UTF-8") from error


def _chance() -> Random:
    return Random()  # noqa: S311  # jitter is no secret
