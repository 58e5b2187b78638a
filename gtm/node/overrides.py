r"""What people said, as this node knows it: said here, heard from peers, kept on disk, given along.

    said here -> signed -+-> known -> carried by this node's reports, saved
    reports of the book -+       \-> in force now -> guidance of the planner

The newest of each scope counts (gtm/health/override.py), whoever said it, as long as this node accepts overrides from
there. Nothing here waits for a peer or for the disk; `written` tells who wants to know when it is on disk.
"""

import logging
import math
from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from concurrent.futures import Future

from gtm.clock import Clock
from gtm.counters import Counters
from gtm.errors import ReportInvalid
from gtm.health.event import Event, EventKind
from gtm.health.override import (
    DEFAULT_SPAN_S,
    MIN_SPAN_S,
    NO_OVERRIDES,
    NOTHING_IN_FORCE,
    Action,
    InForce,
    Override,
    OverrideId,
    Overrides,
    Wish,
    in_force,
    joined,
    kept,
)
from gtm.health.override_seal import open_override, read_own, seal_override
from gtm.health.scope import Scope
from gtm.health.signature import PrivateKey, PublicKey
from gtm.ids import NodeName
from gtm.node.chronicle import Chronicle
from gtm.node.state import StateFolder
from gtm.share.desk import Desk

MAX_CARRIED_CHARACTERS = 256 * 1024
"""Of all overrides in one report: hundreds of common ones, and a fraction of what etcd takes as one value."""

MAX_SEEN = 5_000
"""Texts that need no second look; more than a mesh has of honest ones."""

log = logging.getLogger(__name__)


