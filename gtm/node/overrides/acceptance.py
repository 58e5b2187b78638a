r"""The door: which signed texts of overrides count at this node, and from when on.

    text -> accepted signer? -> valid signature? -> its time has come? -> counts
                  |                |              \-> waits, at most MAX_WAITING of each node
                  \----------------+-> refused: counted, and logged, a few times a minute for each giver

What comes in: texts that reports carry, or that were kept on disk. What goes out: overrides, each with its text. The
node file says whose overrides count (`overrides.accept_from`); those of this node itself always count. A giver is the
peer whose report carries a text; the signer is the node that made the override.
"""

import hashlib
import logging
import math
from collections.abc import Iterable, Iterator, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field

from gtm.clock import Clock
from gtm.counters import Counters
from gtm.errors import ReportInvalid
from gtm.health.override.override import MAX_AHEAD_S, MAX_SKEW_S, Override
from gtm.health.override.scope import Scope
from gtm.health.override.signed import claimed_override, open_override, read_own, seal_override, signer_of
from gtm.health.report.payload import MAX_CARRIED
from gtm.health.report.signature import Keys, PrivateKey, each_key
from gtm.ids import NodeName
from gtm.token_bucket import TokenBucket

MAX_CARRIED_CHARACTERS = 256 * 1024
"""The characters of all overrides in one report: hundreds of usual ones, and a fraction of the largest etcd value."""

MAX_SEEN = 5_000
"""The texts that are remembered as already checked; more than a mesh has overrides without an attack."""

MAX_WAITING = 20
"""The overrides of one node that may wait: people make no more in the few seconds that a clock is ahead."""

NEW_AT_ONCE, NEW_EVERY_S = MAX_CARRIED, 0.5
"""The rate limit of new texts of one giver: a whole report of them at once, then two a second. Further ones are looked
at later, for each costs a check of a signature, a log line, an event and a write. The limit is for each giver: one
without a valid key must not use up the limit of another."""

TOGETHER_S = 0.1
"""Waiting overrides of one scope whose times differ by at most so many seconds count from one moment on. One that
supersedes an override of a clock that is ahead is a millisecond newer, and must not count later than that one."""

MAX_LINES = 5
"""The log lines a minute about refused texts of one giver; the counter has all of them."""
MINUTE_S = 60.0

log = logging.getLogger(__name__)

Signed = Mapping[Override, str]
"""Overrides, each with the text that was signed."""


@dataclass(slots=True)
class _Lines:
    since: float = -math.inf
    left: int = 0


@dataclass(slots=True)
class _Seen:
    """The texts that were checked, by their digests: texts are long, and a peer may send many."""

    closed: set[bytes] = field(default_factory=set)
    later: dict[bytes, float] = field(default_factory=dict)
    """The wall time from which to check each postponed text again."""

    def is_due(self, digest: bytes, wall: float) -> bool:
        return digest not in self.closed and self.later.get(digest, -math.inf) <= wall

    def close(self, digest: bytes) -> None:
        if len(self.closed) >= MAX_SEEN:
            self.closed.clear()
        self.closed.add(digest)
        self.later.pop(digest, None)

    def postpone(self, digest: bytes, until: float) -> None:
        if len(self.later) >= MAX_SEEN:
            self.later.clear()
        self.later[digest] = until

    def forget_due(self, wall: float) -> None:
        self.later = {digest: until for digest, until in self.later.items() if until > wall}


