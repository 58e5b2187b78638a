"""Withheld checks: what this probe's own node file keeps it from checking, and why.

What comes in: readings, or checks that nobody has made yet. What goes out: the reasons, each with how many checks it
keeps and one of them; the commonest first, and no more than MAX_REASONS, however many checks there are.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from gtm.checks.model import Check
from gtm.errors import NotPermitted
from gtm.health.verdict.reading import Reading
from gtm.ids import CheckId
from gtm.probe.permits import Permits, check_permits

MAX_REASONS = 20
"""More than people read at once; the log has each check."""


@dataclass(frozen=True, slots=True)
class Withheld:
    """One reason why checks are not made here."""

    reason: str
    checks: int
    example: CheckId

    def __str__(self) -> str:
        others = f" and {self.checks - 1} more" if self.checks > 1 else ""
        return f"{self.example}{others} cannot be checked from here: {self.reason}"


class WithheldChecks:
    """Remembers which checks were withheld when they were last read. It has state: those, and why."""

    def __init__(self) -> None:
        self._reasons: dict[CheckId, str] = {}

    def take(self, check: CheckId, reading: Reading) -> None:
        """Takes a reading of a check."""
        if reading.is_withheld:
            self._reasons[check] = reading.detail
        else:
            self._reasons.pop(check, None)

    def watch(self, checks: Iterable[Check]) -> None:
        """Forgets what is no longer watched."""
        watched = {check.id for check in checks}
        self._reasons = {check: reason for check, reason in self._reasons.items() if check in watched}

    def summary(self) -> tuple[Withheld, ...]:
        """Returns the reasons."""
        return summed(self._reasons)


def foreseen(checks: Iterable[Check], permits: Permits) -> tuple[Withheld, ...]:
    """Returns the checks that a node with these permits will never make, as far as names tell."""
    reasons = {}
    for check in checks:
        try:
            check_permits(check, permits)
        except NotPermitted as refused:
            reasons[check.id] = str(refused)
    return summed(reasons)


def summed(reasons: Mapping[CheckId, str]) -> tuple[Withheld, ...]:
    """Returns the reasons with their counts, the commonest first."""
    by_reason: dict[str, list[CheckId]] = {}
    for check, reason in reasons.items():
        by_reason.setdefault(reason, []).append(check)
    rows = [Withheld(reason, len(checks), min(checks)) for reason, checks in by_reason.items()]
    return tuple(sorted(rows, key=lambda row: (-row.checks, row.example))[:MAX_REASONS])
