"""The status: what this node believes of every endpoint, after merging the reports by quorum.

What comes in: the last status, the book of reports, what is watched, and the time as two arguments. What goes out:
the next status; and between two of them, who changed. One voice is one vantage's (voices.py):

    1. With fewer fresh voices, or probes behind them, than the quorum asks for, the last belief stands: it is `frozen`.
    2. A belief that has been frozen for the quorum's `stale_hold_s` is UNKNOWN: eligible after what is known to be up.
    3. Otherwise the quorum's rule decides; where it decides nothing, the last belief stands.
    4. Where the probes of one vantage, or of neighbours, agree on something else, that is its `local` belief
       (local_view.py).

`merge` does it for every check; a node that does it twice a second uses a Merger (merger.py), which gives the same.
"""

from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field

from gtm.health.belief import Belief
from gtm.health.consensus.local_view import (
    NO_NEIGHBOURS,
    LocalBelief,
    Neighbours,
    local_beliefs,
    neighbours,
    positions,
    saying,
)
from gtm.health.consensus.quorum import Quorum, Rule, decide
from gtm.health.consensus.voices import Freshness, Voice, in_order, most_common, voices_on
from gtm.health.report.book import Book
from gtm.health.verdict.next_change import soonest_s
from gtm.health.verdict.reading import Reason
from gtm.health.verdict.verdict import VerdictState, state_among
from gtm.ids import CheckId, NodeName, VantageName


@dataclass(frozen=True, slots=True)
class CheckStatus:
    """What this node believes of one check, and on whose word."""

    belief: Belief
    since: float
    """Wall seconds of the change to this belief, as this node saw it."""
    reason: Reason = Reason.UNREAD
    """Of most of the voices that agree with the belief."""
    detail: str = ""
    votes: tuple[Voice, ...] = ()
    """Every vantage's voice, sorted by vantage."""
    frozen: bool = False
    """Too few fresh voices: the last belief stands."""
    flip_in_s: float = 0.0
    """How soon the first of the voices could change, see Voice; 0 while nobody is heard."""
    frozen_at: float | None = None
    """Monotonic seconds since when it is frozen; None when it is not, or was restored and not merged since."""
    local: tuple[LocalBelief, ...] = ()
    """What some vantages see otherwise, sorted by vantage."""
    back_in_s: float | None = None
    """Of what is down and answers again: from the last reading to when it is believed up, if all goes on so; 0 where
    nobody can tell yet. None for the rest."""

    @property
    def state(self) -> VerdictState:
        """Returns what is believed in one word, for people."""
        return state_among(self.belief, [voice.state for voice in self.votes if voice.counts])

    @property
    def said_by(self) -> frozenset[VantageName]:
        """Returns the vantages that say something of it now."""
        return saying(self.votes, self.local)


@dataclass(frozen=True, slots=True)
class Status:
    """What this node believes of every check that it watches."""

    checks: Mapping[CheckId, CheckStatus] = field(default_factory=dict)

    def belief(self, check: CheckId) -> Belief:
        """Returns what is believed of a check; UNKNOWN of one never heard of."""
        known = self.checks.get(check)
        return Belief.UNKNOWN if known is None else known.belief

    @property
    def frozen(self) -> tuple[CheckId, ...]:
        """Returns the checks whose last belief stands for want of fresh voices, sorted."""
        return tuple(sorted(check for check, status in self.checks.items() if status.frozen))


NO_STATUS = Status()


@dataclass(frozen=True, slots=True)
class Change:
    """One check that this node changed its mind about."""

    check: CheckId
    before: Belief
    after: CheckStatus

    def __str__(self) -> str:
        counted = [voice for voice in self.after.votes if voice.counts]
        agreeing = sum(voice.belief is self.after.belief for voice in counted)
        why = f"{self.after.reason.value} {self.after.detail}".strip()
        arrow = f"{self.before.name} -> {self.after.belief.name}"
        return f"check {self.check}: {arrow} ({agreeing} of {len(counted)} voices: {why})"