class OverrideDoor:
    """Turns signed texts into overrides. Its state: the texts it has checked, and the overrides that wait."""

    def __init__(
        self,
        node: NodeName,
        key: PrivateKey,
        peers: Mapping[NodeName, Keys],
        *,
        accepted: AbstractSet[NodeName] | None,
        clock: Clock,
        counters: Counters,
    ) -> None:
        self._node = node
        self._key = key
        self._trusted: dict[NodeName, Keys] = {}
        self._others: dict[str, NodeName] = {}
        self._clock = clock
        self._counters = counters
        self._seen = _Seen()
        self._waiting: dict[NodeName, dict[Override, str]] = {}
        self._buckets: dict[NodeName, TokenBucket] = {}
        self._lines: dict[tuple[NodeName, NodeName | None], _Lines] = {}
        self.accept(peers, accepted)

    def accept(self, peers: Mapping[NodeName, Keys], accepted: AbstractSet[NodeName] | None) -> None:
        """Sets whose overrides count from now on; texts that were refused are checked again.

        `peers` has the keys of each peer. `accepted` names the peers whose overrides count; None means all of them.
        """
        heard = {name: keys for name, keys in peers.items() if accepted is None or name in accepted}
        self._trusted = {**heard, self._node: self._key.public}
        others = ((name, keys) for name, keys in peers.items() if name not in heard)
        self._others = {str(public): name for name, keys in others for public in each_key(keys)}
        self._seen = _Seen()
        self._waiting = {node: waiting for node, waiting in self._waiting.items() if node in self._trusted}

    def opened(self, texts: Iterable[str], giver: NodeName) -> Signed:
        """Returns the overrides in the texts of a giver's report that are new and count now.

        Refuses the others, or postpones them.
        """
        wall = self._clock.wall()
        overrides: dict[Override, str] = {}
        for text in within_bounds(texts):
            digest = hashlib.blake2b(text.encode(errors="replace"), digest_size=16).digest()
            if not self._seen.is_due(digest, wall):
                continue
            if not self._bucket(giver).take(self._clock.monotonic()):
                self._put_off(giver, digest, wall)
                continue
            override = self._opened(text, digest, giver, wall)
            if override is not None and not self._waits(override, text, digest, giver=giver):
                overrides[override] = text
        return overrides

    def ripe(self) -> Signed:
        """Returns the overrides whose time has come since the last call; they wait no longer."""
        if not self._waiting:
            return {}
        wall = self._clock.wall()
        due = {
            ripe_override.scope
            for waiting in self._waiting.values()
            for ripe_override in waiting
            if not ripe_override.is_ahead(wall)
        }
        ripe = {
            override: text
            for waiting in self._waiting.values()
            for override, text in waiting.items()
            if override.scope in due and not override.is_ahead(wall + TOGETHER_S)
        }
        for override in ripe:
            del self._waiting[override.node][override]
        self._waiting = {node: waiting for node, waiting in self._waiting.items() if waiting}
        return ripe

    @property
    def waiting(self) -> Iterator[Override]:
        """Yields the overrides whose time has not come."""
        return (override for waiting in self._waiting.values() for override in waiting)

    @property
    def look_again_at(self) -> float:
        """Returns the wall time from which the first postponed text is to be checked again; infinity if none is."""
        return min(self._seen.later.values(), default=math.inf)

    def forget_due(self, wall: float) -> None:
        """Forgets the postponed texts that were due by then.

        Call it after all reports were looked at: what is still due is in no report any more.
        """
        self._seen.forget_due(wall)

    def last_waiting(self, scope: Scope) -> float:
        """Returns the latest `made_at` of the overrides of a scope that wait; minus infinity if none waits.

        An override that is made now must be newer.
        """
        stamps = [waiting.made_at for waiting in self.waiting if waiting.scope == scope]
        return max(stamps, default=-math.inf)

    def reopened(self, text: str, *, is_echo: bool = False) -> tuple[Override, str]:
        """Returns the override of a text that this node kept, and its text, signed again if this node has a new key.

        An echo (`is_echo`), in the name of this node but not made here, is not signed again: the key may be stolen.
        Raises ReportInvalid when the text does not count any more, mostly because its signer is not accepted now.
        """
        try:  # without a check of its time: that was checked before it was kept, and this clock may be behind now
            return open_override(text, trusted=self._trusted, wall=math.inf), text
        except ReportInvalid as refused:
            override = None if is_echo else self._said_here(text)
            if override is None:
                self._counters.add("overrides_refused", peer=self._node, reason=refused.reason)
                log.warning("audit: override kept on disk refused as %s: %s", refused.reason, refused)
                raise self._named(refused) from refused
            return override, seal_override(override, self._key)

    def prefers(self, override: Override, text: str, before: str) -> bool:
        """Returns whether `text` is signed by the newest key of the override's node, and the text `before` is not."""
        keys = each_key(self._trusted.get(override.node, ()))
        return bool(keys) and signer_of(text) == str(keys[-1]) != signer_of(before)

    def _said_here(self, text: str) -> Override | None:
        try:
            return read_own(text, self._node)
        except ReportInvalid:
            return None

    def _opened(self, text: str, digest: bytes, giver: NodeName, wall: float) -> Override | None:
        try:
            override = open_override(text, trusted=self._trusted, wall=wall)
        except ReportInvalid as refused:
            self._tell_refused(self._named(refused), giver, self._others.get(refused.key))
            if refused.reason == "skewed":
                self._seen.postpone(digest, claimed_override(text).made_at - MAX_SKEW_S)
            else:
                self._seen.close(digest)
            return None
        return override

    def _waits(self, override: Override, text: str, digest: bytes, *, giver: NodeName) -> bool:
        """Returns whether an override must wait because its time has not come; keeps or postpones it if so."""
        wall = self._clock.wall()
        if override.node == self._node or not override.is_ahead(wall):
            self._seen.close(digest)
            return False
        waiting = self._waiting.setdefault(override.node, {})
        ahead = f"it was made {override.made_at - wall:.1f} s after this node's now"
        if len(waiting) < MAX_WAITING:
            self._seen.close(digest)
            waiting[override] = text
            self._counters.add("overrides_ahead", peer=override.node)
            if self._may_say(giver):
                log.warning("audit: override %s waits until its time: %s; %s", override.id, ahead, override)
        else:
            self._seen.postpone(digest, override.made_at - MAX_AHEAD_S)
            self._tell_refused(ReportInvalid("skewed", f"{ahead}, and so were {MAX_WAITING} more"), giver, None)
        return True

    def _bucket(self, giver: NodeName) -> TokenBucket:
        return self._buckets.setdefault(giver, TokenBucket(NEW_AT_ONCE, NEW_EVERY_S))

    def _put_off(self, giver: NodeName, digest: bytes, wall: float) -> None:
        self._seen.postpone(digest, wall + NEW_EVERY_S)
        self._counters.add("overrides_put_off", peer=giver)
        if self._may_say(giver):
            log.warning("audit: %s carries more new overrides than anybody says: the rest of them has to wait", giver)

    def _named(self, refused: ReportInvalid) -> ReportInvalid:
        """Returns the refusal; if the signer is a peer that is not accepted, with the setting that would accept it."""
        name = self._others.get(refused.key)
        if name is None:
            return refused
        message = (
            f"overrides of {name} do not count here; `overrides: {{accept_from: [{name}]}}` in the node file would"
        )
        return ReportInvalid("not_accepted", message, node=name, key=refused.key)

    def _tell_refused(self, refused: ReportInvalid, giver: NodeName, signer: NodeName | None) -> None:
        self._counters.add("overrides_refused", peer=giver, reason=refused.reason)
        if self._may_say(giver, signer):
            level = logging.INFO if refused.reason == "unknown_reporter" else logging.WARNING
            log.log(level, "audit: override carried by %s refused as %s: %s", giver, refused.reason, refused)

    def _may_say(self, giver: NodeName, signer: NodeName | None = None) -> bool:
        """Returns whether one more log line is allowed: MAX_LINES a minute for each giver.

        With a `signer`, a peer that is not accepted: one line for each giver and signer.
        """
        lines, now = self._lines.setdefault((giver, signer), _Lines()), self._clock.monotonic()
        if signer is None and now - lines.since >= MINUTE_S:
            lines.since, lines.left = now, MAX_LINES
        elif signer is not None and lines.since == -math.inf:
            lines.since, lines.left = now, 1
        lines.left -= 1
        return lines.left >= 0


def within_bounds(texts: Iterable[str]) -> tuple[str, ...]:
    """Returns the first texts, as many as fit into MAX_CARRIED_CHARACTERS."""
    carried, room = [], MAX_CARRIED_CHARACTERS
    for text in texts:
        room -= len(text)
        if room < 0:
            break
        carried.append(text)
    return tuple(carried)
