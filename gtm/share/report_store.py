"""The store: this node's own report and every report heard, and what of them is offered to peers.

What comes in: this node's verdicts, and the bodies that peers gave. What goes out: the book for the status, and
offers with every envelope as it was signed, so that a report crosses the mesh through any node that hears it. Every
envelope that is not taken is counted as `reports_refused{peer=...,reason=...}`. It opens no
connection: handler.py and poller.py do.

A report is newer than the one known of its node by its edition; or because the one known is so old that it would be
refused now, which no clock that was wrong and no stolen key can put off for longer than twice MAX_SKEW_S.
"""

import asyncio
import hashlib
import logging
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace

from gtm.clock import Clock
from gtm.counters import Counters
from gtm.errors import ReportInvalid
from gtm.geo.place import Coordinates
from gtm.health.report.book import EMPTY_BOOK, NOBODY_HEARD, Book, LastHeard, LastReport, hear, leave
from gtm.health.report.bounds import bounds_for
from gtm.health.report.claims import Claims, ClaimsByKey, Listed
from gtm.health.report.clocks import Clocks
from gtm.health.report.envelope import MAX_SKEW_S, Sealed, compose_offer, require_newer, seal, signer_of
from gtm.health.report.report import Edition, Report, excess, votes_of
from gtm.health.report.signature import Keys, PrivateKey, PublicKey, each_key
from gtm.health.verdict.verdict import Verdict
from gtm.ids import CheckId, NodeName, VantageName
from gtm.share.body_room import LARGE_AT_ONCE, BodyRoom
from gtm.share.open_reports import Known, OpenedReport, is_held, opened, opened_offer
from gtm.share.refusals import INNOCENT, OnRefused, Refusals, ignore_refusal
from gtm.threads import Pool
from gtm.turns import Turns

LARGE_BYTES = 256 * 1024
"""What is larger is read in a thread: smaller ones take a few milliseconds, and a thread's switches cost some too."""

TELL_INTERVAL_S = 60.0
"""Between two warnings that another speaks in the name of this node."""

log = logging.getLogger(__name__)

Editions = Mapping[NodeName, Edition]

Digests = Mapping[NodeName, str]
"""Of the reports that are held in the editions known."""


@dataclass(frozen=True, slots=True)
class Reporter:
    """The name, vantage, key and position that this node's reports have."""

    node: NodeName
    vantage: VantageName
    key: PrivateKey
    epoch: int
    """Grows with every start of this node."""
    at: Coordinates | None = None


@dataclass(frozen=True, slots=True)
class Offer:
    """The envelopes that this node offers to a peer, with their ETag."""

    etag: str
    """Of all that is in the store, and of what the asker has otherwise: another edition of any report is another
    tag."""
    body: bytes
    count: int
    """Of envelopes in the body."""


