"""Holds: for how long safety rules may keep a dead endpoint in the answers, worked out from the zone files.

What comes in: a service, the shares of all zones, and a fault. What goes out: each rule that keeps dead endpoints up,
with its longest time. The times follow upon each other, so they add up:

    correlated_failure             HOLD_S, if the fault looks like a mistake of the probes
                                   (gtm/plan/safety/correlated.py decides), and an interval more: what went down within
                                   the interval before is answered again
    max_share_removed_per_minute   what goes down with it, beyond what may go at once, at so much a minute: as if this
                                   service were the last in the queue. Of a service that fails open the last to go down
                                   is not waited for: then nothing of it is up, and nothing is held. And an interval, if
                                   more may fail, or was down (gtm/plan/safety/rules.py, a grace)
    at_least                       no limit: until others serve again, or nothing does

What one monitor sees of a fault counts as found out at once. `min_healthy` takes out more than the checks do, and holds
nothing. What comes back and fails again meanwhile waits behind the others, so that nobody waits for longer by it.
"""

import math
from collections import defaultdict
from collections.abc import Iterator, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass

from gtm.health.belief import Belief
from gtm.health.consensus.status import CheckStatus, Status
from gtm.health.override.override import SafetyRule
from gtm.health.verdict.reading import Reason
from gtm.ids import CheckId
from gtm.plan.faults import Fault, Watched, everything, single_faults
from gtm.plan.model import SteeredService
from gtm.plan.overlay import NO_OVERLAY
from gtm.plan.safety.all_down import FAILS_OPEN
from gtm.plan.safety.correlated import HOLD_S, recent_s, suspected
from gtm.plan.safety.minimums import serving_regions, wanted_regions
from gtm.plan.safety.rules import UNLIMITED
from gtm.plan.safety.shares import Shares
from gtm.plan.safety.suspect_check import doubted

ON_ALL_DOWN = "on_all_down"

_ROUNDING_S = 1e-6


@dataclass(frozen=True, slots=True)
class Hold:
    """A rule, and how long it may keep a dead endpoint in the answers."""

    rule: str
    """A safety rule's name, or `on_all_down`."""
    seconds: float
    """Infinite when only a recovery or a person ends it."""
    when: str


def holds_of_one_fault(steered: SteeredService, shares: Shares, watched: Watched) -> tuple[Hold, ...]:
    """Returns the rules that may keep a dead endpoint up after a single fault.

    They are those of the fault with the longest sum; empty when there are none.
    """
    faults = single_faults(steered, shares.services, watched)
    holds_by_fault = [tuple(_holds(steered, fault, shares, watched)) for fault in faults]
    return max(holds_by_fault, key=lambda holds: math.fsum(hold.seconds for hold in holds), default=())


def possible_holds(steered: SteeredService, shares: Shares, watched: Watched) -> tuple[Hold, ...]:
    """Returns the rules that may keep a dead endpoint up when several things fail, each with its longest time."""
    return tuple(_possible(steered, shares, watched))


def _holds(steered: SteeredService, fault: Fault, shares: Shares, watched: Watched) -> Iterator[Hold]:
    after = _after(fault, watched)
    if _is_suspected(steered, fault, shares, after):
        seconds = HOLD_S + (0.0 if _is_found_at_once(fault, watched) else _given_back_s(steered, shares))
        yield Hold(SafetyRule.CORRELATED.value, seconds, f"where {fault.name}: the probes are blamed for so long")
    queue = _queue(steered, fault.fallen, shares)
    if queue.waits_s:
        message = f"where {fault.name}: {queue.share:.0%} of {queue.budget} at once, and {queue.pace}"
        yield Hold(SafetyRule.MAX_SHARE.value, queue.waits_s, message)
    serving, wanted = serving_regions(steered, after, NO_OVERLAY), wanted_regions(steered)
    if 0 < len(serving) < wanted:
        message = f"where {fault.name}: fewer than {wanted} regions would serve, so it stays as long as the others do"
        yield Hold(SafetyRule.AT_LEAST.value, math.inf, message)


def _possible(steered: SteeredService, shares: Shares, watched: Watched) -> Iterator[Hold]:
    fault = everything(watched)
    if _is_suspected(steered, fault, shares, _after(fault, watched)):
        message = "more than half of its checks fail within an interval, or of all checks, in unrelated services"
        yield Hold(SafetyRule.CORRELATED.value, HOLD_S + _given_back_s(steered, shares), message)
    queue, grace_s = _queue(steered, fault.fallen, shares), _grace_s(steered, fault.fallen, shares)
    if queue.waits_s or grace_s:
        message = f"more of {queue.budget} fails within minutes: {queue.pace}"
        message += f", {grace_s:g} s later if checks may be wrong" if grace_s else ""
        yield Hold(SafetyRule.MAX_SHARE.value, queue.waits_s + grace_s, message)
    wanted = wanted_regions(steered)
    if wanted > 1:
        message = (
            f"fewer than {wanted} of its regions would serve: the next one to fail stays as long as the others serve"
        )
        yield Hold(SafetyRule.AT_LEAST.value, math.inf, message)
    yield from _fails_open(steered, shares, watched)


def _fails_open(steered: SteeredService, shares: Shares, watched: Watched) -> Iterator[Hold]:
    """Yields the hold of `on_all_down`, if the service fails open; its text names a single fault that is enough."""
    service = steered.service
    if service.on_all_down not in FAILS_OPEN:
        return
    faults = single_faults(steered, shares.services, watched)
    alone = [fault for fault in faults if not serving_regions(steered, _after(fault, watched), NO_OVERLAY)]
    message = f"nothing of it is up{f', as where {alone[0].name}' if alone else ''}: {service.on_all_down.value}"
    yield Hold(ON_ALL_DOWN, math.inf, message)


