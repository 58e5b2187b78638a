"""Holds: for how long the rules of safety may keep what is dead in the answers, worked out from the zone files.

What comes in: a service, the shares of all zones, and a fault. What goes out: each rule that stands in its way, with
the longest hold. They follow upon each other, so they add up:

    correlated_failure             HOLD_S, if the fault looks like a mistake of the probes (suspicion.py decides), and
                                   an interval more: what went down so long before is given back
    max_share_removed_per_minute   what goes down with it, beyond what may go at once, at so much a minute: as if this
                                   service were the last in the queue
    at_least                       no limit: until others serve again, or nothing does

What one monitor sees of a fault counts as found out at once. `min_healthy` takes out more than the checks do, and holds
nothing. What comes back and fails again meanwhile waits behind the others, so that nobody waits for longer by it.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass

from gtm.health.belief import Belief
from gtm.health.override import SafetyRule
from gtm.health.reading import Reason
from gtm.health.status import CheckStatus, Status
from gtm.plan.doubt import doubted
from gtm.plan.enough import serving_regions, wanted_regions
from gtm.plan.faults import Fault, Watched, everything, single_faults
from gtm.plan.guidance import NO_GUIDANCE
from gtm.plan.model import SteeredService
from gtm.plan.safety import UNLIMITED
from gtm.plan.shares import Shares
from gtm.plan.suspicion import HOLD_S, recent_s, suspected
from gtm.zone.model import OnAllDown

ON_ALL_DOWN = "on_all_down"

_ROUNDING_S = 1e-6


@dataclass(frozen=True, slots=True)
class Hold:
    """A rule, and how long it may keep what is dead in the answers."""

    rule: str
    """A safety rule's name, or `on_all_down`."""
    seconds: float
    """Infinite: for as long as it lasts."""
    when: str


def holds_of_one_fault(steered: SteeredService, shares: Shares, watched: Watched) -> tuple[Hold, ...]:
    """Returns what may hold what is dead although only one thing died: of the fault that is held the longest."""
    faults = single_faults(steered, shares.services, watched)
    found = [tuple(_holds(steered, fault, shares, watched)) for fault in faults]
    return max(found, key=lambda holds: math.fsum(hold.seconds for hold in holds), default=())


def possible_holds(steered: SteeredService, shares: Shares, watched: Watched) -> tuple[Hold, ...]:
    """Returns what may hold what is dead when more fails: the longest hold of each rule."""
    return tuple(_possible(steered, shares, watched))


def _holds(steered: SteeredService, fault: Fault, shares: Shares, watched: Watched) -> Iterator[Hold]:
    after = _after(fault, watched)
    if _is_suspected(steered, fault, shares, after):
        seconds = HOLD_S + (0.0 if _is_found_at_once(fault, watched) else _given_back_s(steered, shares))
        yield Hold(SafetyRule.CORRELATED.value, seconds, f"where {fault.name}: the probes are blamed for so long")
    waits_s, share = _waits_s(steered, fault, shares), _carried(steered, fault, shares)
    if waits_s:
        name = shares.budget_of[steered.id]
        words = f"where {fault.name}: {share:.0%} of {name} at once, and {_pace(steered, shares)}"
        yield Hold(SafetyRule.MAX_SHARE.value, waits_s, words)
    serving, wanted = serving_regions(steered, after, NO_GUIDANCE), wanted_regions(steered)
    if 0 < len(serving) < wanted:
        words = f"where {fault.name}: fewer than {wanted} regions would serve, so it stays as long as the others do"
        yield Hold(SafetyRule.AT_LEAST.value, math.inf, words)


def _possible(steered: SteeredService, shares: Shares, watched: Watched) -> Iterator[Hold]:
    fault = everything(watched)
    if _is_suspected(steered, fault, shares, _after(fault, watched)):
        words = "more than half of its checks fail within an interval, or of all checks, in unrelated services"
        yield Hold(SafetyRule.CORRELATED.value, HOLD_S + _given_back_s(steered, shares), words)
    waits_s = _waits_s(steered, fault, shares)
    if waits_s:
        words = f"more of {shares.budget_of[steered.id]} fails within minutes: {_pace(steered, shares)}"
        yield Hold(SafetyRule.MAX_SHARE.value, waits_s, words)
    wanted = wanted_regions(steered)
    if wanted > 1:
        words = (
            f"fewer than {wanted} of its regions would serve: the next one to fail stays as long as the others serve"
        )
        yield Hold(SafetyRule.AT_LEAST.value, math.inf, words)
    yield from _fails_open(steered, shares, watched)


def _fails_open(steered: SteeredService, shares: Shares, watched: Watched) -> Iterator[Hold]:
    """Yields that what is dead is answered where nothing is up, if the zone says so; and whether one fault does it."""
    service = steered.service
    if service.on_all_down not in {OnAllDown.SERVE_ALL, OnAllDown.SERVE_LAST_GOOD}:
        return
    faults = single_faults(steered, shares.services, watched)
    alone = [fault for fault in faults if not serving_regions(steered, _after(fault, watched), NO_GUIDANCE)]
    words = f"nothing of it is up{f', as where {alone[0].name}' if alone else ''}: {service.on_all_down.value}"
    yield Hold(ON_ALL_DOWN, math.inf, words)


def _is_suspected(steered: SteeredService, fault: Fault, shares: Shares, after: Status) -> bool:
    """Returns whether a fault that is found out at once looks like a mistake of the probes, or of the check."""
    if not steered.service.safety.correlated_failure:
        return False
    fallen = dict.fromkeys(fault.fallen, 0.0)
    suspicion = suspected(None, fallen, after, shares, now=0.0)
    if suspicion is not None and any(suspicion.blames(steered, check) for check in steered.checks if check):
        return True
    return steered.id in doubted({}, fault.fallen, fallen, after, shares, now=0.0)


def _is_found_at_once(fault: Fault, watched: Watched) -> bool:
    """Returns whether one monitor sees all of a fault, so that nothing of it is found out much later than the rest."""
    return len({watched[check].monitor for check in fault.fallen if not watched[check].parts}) == 1


def _given_back_s(steered: SteeredService, shares: Shares) -> float:
    """Returns how long before a suspicion the service may have gone down, and is in the answers again."""
    return max(recent_s(shares, check) for check in steered.checks if check is not None)


def _waits_s(steered: SteeredService, fault: Fault, shares: Shares) -> float:
    """Returns how long it takes until the budget has paid for all of a fault."""
    budget = shares.budgets[shares.budget_of[steered.id]]
    if budget.limit >= UNLIMITED:
        return 0.0
    seconds = 60 * (_carried(steered, fault, shares) - budget.capacity) / budget.limit
    return seconds if seconds > _ROUNDING_S else 0.0


def _carried(steered: SteeredService, fault: Fault, shares: Shares) -> float:
    """Returns how much of the service's budget goes down with a fault."""
    name = shares.budget_of[steered.id]
    return math.fsum(
        part.share
        for check in fault.fallen
        for service, part in shares.parts.get(check, {}).items()
        if shares.budget_of[service] == name
    )


def _pace(steered: SteeredService, shares: Shares) -> str:
    budget = shares.budgets[shares.budget_of[steered.id]]
    return f"{budget.capacity:.0%} may go at once, the rest at {budget.limit:.0%} a minute"


def _after(fault: Fault, watched: Watched) -> Status:
    beliefs = {check: Belief.DOWN if check in fault.fallen else Belief.UP for check in watched}
    return Status({check: CheckStatus(belief, 0.0, Reason.TIMEOUT) for check, belief in beliefs.items()})
