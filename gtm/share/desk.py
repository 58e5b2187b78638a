"""The desk: this node's own report and every report heard, and what of them is offered to peers.

What comes in: this node's verdicts, and the bodies that peers gave. What goes out: the book for the status, and
offers with every envelope as it was signed, so that a report crosses the mesh through any node that hears it. Every
envelope that is not taken is counted as `reports_refused{peer=...,reason=...}`. It opens no
connection: handler.py and poller.py do.
"""

import asyncio
import hashlib
import logging
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from gtm.clock import Clock
from gtm.counters import Counters
from gtm.errors import ReportInvalid
from gtm.geo.place import Coordinates
from gtm.health.book import EMPTY_BOOK, Book, hear, leave
from gtm.health.bounds import bounds_for
from gtm.health.envelope import MAX_SKEW_S, Sealed, compose_offer, require_newer, seal
from gtm.health.report import Edition, Report, votes_of
from gtm.health.signature import PrivateKey, PublicKey
from gtm.health.verdict import Verdict
from gtm.ids import CheckId, NodeName, VantageName
from gtm.share.opening import Known, Outcome, is_held, opened, opened_offer
from gtm.threads import Pool

INNOCENT = "replayed"
"""What is refused for this came second, over a relay that is behind: it is counted, and nobody is told."""

LARGE_BYTES = 256 * 1024
"""What is larger is read in a thread: smaller ones take a few milliseconds, and a thread's switches cost some too."""

LARGE_AT_ONCE = 2
"""So many large bodies are held and read at once; the peers that have further ones to give wait."""

log = logging.getLogger(__name__)

Editions = Mapping[NodeName, Edition]


@dataclass(frozen=True, slots=True)
class Reporter:
    """Who this node is to its peers."""

    node: NodeName
    vantage: VantageName
    key: PrivateKey
    epoch: int
    """Grows with every start of this node."""
    at: Coordinates | None = None


@dataclass(frozen=True, slots=True)
class Offer:
    """What a peer may take."""

    etag: str
    """Of all that is on the desk: another edition of any report is another tag."""
    body: bytes
    count: int
    """Of envelopes in the body."""