def _is_suspected(steered: SteeredService, fault: Fault, shares: Shares, after: Status) -> bool:
    """Returns whether a fault looks like a mistake of the probes or the check, if all its checks fail at once."""
    if not steered.service.safety.correlated_failure:
        return False
    fallen = dict.fromkeys(fault.fallen, 0.0)
    suspicion = suspected(None, fallen, after, shares, now=0.0)
    if suspicion is not None and any(suspicion.blames(steered, check) for check in steered.checks if check):
        return True
    return steered.id in doubted({}, fault.fallen, fallen, after, shares, now=0.0)


def _is_found_at_once(fault: Fault, watched: Watched) -> bool:
    """Returns whether all checks of a fault have one monitor, so that they fail at about the same time."""
    return len({watched[check].monitor for check in fault.fallen if not watched[check].parts}) == 1


def _given_back_s(steered: SteeredService, shares: Shares) -> float:
    """Returns for how many seconds back a suspicion also covers checks of the service that went down before it."""
    return max(recent_s(shares, check) for check in steered.checks if check is not None)


@dataclass(frozen=True, slots=True)
class _Queue:
    """The most that may wait for a budget before the last endpoint of a service, for one record type."""

    budget: str
    share: float = 0.0
    capacity: float = 0.0
    limit: float = UNLIMITED

    @property
    def waits_s(self) -> float:
        """Returns the seconds until the budget has paid for all of it."""
        if self.limit >= UNLIMITED:
            return 0.0
        seconds = 60 * (self.share - self.capacity) / self.limit
        return seconds if seconds > _ROUNDING_S else 0.0

    @property
    def pace(self) -> str:
        return f"{self.capacity:.0%} may go at once, the rest at {self.limit:.0%} a minute"


def _queue(steered: SteeredService, failed: AbstractSet[CheckId], shares: Shares) -> _Queue:
    """Returns the queue after these checks have failed, for the record type that waits longest."""
    name = shares.budget_of[steered.id]
    budget, mine = shares.budgets[name], _of_kinds(steered, failed, shares)
    waiting: defaultdict[int, float] = defaultdict(float)
    for service in [service for service, where in shares.budget_of.items() if where == name]:
        for rtype, share in _unpaid(shares.services[service], failed, shares).items():
            waiting[rtype] += share
    types = {
        rtype
        for kind, checks in mine.items()
        if len(checks) > 1 or not _is_let_go(steered, kind, failed)
        for check in checks
        for rtype in shares.parts[check][steered.id].types
    }
    queues = [_Queue(name, waiting[rtype], budget.capacity[rtype], budget.limit) for rtype in sorted(types)]
    return max(queues, key=lambda queue: queue.waits_s, default=_Queue(name))


def _unpaid(steered: SteeredService, failed: AbstractSet[CheckId], shares: Shares) -> Mapping[int, float]:
    """Returns the share of a service that the budget must pay for when these checks failed, by record type."""
    amounts: defaultdict[int, float] = defaultdict(float)
    for kind, checks in _of_kinds(steered, failed, shares).items():
        parts = [shares.parts[check][steered.id] for check in checks]
        least = min(part.share for part in parts) if _is_let_go(steered, kind, failed) else 0.0
        for rtype in parts[0].types:
            amounts[rtype] += math.fsum(part.share for part in parts) - least
    return amounts


def _of_kinds(
    steered: SteeredService, failed: AbstractSet[CheckId], shares: Shares
) -> Mapping[int, frozenset[CheckId]]:
    """Returns the failed checks of a service by the record type of their endpoints, without checks of share 0."""
    failed_checks: defaultdict[int, set[CheckId]] = defaultdict(set)
    for check, kind in zip(steered.checks, steered.service_shape.kinds, strict=True):
        if check in failed and check is not None and shares.parts[check][steered.id].share > 0:
            failed_checks[kind].add(check)
    return {kind: frozenset(checks) for kind, checks in failed_checks.items()}


def _is_let_go(steered: SteeredService, kind: int, failed: AbstractSet[CheckId]) -> bool:
    """Returns whether all regular endpoints of a record type failed in a service that fails open.

    Then they are answered by `on_all_down`, and no safety rule holds them.
    """
    ends = zip(steered.service.endpoints, steered.service_shape.kinds, steered.checks, strict=True)
    mine = [check for end, its_kind, check in ends if its_kind == kind and not end.last_resort]
    return steered.service.on_all_down in FAILS_OPEN and all(check in failed for check in mine)


def _grace_s(steered: SteeredService, failed: AbstractSet[CheckId], shares: Shares) -> float:
    """Returns the further seconds for which the rules may keep a failed endpoint up (a grace).

    0 when the budget has no limit, or no record type has several failed checks.
    """
    limit = shares.budgets[shares.budget_of[steered.id]].limit
    if limit >= UNLIMITED or all(len(checks) < 2 for checks in _of_kinds(steered, failed, shares).values()):
        return 0.0
    return _given_back_s(steered, shares)


def _after(fault: Fault, watched: Watched) -> Status:
    beliefs = {check: Belief.DOWN if check in fault.fallen else Belief.UP for check in watched}
    return Status({check: CheckStatus(belief, 0.0, Reason.TIMEOUT) for check, belief in beliefs.items()})
