"""The decision of an overlay: how overrides and safety rules change what the checks say. Pure: the past is a value.

    delta, overrides in force, history -> overlay, refusals, breaches, history for the next time

It is made after every merge, at least twice a second: so an override ends on time, and a budget is refilled.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from gtm.health.consensus.delta import StatusDelta
from gtm.health.consensus.status import Status
from gtm.health.override.override import InForce
from gtm.ids import ServiceId
from gtm.plan.model import EMPTY_PLAN, SteeredService
from gtm.plan.overlay import NO_OVERLAY, Overlay
from gtm.plan.safety.minimums import Refusal, left_with_too_few, skipping
from gtm.plan.safety.rules import NO_HISTORY, History, SafetyDecision, allow
from gtm.plan.safety.saved import recalled
from gtm.plan.safety.shares import NO_SHARES, Shares, shares_of

Services = Mapping[ServiceId, SteeredService]


@dataclass(frozen=True, slots=True)
class OverlayDecision:
    """The result of one decision, and the values that the next decision needs."""

    overlay: Overlay = NO_OVERLAY
    """The overlay; the same object as before when nothing in it changed."""
    refusals: tuple[Refusal, ...] = ()
    """Messages about what the safety rules do not let happen now."""
    breaches: tuple[Refusal, ...] = ()
    """Messages about services that overrides together leave with too few regions (`at_least`)."""
    history: History | None = None
    """The history of the safety rules; None until there are zones: then it is made of the saved beliefs."""
    services: Services = field(default_factory=lambda: EMPTY_PLAN.services)
    """The services of this decision."""
    ruled: Services = field(default_factory=lambda: EMPTY_PLAN.services)
    """The services to which the safety rules apply: all, or none on a node that answers no queries."""
    shares: Shares = NO_SHARES
    failure: Exception | None = None
    """The exception of the safety rules, if they failed; then the checks count without them."""


NOTHING_DECIDED = OverlayDecision()


def decide_overlay(
    last: OverlayDecision,
    services: Services,
    status: Status,
    delta: StatusDelta | None,
    overrides: InForce,
    *,
    holds: bool,
    now: float,
    wall: float,
) -> OverlayDecision:
    """Returns the next decision: the overlay on this status, the refusals and breaches, and the next history.

    `last` is the decision before. `delta` has what changed in the status; None when nothing did. `holds` is False on a
    node that answers no queries: the safety rules do not apply there. `now` is monotonic seconds, `wall` is wall time.
    """
    ruled = services if holds else EMPTY_PLAN.services
    shares = last.shares if ruled is last.ruled else shares_of(ruled)
    allowed, failure = _allowed(last.history, shares, status, delta, overrides, now=now, wall=wall)
    is_same = overrides == last.overlay.said and allowed.held == last.overlay.held
    overlay = last.overlay if is_same else Overlay(overrides, allowed.held)
    is_settled = is_same and services is last.services and not (delta is not None and delta.flipped)
    return OverlayDecision(
        overlay,
        (*allowed.refusals, *skipping(shares.demanding, status, overlay)),
        last.breaches if is_settled else left_with_too_few(services.values(), status, overlay),
        allowed.history if shares.services else None,
        services,
        ruled,
        shares,
        failure,
    )


def _allowed(
    history: History | None,
    shares: Shares,
    status: Status,
    delta: StatusDelta | None,
    overrides: InForce,
    *,
    now: float,
    wall: float,
) -> tuple[SafetyDecision, Exception | None]:
    try:
        if history is None and shares.services:
            history = recalled(shares, status if delta is None else delta.before, now=now, wall=wall)
        return allow(shares, history or NO_HISTORY, status, delta, overrides, now=now), None
    except Exception as error:  # noqa: BLE001  # a fault in the rules must not stop failover: the caller reports it
        return SafetyDecision({}, (), NO_HISTORY), error