class Desk:
    """The reports of this node and its peers. It has state: the newest envelope of each node."""

    def __init__(
        self,
        reporter: Reporter,
        peers: Mapping[NodeName, PublicKey],
        *,
        clock: Clock,
        counters: Counters,
        gives_deltas: bool = True,
    ) -> None:
        self._reporter = reporter
        self._trusted = {**peers, reporter.node: reporter.key.public}
        self._clock = clock
        self._counters = counters
        self._gives_deltas = gives_deltas
        self._edition = Edition(reporter.epoch, 0)
        self._sealed: dict[NodeName, Sealed] = {}
        self._carried: tuple[str, ...] = ()
        self._refused: Counter[tuple[NodeName, str]] = Counter()
        self._news = asyncio.Event()
        self._readers = Pool("reports", threads=LARGE_AT_ONCE)
        self.room = asyncio.Semaphore(LARGE_AT_ONCE)
        """For bodies that are too large to be held of every peer at once."""
        self.bounds = bounds_for(0, nodes=len(self._trusted))
        """How large what peers give may be."""
        self.book: Book = EMPTY_BOOK
        """Every report heard, this node's own too."""
        self.version = 0
        """Grows with every change of the book."""
        self.closed = False
        self.on_refused: Callable[[NodeName, ReportInvalid], None] = _ignore
        """Called with the giver of the first report that is refused for a reason."""

    @property
    def editions(self) -> Editions:
        """Returns the editions on this desk: what a peer need not give again."""
        return {**self.book.editions, self._reporter.node: self._edition}

    def publish(self, verdicts: Mapping[CheckId, Verdict]) -> None:
        """Makes and signs this node's next report."""
        now, wall = self._clock.monotonic(), self._clock.wall()
        self._edition = Edition(self._edition.epoch, self._edition.serial + 1)
        me = self._reporter
        votes = votes_of(verdicts, now=now)
        report = Report(me.node, me.vantage, *self._edition, wall, votes, self._carried, me.at)
        last = self._sealed.get(me.node) if self._gives_deltas else None
        self._keep(seal(report, me.key, last=None if last is None else last.base))
        self._announce()

    def carry(self, overrides: tuple[str, ...]) -> None:
        """Gives these signed overrides along with every report from the next one on."""
        self._carried = overrides

    @property
    def refused(self) -> Mapping[tuple[NodeName, str], int]:
        """Returns how many reports were refused, by the peer that gave them and the reason."""
        return dict(self._refused)

    def expect(self, checks: int) -> None:
        """Has peers give what so many checks of this node's zones can need, and not much more."""
        self.bounds = bounds_for(checks, nodes=len(self._trusted))

    def take(self, body: bytes, *, giver: NodeName) -> bool:
        """Takes what a peer offered; returns whether anything of it was new."""
        return self._settle(opened_offer(body, self._known()), giver)

    async def hear(self, body: bytes, *, giver: NodeName) -> bool:
        """Takes what a peer offered, as `take` does; what is large is read in a thread."""
        if len(body) <= LARGE_BYTES:
            return self.take(body, giver=giver)
        return self._settle(await self._readers.run(opened_offer, body, self._known()), giver)

    async def hear_envelope(self, envelope: bytes, *, giver: NodeName) -> bool:
        """Takes one envelope, as `hear` does an offer; returns whether it was new."""
        if len(envelope) <= LARGE_BYTES:
            return self._settle(opened((envelope,), self._known()), giver)
        return self._settle(await self._readers.run(opened, (envelope,), self._known()), giver)

    def own_envelope(self) -> bytes:
        """Returns this node's last report as it was signed; nothing before the first."""
        own = self._sealed.get(self._reporter.node)
        return b"" if own is None else own.full

    def forget(self, node: NodeName) -> None:
        """Drops what a node said: whoever keeps watch over it (etcd's lease) says that it is gone."""
        if self._sealed.pop(node, None) is not None:
            self.book = leave(self.book, node)
            self._announce()

    def offer(self, *, known: Editions | None = None) -> Offer:
        """Returns every envelope that is newer than the editions known, and young enough to be taken."""
        wall = self._clock.wall()
        young = {
            node: heard.report.edition
            for node, heard in sorted(self.book.by_node.items())
            if abs(wall - heard.report.made_at) <= MAX_SKEW_S
        }
        etag = hashlib.sha256(repr(young).encode()).hexdigest()[:32]
        newer = [node for node, edition in young.items() if known is None or edition > known.get(node, (-1, -1))]
        return Offer(etag, compose_offer(self._envelope(node, known or {}) for node in newer), len(newer))

    async def wait_for_news(self, seen: int) -> int:
        """Returns the version once it is not `seen` any more, or the desk is closed. The caller sets the timeout."""
        while self.version == seen and not self.closed:
            await self._news.wait()
        return self.version

    def close(self) -> None:
        """Lets everyone go who waits for news: the node is stopping."""
        self.closed = True
        self._wake()

    def _envelope(self, node: NodeName, known: Editions) -> bytes:
        """Returns a node's newest envelope, without its base for who must have that."""
        sealed, least = self._sealed[node], self._sealed[node].base.edition
        heard = known.get(node, Edition(-1, -1))
        return sealed.brief if heard.epoch == least.epoch and heard >= least else sealed.full

    def _known(self) -> Known:
        return Known(self._trusted, self.editions, dict(self._sealed), self.bounds, self._clock.wall())

    def _settle(self, outcomes: Iterable[Outcome], giver: NodeName) -> bool:
        """Takes what was opened, as far as it is still new; returns whether anything was."""
        news = [self._settle_one(outcome, giver) for outcome in outcomes]
        if any(news):
            self._announce()
        return any(news)

    def _settle_one(self, outcome: Outcome, giver: NodeName) -> bool:
        if isinstance(outcome, ReportInvalid):
            self._refuse_unless_own(outcome, giver)
            return False
        report = outcome.report
        if is_held(outcome.full, self._sealed):
            return False  # another peer gave it while this one's was opened
        try:
            require_newer(report, self.editions)
        except ReportInvalid as refused:
            self._refuse_unless_own(refused, giver)
            return False
        if report.node == self._reporter.node:
            self._outgrow(report)
            return False
        self._keep(outcome)
        self._counters.add("reports_heard")
        return True

    def _outgrow(self, echo: Report) -> None:
        """Starts a newer epoch than that of a report in this node's name, so that peers hear this node again."""
        log.warning(
            "a report in the name of this node (%s) is newer than its own: its state was lost, its clock went back, "
            "or another node has its name and key",
            echo.node,
        )
        self._edition = Edition(echo.epoch + 1, 0)

    def _keep(self, sealed: Sealed) -> None:
        book = hear(self.book, sealed.report, heard_at=self._clock.monotonic())
        if book is not None:
            self.book = book
            self._sealed[sealed.report.node] = sealed

    def _refuse_unless_own(self, refused: ReportInvalid, giver: NodeName) -> None:
        if (refused.node, refused.reason) == (self._reporter.node, INNOCENT):
            # a report of before, on its way back; its base may be gone, most of all soon after a start
            log.debug("an own report came back from %s: %s", giver, refused)
        else:
            self._refuse(refused, giver)

    def _refuse(self, refused: ReportInvalid, giver: NodeName) -> None:
        self._counters.add("reports_refused", peer=giver, reason=refused.reason)
        self._refused[giver, refused.reason] += 1
        if refused.reason != INNOCENT and self._refused[giver, refused.reason] == 1:
            whose = f", in the name of {refused.node or '?'} by the key {refused.key}" if refused.key else ""
            words = "report from peer %s%s refused as %s: %s; further ones are only counted"
            log.warning(words, giver, whose, refused.reason, refused)
            self.on_refused(giver, refused)

    def _announce(self) -> None:
        self.version += 1
        self._wake()

    def _wake(self) -> None:
        self._news.set()
        self._news = asyncio.Event()


def _ignore(_giver: NodeName, _refused: ReportInvalid) -> None: ...
