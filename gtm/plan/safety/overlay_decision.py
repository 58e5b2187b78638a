"""The decision of an overlay: what people and safety rules make of what the checks say. Pure: the past is a value.

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
    """What was decided last, and what the next decision needs of it."""

    overlay: Overlay = NO_OVERLAY
    """What counts beside what the checks say; the same object as long as it is the same."""
    refusals: tuple[Refusal, ...] = ()
    """What the rules of safety do not let happen."""
    breaches: tuple[Refusal, ...] = ()
    """What people together did that no rule allows."""
    history: History | None = None
    """None until there are zones: then what the saved beliefs tell."""
    services: Services = field(default_factory=lambda: EMPTY_PLAN.services)
    """For which it was decided."""
    ruled: Services = field(default_factory=lambda: EMPTY_PLAN.services)
    """Those of them that the rules look at."""
    shares: Shares = NO_SHARES
    failure: Exception | None = None
    """Why the rules could not be asked; then the checks are followed without them."""


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
    """Returns the overlay on what the checks say now, after the last one, and the reasons for it.

    `holds` is False of a node that answers nothing: the rules have nothing to keep there.
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
    except Exception as error:  # noqa: BLE001  # safety that fails must not stop failover: whoever asked tells it
        return SafetyDecision({}, (), NO_HISTORY), error