def merge(
    previous: Status,
    book: Book,
    watched: Mapping[CheckId, Freshness],
    quorum: Quorum,
    *,
    now: float,
    wall: float,
    quarantined: AbstractSet[NodeName] = frozenset(),
) -> Status:
    """Returns the status after hearing this book; checks that are no longer watched leave it."""
    heard = in_order(book.by_node.values())
    near = neighbours(positions(heard))
    return Status(
        {
            check: decided(
                previous.checks.get(check),
                voices_on(check, heard, freshness, quarantined=quarantined, now=now),
                quorum,
                now=now,
                wall=wall,
                near=near,
            )
            for check, freshness in watched.items()
        }
    )


def flipped(before: Status, after: Status) -> frozenset[CheckId]:
    """Returns the checks that are believed otherwise than before; empty when a plan need not change."""
    if before is after:
        return frozenset()
    was = before.checks
    # this runs at every merge over every check: the same object is the same belief, and costs no more to see
    touched = [check for check, one in after.checks.items() if was.get(check) is not one] + list(
        was.keys() - after.checks.keys()
    )
    return frozenset(check for check in touched if before.belief(check) is not after.belief(check))


def retimed(before: Status, after: Status) -> frozenset[CheckId]:
    """Returns the checks that could change sooner or later than they could before."""
    if before is after:
        return frozenset()
    was = before.checks
    return frozenset(
        check
        for check, one in after.checks.items()
        if (old := was.get(check)) is not one and (old is None or old.flip_in_s != one.flip_in_s)
    )


def changes(before: Status, after: Status) -> tuple[Change, ...]:
    """Returns the changes of mind about what is still watched, sorted; each is one line of the log."""
    return tuple(
        Change(check, before.belief(check), after.checks[check])
        for check in sorted(flipped(before, after))
        if check in after.checks
    )


_ODD = frozenset({VerdictState.DEGRADED, VerdictState.FLAPPING})


def turned_odd(before: Status, after: Status) -> tuple[CheckId, ...]:
    """Returns the checks that became degraded, or began to flap, sorted; one that goes on doing so is no news."""
    if before is after:
        return ()
    was = before.checks
    touched = [(check, one) for check, one in after.checks.items() if was.get(check) is not one]
    found = [
        check
        for check, one in touched
        if (state := one.state) in _ODD and ((old := was.get(check)) is None or old.state is not state)
    ]
    return tuple(sorted(found))


@dataclass(frozen=True, slots=True)
class LocalChange:
    """One vantage that began, or ceased, to see a check otherwise than the quorum."""

    check: CheckId
    vantage: VantageName
    belief: Belief
    """What it sees; or saw, where `is_over`."""
    after: CheckStatus
    is_over: bool

    def __str__(self) -> str:
        rest = self.after.belief.name
        if self.is_over:
            gone = f"{self.vantage} does not see it {self.belief.name} any more, or is not heard"
            return f"check {self.check}: {rest} everywhere; {gone}"
        [voice] = [voice for voice in self.after.votes if voice.vantage == self.vantage]
        why = f"{voice.reason.value} {voice.detail}".strip()
        whence = f"{self.vantage} ({voice.agreeing} probe{'s' if voice.agreeing > 1 else ''}: {why})"
        if voice.agreeing == 1 and self._is_shared:
            whence = f"{self.vantage} and from its neighbours ({why})"
        seen = f"{self.belief.name} as seen from {whence}"
        return f"check {self.check}: {seen}, {rest} elsewhere"

    @property
    def _is_shared(self) -> bool:
        """Returns whether another vantage sees the same; with `local_voters` 1, one probe alone is enough."""
        votes = self.after.votes
        return any(one.counts and one.belief is self.belief and one.vantage != self.vantage for one in votes)


