"""Blame: the text of a suspicion or a doubt: what failed, how fast, for which reason, and what helps.

What comes in: checks, when they fell and why. What goes out: words, and the same as facts for events and metrics.

    all 7 checks of 4 regions of api.gtm.example.com failed within 3 s, all HTTP 404: suspect the check
    8 of 12 checks of 2 regions, of 4 services, failed within 1 s, all timeout: suspect the probes or their network
"""

import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from gtm.health.consensus.status import CheckStatus, Status
from gtm.ids import CheckId, ServiceId
from gtm.plan.safety.shares import Shares

CHECK, CHECKS, PROBES = "the check", "the checks", "the probes or their network"

_STATUS = re.compile(r"HTTP [0-9]{3}(, wanted [0-9a-z -]{1,40})?")
"""The details that are repeated. Others may quote what endpoints answer, which is not for alerts; and where that is
another text each time, each would be a new series of metrics."""


@dataclass(frozen=True, slots=True)
class Failure:
    """The number of checks that failed at once, their regions, time and reason."""

    failed: int
    watched: int
    """How many checks were up before."""
    regions: int
    within_s: int
    """From the first to the last failure, in whole seconds, and at least 1."""
    reason: str
    """The reason of all failures, in short; of most of them when they differ."""
    is_of_all: bool
    """Whether all failures have this reason."""

    def words(self, whose: str) -> str:
        """Returns the failure in words; `whose` is a text that is put after the regions."""
        count = (
            f"all {self.failed} checks" if self.failed == self.watched else f"{self.failed} of {self.watched} checks"
        )
        where = "1 region" if self.regions == 1 else f"{self.regions} regions"
        how = "all" if self.is_of_all else "mostly"
        return f"{count} of {where}{whose} failed within {self.within_s} s, {how} {self.reason}"

    def facts(self, suspect: str, *, held_s: float) -> dict[str, float | str]:
        """Returns the failure as facts for events and metrics; `held_s` is how long it has not been believed."""
        return {
            "failed": self.failed,
            "watched": self.watched,
            "regions": self.regions,
            "within_s": self.within_s,
            "reason": self.reason,
            "suspect": suspect,
            "held_s": round(held_s, 1),
        }


def failure(fell: Mapping[CheckId, float], watched: int, proposed: Status, shares: Shares) -> Failure:
    """Returns the Failure of these checks; `fell` has their times, `watched` how many were up before."""
    reason, is_of_all = _reason([proposed.checks[check] for check in fell if check in proposed.checks])
    parts = (part for check in fell for part in shares.parts.get(check, {}).values())
    regions = {endpoint_ref.region for part in parts for endpoint_ref in part.endpoint_refs}
    took_s = max(fell.values(), default=0.0) - min(fell.values(), default=0.0)
    return Failure(len(fell), watched, len(regions), max(1, math.ceil(took_s)), reason, is_of_all)


def _reason(known: Iterable[CheckStatus]) -> tuple[str, bool]:
    """Returns the reason: a status that all share, a reason that all share, or the reason of most."""
    details, reasons = dict[str, int](), dict[str, int]()
    for status in known:
        details[status.detail] = details.get(status.detail, 0) + 1
        reasons[status.reason.value] = reasons.get(status.reason.value, 0) + 1
    if len(details) == 1 and len(reasons) == 1:
        [detail], [reason] = details, reasons
        return (detail if _STATUS.fullmatch(detail) else reason), True
    most = max(reasons, key=lambda reason: (reasons[reason], reason), default="unread")
    return most, len(reasons) == 1


def obeying(scope: str) -> str:
    """Returns a text with the command by which a person makes the checks of a scope count."""
    return f"if it is really down, `gtm obey {scope} --override-rule correlated_failure` believes the checks"


def helping(service: ServiceId) -> str:
    """Returns a text that says what a person can do when the check of a service is blamed."""
    return (
        f"if it is well, mend the check, and `gtm up {service} --why TEXT` keeps it in until then; {obeying(service)}"
    )
