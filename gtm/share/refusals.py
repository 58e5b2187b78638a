"""Refusals: what of peers' reports was not taken: counted, told once, and shown while it lasts.

What comes in: each refusal, and each report that was taken. What goes out: counts by who gave it and why; one line of
the log, and one call of `on_refused`, for the first of a kind; and whose reports do not count now. What is refused
before its signature holds is told of who gave it; what is signed, of its node, whichever peers give it along. That a
peer signs with another key than is listed for it is told of that peer (wrong_keys.py).
"""

import logging
from collections import Counter
from collections.abc import Callable, Collection, Mapping

from gtm.clock import Clock
from gtm.counters import Counters
from gtm.errors import ReportInvalid
from gtm.health.report.report import Report
from gtm.ids import NodeName
from gtm.share.wrong_keys import Listed, WrongKey, WrongKeys

INNOCENT = "replayed"
"""What is refused for this came second, over a relay that is behind: it is counted, and nobody is told."""

EQUIVOCATED = "equivocated"

OF_ITS_NODE = frozenset({"edition", EQUIVOCATED, "skewed", "vantage"})
"""What is refused for this was signed by the key of its node, one of those that are trusted."""

SHOWN_S = 600.0
"""How long it is shown that a node said different things: its next report is no reason to believe that it ended."""

log = logging.getLogger(__name__)

RefusalKey = tuple[NodeName, str]
"""Who gave it, and the reason."""

OnRefused = Callable[[NodeName, ReportInvalid], None]


class Refusals:
    """Counts and logs refused reports. It has state: the counts, and the nodes whose reports do not count now."""

    def __init__(
        self,
        own: NodeName,
        counters: Counters,
        clock: Clock,
        *,
        listed: Callable[[], Listed],
        on_refused: OnRefused,
    ) -> None:
        """`on_refused` is called with the giver of the first report that is refused for a reason."""
        self._own = own
        self._wrong_keys = WrongKeys(own, listed)
        self._clock = clock
        self._counters = counters
        self._counted: Counter[RefusalKey] = Counter()
        self._shown: Counter[RefusalKey] = Counter()
        self._named: dict[RefusalKey, str | None] = {}
        """In whose name those are that are shown; None for several."""
        self._told: set[RefusalKey] = set()
        self._denied: dict[NodeName, ReportInvalid] = {}
        self._equivocal: dict[NodeName, tuple[ReportInvalid, float]] = {}
        """Who signed two reports of one edition, and when that was seen last."""
        self._on_refused = on_refused

    @property
    def counted(self) -> Mapping[RefusalKey, int]:
        """Returns the number of refused reports, by the peer that gave them and the reason."""
        return dict(self._counted)

    @property
    def shown(self) -> Mapping[RefusalKey, int]:
        """Returns the same, but for what is over: all were in the name of one peer, of which a report counts again."""
        return dict(self._shown)

    @property
    def problems(self) -> tuple[str, ...]:
        """Returns whose reports do not count now, though their signature holds, or differ, one line for each."""
        now = self._clock.monotonic()
        denied = [f"reports of {node} do not count: {why}" for node, why in sorted(self._denied.items())]
        recent = [(node, why) for node, (why, at) in sorted(self._equivocal.items()) if now - at < SHOWN_S]
        unlike = [f"{node} does not say the same to everyone: {why}" for node, why in recent]
        return (*denied, *unlike, *map(str, self.wrong_keys))

    @property
    def wrong_keys(self) -> tuple[WrongKey, ...]:
        """Returns the peers that sign with another key than `share.peers` lists for them, sorted by name."""
        return self._wrong_keys.current(self._clock.monotonic())

    def refuse(self, refused: ReportInvalid, giver: NodeName) -> None:
        """Counts a refused report that `giver` gave, and logs the first one of each kind."""
        self._counters.add("reports_refused", peer=giver, reason=refused.reason)
        kind = (giver, refused.reason)
        self._counted[kind] += 1
        self._shown[kind] += 1
        self._named[kind] = refused.node if self._named.get(kind, refused.node) == refused.node else None
        is_of_its_node, node = refused.reason in OF_ITS_NODE, NodeName(refused.node)
        of = node if is_of_its_node else giver
        if refused.reason == EQUIVOCATED:
            self._equivocal[node] = refused, self._clock.monotonic()
        elif is_of_its_node and node != self._own and not self._is_old(refused):
            self._denied[node] = refused
        if self._is_wrong_key(refused, giver):
            return
        if refused.reason != INNOCENT and (of, refused.reason) not in self._told:
            self._told.add((of, refused.reason))
            whose = f", in the name of {refused.node or '?'} by the key {refused.key}" if refused.key else ""
            message = "report from peer %s%s refused as %s: %s; further ones are only counted"
            log.warning(message, giver, whose, refused.reason, refused)
            self._on_refused(giver, refused)

    def _is_old(self, refused: ReportInvalid) -> bool:
        """Returns whether a report is only an old one of a node whose newer ones count: it was given again."""
        now, node = self._clock.monotonic(), NodeName(refused.node)
        return refused.reason == "skewed" and self._wrong_keys.is_believed(node, now=now)

    def _is_wrong_key(self, refused: ReportInvalid, giver: NodeName) -> bool:
        """Tells the first report of a peer with another key than is listed for it; returns whether this is one."""
        now, node = self._clock.monotonic(), NodeName(refused.node)
        was_known = self._wrong_keys.is_known(node, now=now)
        wrong = self._wrong_keys.refuse(refused, giver, now=now)
        if wrong is not None and not was_known:
            log.warning("%s", wrong)
            self._on_refused(giver, ReportInvalid(refused.reason, str(wrong), node=node, key=refused.key))
        return wrong is not None

    def begin_anew(self, listed: Collection[NodeName]) -> None:
        """Drops refusals of nodes not in the new list of peers, and lets those of the others be logged again."""
        self._told.clear()
        self._denied = {node: why for node, why in self._denied.items() if node in listed}
        self._equivocal = {node: why for node, why in self._equivocal.items() if node in listed}

    def distrust(self, node: NodeName) -> None:
        """Lets a node's wrong key be reported at once: its last report was signed by a key no longer listed."""
        self._wrong_keys.distrust(node)

    def clear(self, taken: Report) -> None:
        """Ends what was shown of a node whose report counts again; one without votes claims no vantage."""
        if self._wrong_keys.take(taken.node, now=self._clock.monotonic()):
            log.info("peer %s signs with the key that is listed for it again", taken.node)
        for kind in [kind for kind, name in self._named.items() if name == taken.node and kind[1] != EQUIVOCATED]:
            del self._named[kind], self._shown[kind]
        denied = self._denied.get(taken.node)
        if denied is not None and (taken.votes or denied.reason != "vantage"):
            del self._denied[taken.node]


def ignore_refusal(_giver: NodeName, _refused: ReportInvalid) -> None:
    """Does nothing with a refusal, which is counted and shown all the same."""