def seen_otherwise(before: Status, after: Status) -> frozenset[CheckId]:
    """Returns the checks of which a vantage, or who stands in for it, sees something else than it did before."""
    if before is after:
        return frozenset()
    was = before.checks
    return frozenset(
        check
        for check, one in after.checks.items()
        if (old := was.get(check)) is not one and _is_seen_otherwise(old, one)
    )


def _is_seen_otherwise(before: CheckStatus | None, after: CheckStatus) -> bool:
    if before is None or not after.local:
        return after.local != (() if before is None else before.local)
    return before.local != after.local or before.said_by != after.said_by


def local_changes(before: Status, after: Status) -> tuple[LocalChange, ...]:
    """Returns what vantages see otherwise than before, sorted; each is one line of the log."""
    found = []
    for check in sorted(seen_otherwise(before, after)):
        now, old = after.checks[check], before.checks.get(check)
        was = () if old is None else old.local
        begun = [LocalChange(check, one.vantage, one.belief, now, is_over=False) for one in now.local if one not in was]
        over = [one for one in was if one.vantage not in {each.vantage for each in now.local}]
        found += [*begun, *(LocalChange(check, one.vantage, one.belief, now, is_over=True) for one in over)]
    return tuple(found)


def decided(
    last: CheckStatus | None,
    voices: tuple[Voice, ...],
    quorum: Quorum,
    *,
    now: float,
    wall: float,
    near: Neighbours = NO_NEIGHBOURS,
) -> CheckStatus:
    """Returns what is believed of one check after these voices."""
    before = CheckStatus(Belief.UNKNOWN, wall) if last is None else last
    counted = [voice for voice in voices if voice.counts]
    if not quorum.is_enough(voters=sum([voice.agreeing for voice in counted]), vantages=len(counted)):
        return _frozen(before, voices, quorum, now=now, wall=wall)
    ups = sum(voice.belief is Belief.UP for voice in counted)
    decision = decide(ups, len(counted) - ups, quorum.rule)
    belief = before.belief if decision is Belief.UNKNOWN else decision
    since = before.since if belief is before.belief else wall
    agreeing = [voice for voice in counted if voice.belief is belief]
    reason, detail = most_common(agreeing) if agreeing else (before.reason, before.detail)
    flip_in_s = soonest_s([voice.flip_in_s for voice in voices if voice.fresh and not voice.quarantined])
    local = local_beliefs(belief, counted, voters=quorum.local_voters, near=near)
    back_in_s = _back_in_s(counted, quorum.rule) if belief is Belief.DOWN else None
    return CheckStatus(belief, since, reason, detail, voices, flip_in_s=flip_in_s, local=local, back_in_s=back_in_s)


def _back_in_s(counted: Sequence[Voice], rule: Rule) -> float | None:
    """Returns how soon enough voices say up, if those whose last reading was good come back one after the other."""
    coming = sorted([voice.flip_in_s for voice in counted if voice.belief is Belief.DOWN and voice.reason is Reason.OK])
    ups = sum(voice.belief is Belief.UP for voice in counted)
    for more, flip_in_s in enumerate(coming, 1):
        if decide(ups + more, len(counted) - ups - more, rule) is Belief.UP:
            return flip_in_s
    return None


def _frozen(before: CheckStatus, voices: tuple[Voice, ...], quorum: Quorum, *, now: float, wall: float) -> CheckStatus:
    frozen_at = now if before.frozen_at is None else before.frozen_at
    if before.belief is Belief.UNKNOWN or now - frozen_at < quorum.stale_hold_s:
        said = (before.belief, before.since, before.reason, before.detail)
        return CheckStatus(*said, voices, frozen=True, frozen_at=frozen_at)
    words = f"no quorum for {quorum.stale_hold_s:g} s"
    return CheckStatus(Belief.UNKNOWN, wall, Reason.UNREAD, words, voices, frozen=True, frozen_at=frozen_at)