class OverrideDesk:
    """Every override known. It has state: those, each as it was signed, and which were in force at the last look."""

    def __init__(
        self,
        node: NodeName,
        key: PrivateKey,
        peers: Mapping[NodeName, PublicKey],
        *,
        accepted: AbstractSet[NodeName] | None,
        desk: Desk,
        state: StateFolder,
        clock: Clock,
        counters: Counters,
        chronicle: Chronicle,
    ) -> None:
        self._node = node
        self._key = key
        heard = {name: one for name, one in peers.items() if accepted is None or name in accepted}
        self._trusted = {**heard, node: key.public}
        self._desk = desk
        self._state = state
        self._clock = clock
        self._counters = counters
        self._chronicle = chronicle
        self._signed: dict[OverrideId, str] = {}
        self._seen: set[str] = set()
        self._ahead: set[str] = set()
        """Texts from the future that were told, until they are not any more."""
        self._looked_at: dict[NodeName, tuple[str, ...]] = {}
        self._told: Overrides = {}
        self._now = NOTHING_IN_FORCE
        self.known: Overrides = NO_OVERRIDES
        """The newest of each scope, ended ones too."""
        self.written: Future[bool] = Future()
        """Done when all that is known is on disk, and whether that went well."""
        self.written.set_result(True)
        self._load()

    def made_of(self, wish: Wish) -> Override:
        """Returns the override that a wish would be now."""
        made_at, last = self._next_moment(wish.scope), self.known.get(wish.scope)
        span_s = DEFAULT_SPAN_S if wish.span_s is None else wish.span_s
        if wish.span_s is None and wish.action is Action.OBEY and last is not None:
            span_s = max(MIN_SPAN_S, last.until - made_at)
        rules = tuple(sorted(set(wish.rules), key=lambda rule: rule.value))
        identifier = OverrideId(f"{self._node}:{round(made_at * 1000)}")
        said = (wish.scope, wish.action, wish.why, wish.by)
        return Override(identifier, self._node, *said, made_at, made_at + span_s, rules)

    def say(self, wish: Wish) -> Override:
        """Says something from now on, in the place of what was said of the same scope; returns it as an override."""
        override = self.made_of(wish)
        self._take({override: seal_override(override, self._key)})
        return override

    def hear(self) -> bool:
        """Takes what the reports of the book carry; returns whether anything of it is new."""
        found: dict[Override, str] = {}
        for giver, heard in self._desk.book.by_node.items():
            carried = heard.report.overrides
            if giver == self._node or self._looked_at.get(giver, ()) == carried:
                continue
            opened = [self._opened(text, giver) for text in carried if text not in self._seen]
            found.update({one: text for one, text in opened if one is not None})
            if all(text in self._seen for text in carried):  # what is from the future is looked at again
                self._looked_at[giver] = carried
        return self._take(found)

    def in_force(self) -> InForce:
        """Returns what is said at this moment, and tells what is said anew or no more since the last look."""
        wall = self._clock.wall()
        self._drop_old(wall)
        now = in_force(self.known, wall=wall)
        if now != self._now:  # the same object as long as nothing changes
            self._tell(now, wall)
            self._now = now
        return self._now

    def _next_moment(self, scope: Scope) -> float:
        """Returns the wall time, or a little more than the last one if that is later: who speaks last is obeyed."""
        last = self.known.get(scope)
        own = [one.made_at for one in self.known.values() if one.node == self._node]
        return round(max([self._clock.wall(), *(at + 0.001 for at in [*own, *([last.made_at] if last else [])])]), 3)

    def _opened(self, text: str, giver: NodeName) -> tuple[Override | None, str]:
        try:
            override = open_override(text, trusted=self._trusted, wall=self._clock.wall())
        except ReportInvalid as refused:
            if text not in self._ahead:
                self._tell_refused(refused, giver)
            if refused.reason == "skewed":
                self._expect(text)
            else:
                self._remember(text)
            return None, text
        self._remember(text)
        return override, text

    def _tell_refused(self, refused: ReportInvalid, giver: NodeName) -> None:
        self._counters.add("overrides_refused", peer=giver, reason=refused.reason)
        log.log(
            logging.INFO if refused.reason == "unknown_reporter" else logging.WARNING,
            "audit: override carried by %s refused as %s: %s",
            giver,
            refused.reason,
            refused,
        )

    def _remember(self, text: str) -> None:
        if len(self._seen) >= MAX_SEEN:
            self._seen.clear()
            self._looked_at.clear()
        self._seen.add(text)
        self._ahead.discard(text)

    def _expect(self, text: str) -> None:
        if len(self._ahead) >= MAX_SEEN:
            self._ahead.clear()
        self._ahead.add(text)

    def _take(self, found: Mapping[Override, str]) -> bool:
        after = joined(self.known, found)
        if after is self.known:
            return False
        for override, text in found.items():
            if after.get(override.scope) == override:
                self._signed[override.id] = text
        self._settle(after)
        return True

    def _settle(self, known: Overrides) -> None:
        self.known = known
        ids = {one.id for one in known.values()}
        self._signed = {identifier: text for identifier, text in self._signed.items() if identifier in ids}
        newest_first = sorted(known.values(), key=lambda one: one.edition, reverse=True)
        texts = tuple(self._signed[one.id] for one in newest_first)
        self._desk.carry(_within_bounds(texts))
        self.written = self._state.save_overrides_apart(texts)

    def _drop_old(self, wall: float) -> None:
        still = kept(self.known, wall=wall)
        if still is not self.known:
            self._settle(still)

    def _load(self) -> None:
        found: dict[Override, str] = {}
        for text in self._state.load_overrides():
            try:  # at any time: it was not from the future when it was kept, and this clock may be slow now
                override = open_override(text, trusted=self._trusted, wall=math.inf)
            except ReportInvalid as refused:
                try:
                    override = read_own(text, self._node)
                except ReportInvalid:  # its peer is no longer one, most likely
                    self._counters.add("overrides_refused", peer=self._node, reason=refused.reason)
                    log.warning("audit: override kept on disk refused as %s: %s", refused.reason, refused)
                    continue
                text = seal_override(override, self._key)  # noqa: PLW2901  # under the key of now
            found[override] = text
        if found:
            self._take(found)

    def _tell(self, now: InForce, wall: float) -> None:
        before, after = self._told, now.by_scope
        for scope in sorted(before.keys() | after.keys(), key=str):
            old, new = before.get(scope), after.get(scope)
            if new is not None and new != old:
                self._record(
                    EventKind.OVERRIDE_SET, new, f"override {new.id}: {new}; for {new.until - wall:.0f} s more"
                )
            elif new is None and old is not None and old.until <= wall:
                self._record(EventKind.OVERRIDE_EXPIRED, old, f"override {old.id} has ended: {old}")
        self._told = after

    def _record(self, kind: EventKind, override: Override, words: str) -> None:
        log.warning("%s", words)
        self._counters.add("overrides", kind=kind.value.rpartition(".")[2], action=override.action.value)
        facts = {
            "id": override.id,
            "node": override.node,
            "action": override.action.value,
            "by": override.by,
            "why": override.why,
            "until": override.until,
            "rules": tuple(rule.value for rule in override.rules),
        }
        self._chronicle.because(Event(kind, str(override.scope), words, facts))


def _within_bounds(texts: tuple[str, ...]) -> tuple[str, ...]:
    """Returns the first of these texts, as many as a report may carry."""
    carried, room = [], MAX_CARRIED_CHARACTERS
    for text in texts:
        room -= len(text)
        if room < 0:
            break
        carried.append(text)
    return tuple(carried)