class ReportStore:
    """The reports of this node and its peers. It has state: the newest envelope of each node."""

    def __init__(
        self,
        reporter: Reporter,
        peers: Mapping[NodeName, Keys],
        *,
        clock: Clock,
        counters: Counters,
        gives_deltas: bool = True,
        claims: Claims | None = None,
        heard_before: LastHeard = NOBODY_HEARD,
        on_refused: OnRefused = ignore_refusal,
    ) -> None:
        """Without `claims` no vantage is listed for any peer, and this node looks from its own.

        `heard_before`: the last report of each peer that the run before heard. An older one, which a relay that is
        behind gives first, must not count against the beliefs that this node begins with.
        """
        self._reporter = reporter
        self._trusted: dict[NodeName, Keys] = {**peers, reporter.node: reporter.key.public}
        own = {reporter.node: Listed(reporter.vantage, reporter.at)}
        self._claims = claims or Claims(reporter.node, own, self._trusted, None)
        self._clock = clock
        self._counters = counters
        self._gives_deltas = gives_deltas
        self._edition = Edition(reporter.epoch, 0)
        self._sealed: dict[NodeName, Sealed] = {}
        self._gone = {node: last for node, last in heard_before.items() if node in self._trusted}
        """The last reports of those that are gone: they may come again, and older ones may not."""
        self._carried: tuple[str, ...] = ()
        self.refusals = Refusals(reporter.node, counters, clock, listed=self._listed_keys, on_refused=on_refused)
        self.clocks = Clocks()
        """How the clocks of peers differ from this node's."""
        self.heard_at: dict[NodeName, float] = {}
        """When the last report of each node came, in monotonic seconds; also of those that are gone."""
        self._not_counted: set[NodeName] = set()
        self._outgrown_at: float | None = None
        self._news = asyncio.Event()
        self._readers = Pool("reports", threads=LARGE_AT_ONCE)
        self.room = BodyRoom()
        """For bodies that are too large to be held of every peer at once."""
        self._places = asyncio.Semaphore(LARGE_AT_ONCE)
        """One for each thread: who waits for a thread has no turn yet."""
        self._turns = Turns()
        self._expected = 0
        self.bounds = bounds_for(0, nodes=len(self._trusted))
        """How large what peers give may be."""
        self.book: Book = EMPTY_BOOK
        """Every report heard, this node's own too."""
        self.version = 0
        """Grows with every change of the book."""
        self.closed = False

    @property
    def claims(self) -> ClaimsByKey:
        """Returns the first claims of the keys of peers."""
        return self._claims.held

    @property
    def node(self) -> NodeName:
        """Returns this node's name."""
        return self._reporter.node

    @property
    def key(self) -> PublicKey:
        """Returns the key that this node's reports are signed for."""
        return self._reporter.key.public

    @property
    def editions(self) -> Editions:
        """Returns the editions in this store: what a peer need not give again.

        Not those of reports that are too old to be taken: what could be replayed in their place is older still.
        """
        wall = self._clock.wall()
        young = {
            node: heard.report.edition
            for node, heard in self.book.by_node.items()
            if wall - heard.report.made_at <= MAX_SKEW_S
        }
        return {**young, self._reporter.node: self._edition}

    @property
    def _exceeded(self) -> Editions:
        """Returns the editions that new reports must exceed: those in this store, and of who is gone the one before."""
        wall = self._clock.wall()
        gone = {
            node: Edition(last.edition.epoch, last.edition.serial - 1)
            for node, last in self._gone.items()
            if wall - last.made_at <= MAX_SKEW_S
        }
        return {**gone, **self.editions}

    @property
    def digests(self) -> Digests:
        """Returns the digests of the reports in `editions`: who holds another report of the same edition gives it."""
        known = self.editions
        return {
            node: sealed.digest
            for node, sealed in sorted(self._sealed.items())
            if known.get(node) == sealed.report.edition
        }

    def publish(self, verdicts: Mapping[CheckId, Verdict]) -> None:
        """Makes and signs this node's next report."""
        now, wall = self._clock.monotonic(), self._clock.wall()
        self._edition = self._next_edition(wall)
        me = self._reporter
        votes = votes_of(verdicts, now=now)
        at = me.at if votes else None  # who has nothing to say yet is no place from where something is seen
        report = Report(me.node, me.vantage, *self._edition, wall, votes, self._carried, at)
        last = self._sealed.get(me.node) if self._gives_deltas else None
        self._keep(seal(report, me.key, last=None if last is None else last.base))
        self._announce()

    def _next_edition(self, wall: float) -> Edition:
        epoch, serial = self._edition
        if excess(Edition(epoch, 0), wall=wall, skew_s=MAX_SKEW_S + 1.0):  # the clock went back: peers would refuse it
            return Edition(int(wall * 1000), 1)
        return Edition(epoch, serial + 1)

    def carry(self, overrides: tuple[str, ...]) -> None:
        """Adds these signed overrides to every report of this node from the next one on."""
        self._carried = overrides

    @property
    def refused(self) -> Mapping[tuple[NodeName, str], int]:
        """Returns the number of refused reports, by the peer that gave them and the reason."""
        return self.refusals.counted

    def expect(self, checks: int) -> None:
        """Sets the size bounds of peers' reports by the number of checks in this node's zones."""
        self._expected = checks
        self.bounds = bounds_for(checks, nodes=len(self._trusted))

    def take_peers(self, peers: Mapping[NodeName, Keys], claims: Claims) -> None:
        """Replaces the peers, with their keys and claims; drops the reports of nodes and keys no longer listed."""
        self._trusted = {**peers, self._reporter.node: self._reporter.key.public}
        self._claims = claims
        self._not_counted.clear()
        self.refusals.begin_anew(self._trusted)
        self.expect(self._expected)
        self._gone = {node: gone for node, gone in self._gone.items() if node in self._trusted}
        for node, sealed in tuple(self._sealed.items()):
            if signer_of(sealed.full) not in map(str, each_key(self._trusted.get(node, ()))):
                del self._sealed[node]
                self._gone.pop(node, None)
                self.heard_at.pop(node, None)
                self.refusals.distrust(node)
                self.book = leave(self.book, node)
        self._announce()

    def take(self, body: bytes | bytearray, *, giver: NodeName) -> bool:
        """Verifies and stores the reports in an offer of the peer `giver`; returns whether any was new."""
        return self._settle(opened_offer(body, self._known()), giver)

    async def hear(self, body: bytes | bytearray, *, giver: NodeName) -> bool:
        """Verifies and stores the reports in an offer, as `take` does; parses a large offer in a thread."""
        if len(body) <= LARGE_BYTES:
            return self.take(body, giver=giver)
        return self._settle(await self._readers.run(opened_offer, body, self._known()), giver)

    async def hear_envelope(self, envelope: bytes, *, giver: NodeName) -> bool:
        """Verifies and stores the report in one envelope; returns whether it was new."""
        if len(envelope) <= LARGE_BYTES:
            return self._settle(opened((envelope,), self._known()), giver)
        return self._settle(await self._readers.run(opened, (envelope,), self._known()), giver)

    @asynccontextmanager
    async def turn(self, size: int) -> AsyncIterator[None]:
        """Waits for a turn to parse `size` bytes: for a thread if they are large, else for the event loop."""
        async with self._places if size > LARGE_BYTES else self._turns.turn():
            yield

    def own_envelope(self) -> bytes:
        """Returns this node's last report as it was signed; nothing before the first."""
        own = self._sealed.get(self._reporter.node)
        return b"" if own is None else own.full

    def forget(self, node: NodeName) -> None:
        """Drops what a node said: whoever keeps watch over it (etcd's lease) says that it is gone.

        What it said last it may say again; what it said before that, whoever captured it may not.
        """
        dropped = self._sealed.pop(node, None)
        if dropped is not None:
            self._gone[node] = LastReport(dropped.report.edition, dropped.report.made_at)
            self.book = leave(self.book, node)
            self._announce()

    def offer(self, *, known: Editions | None = None, digests: Digests | None = None) -> Offer:
        """Returns every envelope that is newer than the editions known, and young enough to be taken.

        Also those of the same edition and another digest: their node says something else to whoever asks.
        """
        wall = self._clock.wall()
        young = {
            node: heard.report.edition
            for node, heard in sorted(self.book.by_node.items())
            if abs(wall - heard.report.made_at) <= MAX_SKEW_S
        }
        newer = [node for node, edition in young.items() if known is None or edition > known.get(node, (-1, -1))]
        other = [node for node, edition in young.items() if self._is_other(node, edition, known or {}, digests or {})]
        told = (young, [(node, self._sealed[node].digest) for node in other]) if other else young
        etag = hashlib.sha256(repr(told).encode()).hexdigest()[:32]
        envelopes = [self._envelope(node, known or {}) for node in newer] + [self._sealed[node].brief for node in other]
        return Offer(etag, compose_offer(envelopes), len(envelopes))

    def _is_other(self, node: NodeName, edition: Edition, known: Editions, digests: Digests) -> bool:
        held = self._sealed[node]
        return known.get(node) == edition == held.report.edition and digests.get(node, held.digest) != held.digest

    async def wait_for_news(self, seen: int) -> int:
        """Returns the version once it is not `seen` any more, or the store is closed. The caller sets the timeout."""
        while self.version == seen and not self.closed:
            await self._news.wait()
        return self.version

    def close(self) -> None:
        """Ends all waits for news, because the node is stopping."""
        self.closed = True
        self._wake()

    def _envelope(self, node: NodeName, known: Editions) -> bytes:
        """Returns a node's newest envelope, without its base for who must have that."""
        sealed, least = self._sealed[node], self._sealed[node].base.edition
        heard = known.get(node, Edition(-1, -1))
        return sealed.brief if heard.epoch == least.epoch and heard >= least else sealed.full

    def _known(self) -> Known:
        return Known(self._trusted, self._exceeded, dict(self._sealed), self.bounds, self._clock.wall())

    def _settle(self, outcomes: Iterable[OpenedReport], giver: NodeName) -> bool:
        """Stores verified reports that are still new, and counts refusals; returns whether any report was new."""
        news = [self._settle_one(outcome, giver) for outcome in outcomes]
        if any(news):
            self._announce()
        return any(news)

    def _settle_one(self, outcome: OpenedReport, giver: NodeName) -> bool:
        if isinstance(outcome, ReportInvalid):
            self._refuse_unless_own(outcome, giver)
            return False
        report = outcome.report
        if is_held(outcome.full, self._sealed):
            return False  # another peer gave it while this one's was opened
        try:
            require_newer(report, self._exceeded, digest=outcome.digest, held=self._sealed.get(report.node))
        except ReportInvalid as refused:
            self._refuse_unless_own(refused, giver)
            return False
        if report.node == self._reporter.node:
            self._outgrow(report)
            return False
        return self._count(outcome, giver)

    def _count(self, sealed: Sealed, giver: NodeName) -> bool:
        report = sealed.report
        try:
            counted = self._claims.accept(report)
        except ReportInvalid as refused:
            self.refusals.refuse(ReportInvalid(refused.reason, str(refused), node=report.node), giver)
            return False
        if len(counted.votes) < len(report.votes) and report.node not in self._not_counted:
            self._not_counted.add(report.node)
            log.warning("votes of %s do not count: share.peers says that it checks nothing (probe: false)", report.node)
        self.refusals.clear(report)
        self._see_clock(report.node, report.made_at, giver)
        self._keep(replace(sealed, report=counted))
        self._counters.add("reports_heard")
        return True

    def _outgrow(self, echo: Report) -> None:
        """Starts a newer epoch than that of a report in this node's name, so that peers hear this node again."""
        now = self._clock.monotonic()
        if self._outgrown_at is None or now - self._outgrown_at >= TELL_INTERVAL_S:
            self._outgrown_at = now
            log.warning(
                "a report in the name of this node (%s) is newer than its own: its state was lost, its clock went "
                "back, or another node has its name and key",
                echo.node,
            )
        self._edition = Edition(echo.epoch + 1, 0)

    def _keep(self, sealed: Sealed) -> None:
        """Puts a report in the store in the place of the last one of its node; who calls has seen that it is newer."""
        node = sealed.report.node
        others, now = leave(self.book, node), self._clock.monotonic()
        self.book = hear(others, sealed.report, heard_at=now) or others
        self.heard_at[node] = now
        self._sealed[node] = sealed

    def _refuse_unless_own(self, refused: ReportInvalid, giver: NodeName) -> None:
        if (refused.node, refused.reason) == (self._reporter.node, INNOCENT):
            # a report of before, on its way back; its base may be gone, most of all soon after a start
            log.debug("an own report came back from %s: %s", giver, refused)
        else:
            if refused.made_at is not None:
                self._see_clock(NodeName(refused.node), refused.made_at, giver)
            self.refusals.refuse(refused, giver)

    def _see_clock(self, node: NodeName, made_at: float, giver: NodeName) -> None:
        if node != self._reporter.node:
            now, wall = self._clock.monotonic(), self._clock.wall()
            self.clocks.see(node, made_at, now=now, wall=wall, is_direct=giver == node)

    def _listed_keys(self) -> Mapping[NodeName, tuple[str, ...]]:
        return {node: tuple(map(str, each_key(keys))) for node, keys in self._trusted.items()}

    def _announce(self) -> None:
        self.version += 1
        self._wake()

    def _wake(self) -> None:
        self._news.set()
        self._news = asyncio.Event()
