"""Doubt (`correlated_failure`): when one service fails in several regions at once, for one reason, blame its check.

It is for sites with one service: a suspicion of the probes (correlated.py) needs unrelated services. It examines the
checks that were up and failed within one interval (and SETTLE_S):

    more than half of the service's checks failed, and each got an answer that the monitor does not want, and that
    clients may never see (evidence.py): a health path that is gone, another body
    or all of them failed, for one reason of whatever kind, and nothing else that this node knows of is up: then the
    probes may have lost their network
    and no one region explains it: of what is not in it, half failed too; and there are several
    -> doubt: these failures are not believed

    half of what failed is up again, or anything where it was no misfit  -> over; the rest at the pace of the budget
    HOLD_S have passed, and fresh voices still say the same of half      -> over, as confirmed; the same

Until so much has failed, no more than one region is taken out for such answers: the other checks wait for an interval,
and then are in doubt, or not (`may_be_doubted`).
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from gtm.health.belief import Belief
from gtm.health.consensus.status import CheckStatus, Status
from gtm.health.verdict.reading import Reason
from gtm.ids import CheckId, ServiceId
from gtm.plan.model import SteeredService
from gtm.plan.safety.correlated import explains, is_confirmed
from gtm.plan.safety.evidence import is_misfit
from gtm.plan.safety.shares import Shares
from gtm.zone.monitors.kinds.calculated import CalculatedSettings


@dataclass(frozen=True, slots=True)
class Doubt:
    """The state in which the check of one service is blamed, and its failed checks are not believed."""

    since: float
    """Monotonic seconds."""
    reason: Reason
    fell: Mapping[CheckId, float]
    """The checks that failed, with the time of each in monotonic seconds."""
    watched: int
    """How many of the service's checks were up before these failed."""
    is_misfit: bool

    @property
    def checks(self) -> frozenset[CheckId]:
        """Returns the checks of the service that are not believed."""
        return frozenset(self.fell)


Doubts = Mapping[ServiceId, Doubt]


def doubted(
    last: Doubts,
    failed: Iterable[CheckId],
    fallen: Mapping[CheckId, float],
    proposed: Status,
    shares: Shares,
    *,
    now: float,
) -> Doubts:
    """Returns the doubts after this status: those of `last` that are not over, and new ones.

    `failed` are the checks that went down just now. `fallen` has all that went down recently, with `failed`.
    """
    doubts = {}
    for name, doubt in last.items():
        steered = shares.services.get(name)
        if steered is not None and not _is_over(doubt, proposed, now=now):
            doubts[name] = _joined(doubt, steered, fallen, proposed)
    touched = dict.fromkeys(name for check in failed for name in shares.parts.get(check, ()))
    for name in touched:
        if name not in last:
            new = _new(shares.services[name], fallen, proposed, shares, now=now)
            if new is not None:
                doubts[name] = new
    return doubts


def unexplained(fallen: Mapping[CheckId, float], doubts: Doubts) -> Mapping[CheckId, float]:
    """Returns the recent failures without those of doubts by misfit: there the endpoint answered the probes."""
    explained = {check for doubt in doubts.values() if doubt.is_misfit for check in doubt.fell}
    return {check: at for check, at in fallen.items() if check not in explained} if explained else fallen


def may_be_doubted(steered: SteeredService, fallen: Mapping[CheckId, float], proposed: Status, shares: Shares) -> bool:
    """Returns whether the recent failures of a service that are misfits are in several regions."""
    if not _can_be_doubted(steered):
        return False
    failed = [check for check in _fallen_of(steered, fallen) if is_misfit(proposed.checks[check])]
    regions = [shares.felling.get(check, frozenset()) for check in failed]
    return bool(regions) and not frozenset.intersection(*regions)


def _is_over(doubt: Doubt, proposed: Status, *, now: float) -> bool:
    still = [check for check in doubt.fell if proposed.belief(check) is Belief.DOWN]
    if 2 * len(still) <= len(doubt.fell) or (not doubt.is_misfit and len(still) < len(doubt.fell)):
        return True
    return is_confirmed(still, proposed, held_s=now - doubt.since)


def _joined(doubt: Doubt, steered: SteeredService, fallen: Mapping[CheckId, float], proposed: Status) -> Doubt:
    more = {
        check: at
        for check, at in _fallen_of(steered, fallen).items()
        if check not in doubt.fell and _class(proposed.checks[check]) == (doubt.reason, doubt.is_misfit)
    }
    return replace(doubt, fell={**doubt.fell, **more}) if more else doubt


def _class(known: CheckStatus) -> tuple[Reason, bool]:
    return known.reason, is_misfit(known)


def _new(
    steered: SteeredService, fallen: Mapping[CheckId, float], proposed: Status, shares: Shares, *, now: float
) -> Doubt | None:
    if not _can_be_doubted(steered):
        return None
    fell = _fallen_of(steered, fallen)
    was_up = fell.keys() | {
        own_check for own_check in steered.checks if own_check is not None and proposed.belief(own_check) is Belief.UP
    }
    if 2 * len(fell) <= len(was_up):
        return None
    classes = Counter(_class(proposed.checks[check]) for check in fell)
    [((reason, misfit), _)] = classes.most_common(1)
    alike = {check: at for check, at in fell.items() if _class(proposed.checks[check]) == (reason, misfit)}
    if reason is Reason.UNREAD or 2 * len(alike) <= len(was_up):
        return None
    if not misfit and (len(alike) < len(was_up) or any(proposed.belief(check) is Belief.UP for check in shares.parts)):
        return None
    regions = {region for check in was_up for region in shares.felling.get(check, ())}
    if len(regions) < 2 or any(explains(region, alike.keys(), was_up, shares) for region in regions):
        return None
    return Doubt(now, reason, alike, len(was_up), misfit)


def _can_be_doubted(steered: SteeredService) -> bool:
    monitor = steered.service.monitor
    if monitor is None or isinstance(monitor.settings, CalculatedSettings):
        return False
    return steered.service.safety.correlated_failure


def _fallen_of(steered: SteeredService, fallen: Mapping[CheckId, float]) -> dict[CheckId, float]:
    return {check: fallen[check] for check in steered.checks if check is not None and check in fallen}
