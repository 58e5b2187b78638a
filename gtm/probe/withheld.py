"""Withheld checks: the checks that this probe's own node file does not permit, and why.

What comes in: readings, or checks that were not made yet. What goes out: the reasons, each with the number of its
checks and one example; the commonest first, at most MAX_REASONS, however many checks there are.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from gtm.checks.model import Check
from gtm.errors import NotPermitted
from gtm.health.verdict.reading import Reading
from gtm.ids import CheckId
from gtm.probe.permits import Permits, check_permits

MAX_REASONS = 20
"""Most reasons in a summary: more than people read at once; the log has each check."""


@dataclass(frozen=True, slots=True)
class Withheld:
    """One reason why checks are not made here, with their number and an example."""

    reason: str
    checks: int
    example: CheckId

    def __str__(self) -> str:
        others = f" and {self.checks - 1} more" if self.checks > 1 else ""
        return f"{self.example}{others} cannot be checked from here: {self.reason}"


class WithheldChecks:
    """Stores which checks were withheld at their last reading. It has state: these checks, and the reasons."""

    def __init__(self) -> None:
        self._reasons: dict[CheckId, str] = {}

    def take(self, check: CheckId, reading: Reading) -> None:
        """Stores or removes a check, depending on whether its reading was withheld."""
        if reading.is_withheld:
            self._reasons[check] = reading.detail
        else:
            self._reasons.pop(check, None)

    def watch(self, checks: Iterable[Check]) -> None:
        """Removes all checks that are not among these."""
        watched = {check.id for check in checks}
        self._reasons = {check: reason for check, reason in self._reasons.items() if check in watched}

    def summary(self) -> tuple[Withheld, ...]:
        """Returns the reasons with their numbers of checks, the commonest first."""
        return summed(self._reasons)


def foreseen(checks: Iterable[Check], permits: Permits) -> tuple[Withheld, ...]:
    """Returns the reasons why a node with these permits will never make some of the checks.

    Host names are not resolved for this, so refused addresses behind them do not count.
    """
    reasons = {}
    for check in checks:
        try:
            check_permits(check, permits)
        except NotPermitted as refused:
            reasons[check.id] = str(refused)
    return summed(reasons)


def summed(reasons: Mapping[CheckId, str]) -> tuple[Withheld, ...]:
    """Returns the reasons with their numbers of checks, the commonest first."""
    by_reason: dict[str, list[CheckId]] = {}
    for check, reason in reasons.items():
        by_reason.setdefault(reason, []).append(check)
    rows = [Withheld(reason, len(checks), min(checks)) for reason, checks in by_reason.items()]
    return tuple(sorted(rows, key=lambda row: (-row.checks, row.example))[:MAX_REASONS])
