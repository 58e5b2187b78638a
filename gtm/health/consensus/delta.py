"""The delta of the status: what a merge changed, computed once for all parts that need it.

What comes in: the status before and after a merge. What goes out: None where nothing changed, else one frozen value.
The two are compared once; each property below is computed from the checks that differ, when it is first used.

    flipped         another belief                         safety, answers, log, events
    local           another local belief of some vantage   answers, log, events
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
    """One vantage that began, or ceased, to have a local belief of a check: one that differs from the quorum's."""

    check: CheckId
    vantage: VantageName
    belief: Belief
    """The local belief of the vantage; the former one if `is_over`."""
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
        """Returns whether another vantage has the same belief; with `local_voters` 1, one probe alone is enough."""
        votes = self.after.votes
        return any(vote.counts and vote.belief is self.belief and vote.vantage != self.vantage for vote in votes)


_ODD = frozenset({VerdictState.DEGRADED, VerdictState.FLAPPING})


@dataclass(frozen=True, eq=False)
class StatusDelta:
    """The differences between a status and the next one. Use `between` to make it."""

    before: Status
    after: Status
    touched: tuple[CheckId, ...] = field(repr=False)
    """The checks with any difference, even only the age of a vote; and those that are not watched any more."""

    @classmethod
    def between(
        cls, before: Status, after: Status, *, among: Collection[CheckId] | None = None
    ) -> "StatusDelta | None":
        """Returns the delta of two statuses, None where both are the same object.

        `among` has the only checks that may differ, where the caller knows them; None: any check.
        """
        if before is after:
            return None
        was, now = before.checks, after.checks
        if among is not None:
            return cls(before, after, tuple(among))
        # every merge walks over every check: comparing objects by identity is the cheapest test
        touched = [check for check, status in now.items() if was.get(check) is not status]
        return cls(before, after, (*touched, *(was.keys() - now.keys())))

    @cached_property
    def flipped(self) -> frozenset[CheckId]:
        """Returns the checks whose belief changed."""
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
        """Returns the checks whose local beliefs changed, or, while they have some, the vantages that say something."""
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
        """Returns the checks whose services must be decided again: another belief, or another local belief."""
        return self.flipped | self.local

    @cached_property
    def retimed(self) -> frozenset[CheckId]:
        """Returns the checks whose `flip_in_s` changed: the earliest time at which their belief could change."""
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
        """Returns the changes of local beliefs, sorted by check; each is one line of the log."""
        differences: list[LocalChange] = []
        for check in sorted(self.local):
            old = self.before.checks.get(check)
            differences += _local_changes(check, () if old is None else old.local, self.after.checks[check])
        return tuple(differences)

    @cached_property
    def turned_odd(self) -> tuple[CheckId, ...]:
        """Returns the checks that became degraded or began to flap with this merge, sorted."""
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
