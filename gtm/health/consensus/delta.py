"""The delta of the status: what a merge changed, worked out once for everybody who follows it.

What comes in: the status before and after a merge. What goes out: None where nothing changed, else one frozen value.
The two are walked through once; each answer is worked out from the checks that differ, at the first question.

    flipped         another belief                         safety, answers, log, events
    local           seen otherwise from some vantage       answers, log, events
    retimed         may flip sooner or later than before   TTLs
    turned_odd      began to be degraded or to flap        log, events
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from functools import cached_property

from gtm.health.belief import Belief
from gtm.health.consensus.local_view import LocalBelief
from gtm.health.consensus.status import CheckStatus, Status
from gtm.health.verdict.verdict import VerdictState
from gtm.ids import CheckId, VantageName


@dataclass(frozen=True, slots=True)
class Change:
    """One check whose belief changed at this node."""

    check: CheckId
    before: Belief
    after: CheckStatus

    def __str__(self) -> str:
        counted = [voice for voice in self.after.votes if voice.counts]
        agreeing = sum(voice.belief is self.after.belief for voice in counted)
        why = f"{self.after.reason.value} {self.after.detail}".strip()
        arrow = f"{self.before.name} -> {self.after.belief.name}"
        return f"check {self.check}: {arrow} ({agreeing} of {len(counted)} voices: {why})"


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
        return any(vote.counts and vote.belief is self.belief and vote.vantage != self.vantage for vote in votes)


_ODD = frozenset({VerdictState.DEGRADED, VerdictState.FLAPPING})


@dataclass(frozen=True, eq=False)
class StatusDelta:
    """What differs between two statuses, of which the second follows the first. `between` makes it."""

    before: Status
    after: Status
    touched: tuple[CheckId, ...] = field(repr=False)
    """The checks of which anything is new, the age of a vote too; and those that are not watched any more."""

    @classmethod
    def between(
        cls, before: Status, after: Status, *, among: Collection[CheckId] | None = None
    ) -> "StatusDelta | None":
        """Returns the delta of two statuses, None where both are the same object.

        `among` names the only checks that may differ, where the caller knows them.
        """
        if before is after:
            return None
        was, now = before.checks, after.checks
        if among is not None:
            return cls(before, after, tuple(among))
        # every merge walks over every check: the same object is the same belief, and costs no more to see
        touched = [check for check, status in now.items() if was.get(check) is not status]
        return cls(before, after, (*touched, *(was.keys() - now.keys())))

    @cached_property
    def flipped(self) -> frozenset[CheckId]:
        """Returns the checks that are believed otherwise than before."""
        was, now, unknown = self.before.checks, self.after.checks, Belief.UNKNOWN
        return frozenset(
            [
                check
                for check in self.touched  # there may be thousands: a call for each would take most of the time
                if (old.belief if (old := was.get(check)) else unknown)
                is not (new.belief if (new := now.get(check)) else unknown)
            ]
        )

    @cached_property
    def local(self) -> frozenset[CheckId]:
        """Returns the checks of which a vantage, or the one that stands in for it, sees something else than before."""
        was, now = self.before.checks, self.after.checks
        return frozenset(
            [
                check
                for check in self.touched
                if (new := now.get(check))
                and (new.local or ((old := was.get(check)) and old.local))
                and _is_seen_otherwise(was.get(check), new)
            ]
        )

    @cached_property
    def redecided(self) -> frozenset[CheckId]:
        """Returns the checks whose services are decided again: another belief, or another local one."""
        return self.flipped | self.local

    @cached_property
    def retimed(self) -> frozenset[CheckId]:
        """Returns the checks that could change sooner or later than they could before."""
        was, now = self.before.checks, self.after.checks
        return frozenset(
            [
                check
                for check in self.touched
                if (new := now.get(check)) and ((old := was.get(check)) is None or old.flip_in_s != new.flip_in_s)
            ]
        )

    @cached_property
    def changes(self) -> tuple[Change, ...]:
        """Returns the changes of checks that are still watched, sorted; each is one line of the log."""
        now = self.after.checks
        return tuple(
            Change(check, self.before.belief(check), now[check]) for check in sorted(self.flipped) if check in now
        )

    @cached_property
    def local_changes(self) -> tuple[LocalChange, ...]:
        """Returns the changes of what vantages see differently from the quorum, sorted; each is one line of the log."""
        differences: list[LocalChange] = []
        for check in sorted(self.local):
            old = self.before.checks.get(check)
            differences += _local_changes(check, () if old is None else old.local, self.after.checks[check])
        return tuple(differences)

    @cached_property
    def turned_odd(self) -> tuple[CheckId, ...]:
        """Returns the checks that became degraded, or began to flap, sorted; one that goes on doing so is no news."""
        was, now = self.before.checks, self.after.checks
        return tuple(
            sorted(
                check
                for check in self.touched
                if (new := now.get(check))
                and (state := new.state) in _ODD
                and ((old := was.get(check)) is None or old.state is not state)
            )
        )


def _is_seen_otherwise(before: CheckStatus | None, after: CheckStatus) -> bool:
    if before is None or not after.local:
        return after.local != (() if before is None else before.local)
    return before.local != after.local or before.said_by != after.said_by


def _local_changes(check: CheckId, was: tuple[LocalBelief, ...], now: CheckStatus) -> Iterable[LocalChange]:
    seen = {local.vantage for local in now.local}
    yield from (
        LocalChange(check, local.vantage, local.belief, now, is_over=False) for local in now.local if local not in was
    )
    yield from (
        LocalChange(check, local.vantage, local.belief, now, is_over=True) for local in was if local.vantage not in seen
    )
