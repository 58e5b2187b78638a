"""Overlay: what decides about an endpoint beside its checks. Overrides come before safety rules, these before checks:

    what the checks say                    UP DOWN UNKNOWN
    held by a safety rule, and DOWN     -> UP             as it was (gtm/plan/safety/rules.py)
    a person said up | down | drain     -> UP DOWN DOWN   the override of the most specific scope
    its region has too few that are up  -> DOWN           `min_healthy`: skipped as a group
    the nearest vantage sees it down    -> DOWN           for the clients near that vantage (local_view.py)

`min_healthy` needs another region with enough endpoints up: without one it skips nothing. It skips no region in which
an override `up` counts, or for which an override lifts this rule.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from gtm.health.belief import Belief
from gtm.health.consensus.status import Status
from gtm.health.override.override import NOTHING_IN_FORCE, Action, InForce, Override, SafetyRule, differing
from gtm.ids import EndpointId, RegionName, ServiceId
from gtm.plan.local_view import with_local_truth
from gtm.plan.model import Plan, SteeredService
from gtm.plan.service_shape import Beliefs, EffectiveHealth

HeldEndpoints = Mapping[ServiceId, Mapping[EndpointId, SafetyRule]]
"""Endpoints that a safety rule keeps up, by service, with that rule."""


@dataclass(frozen=True, slots=True)
class Overlay:
    """The overrides in force, and the endpoints that safety rules keep up."""

    said: InForce = NOTHING_IN_FORCE
    held: HeldEndpoints = field(default_factory=dict)


NO_OVERLAY = Overlay()

_BELIEFS = {Action.UP: Belief.UP, Action.DOWN: Belief.DOWN, Action.DRAIN: Belief.DOWN}


def effective(steered: SteeredService, status: Status, overlay: Overlay) -> EffectiveHealth:
    """Returns the health of a service's endpoints that counts: checks, safety rules, overrides and `min_healthy`."""
    counted = _unskipped(steered, status, overlay)
    regions = _poor(steered, counted, overlay.said)
    if not regions:
        return counted
    ends = steered.service.endpoints
    beliefs = (
        Belief.DOWN if pair.region in regions else belief for pair, belief in zip(ends, counted.beliefs, strict=True)
    )
    return counted._replace(beliefs=tuple(beliefs))


def skipped(steered: SteeredService, status: Status, overlay: Overlay) -> tuple[RegionName, ...]:
    """Returns the regions of a service that have fewer endpoints up than `min_healthy` and are skipped, sorted."""
    return tuple(sorted(_poor(steered, _unskipped(steered, status, overlay), overlay.said)))


def _unskipped(steered: SteeredService, status: Status, overlay: Overlay) -> EffectiveHealth:
    checked = beliefs(steered, status)
    held = overlay.held.get(steered.id)
    if held:
        checked = tuple(
            Belief.UP if belief is Belief.DOWN and endpoint_ref.endpoint in held else belief
            for endpoint_ref, belief in zip(steered.endpoint_refs, checked, strict=True)
        )
    actions = _said(steered, overlay.said)
    if actions:
        checked = tuple(
            belief if action is None else _BELIEFS.get(action, belief)
            for action, belief in zip(actions, checked, strict=True)
        )
    return with_local_truth(steered, status, EffectiveHealth(checked, actions))


def is_by_checks_alone(steered: SteeredService, overlay: Overlay) -> bool:
    """Returns whether no override and no safety rule counts for a service now."""
    return steered.id not in overlay.held and not is_spoken_of(steered, overlay.said)


def beliefs(steered: SteeredService, status: Status) -> Beliefs:
    """Returns the belief of each endpoint by its check, in their order.

    UP for an endpoint without a check, UNKNOWN for a check that the status does not have.
    """
    checks = status.checks
    return tuple(
        [
            Belief.UP if check is None else (known.belief if (known := checks.get(check)) else Belief.UNKNOWN)
            for check in steered.checks
        ]
    )


def overriding(steered: SteeredService, overrides: InForce) -> tuple[Override | None, ...]:
    """Returns the override that decides for each endpoint, in their order; None for an endpoint without one."""
    if not is_spoken_of(steered, overrides):
        return (None,) * len(steered.service.endpoints)
    return tuple(overrides.of(endpoint_ref) for endpoint_ref in steered.endpoint_refs)


def _poor(steered: SteeredService, counted: EffectiveHealth, overrides: InForce) -> frozenset[RegionName]:
    """Returns the regions that have some endpoints up, but fewer than `min_healthy`.

    Empty when no other region has enough.
    """
    minima = steered.service.min_healthy
    if not minima:
        return frozenset()
    ends = steered.service.endpoints
    beliefs = zip(ends, counted.beliefs, strict=True)
    ups = Counter(pair.region for pair, belief in beliefs if belief is Belief.UP and not pair.last_resort)
    kept = {pair.region for pair, action in zip(ends, counted.said, strict=False) if action is Action.UP}
    kept |= {
        endpoint_ref.region
        for endpoint_ref in steered.endpoint_refs
        if overrides.lifts(endpoint_ref, SafetyRule.MIN_HEALTHY)
    }
    poor = frozenset(name for name, least in minima if 0 < ups[name] < least and name not in kept)
    return poor if any(name not in poor for name in ups) else frozenset()


def guided(steered: SteeredService, status: Status, overlay: Overlay) -> tuple[tuple[EndpointId, str], ...]:
    """Returns a text for each override or safety rule that counts for an endpoint, with the endpoint's id."""
    held = overlay.held.get(steered.id, {})
    poor = skipped(steered, status, overlay)
    told = []
    for endpoint, override in zip(steered.service.endpoints, overriding(steered, overlay.said), strict=True):
        if override is not None:
            told.append((endpoint.id, str(override)))
        elif endpoint.id in held:
            told.append((endpoint.id, f"held up by the safety rule {held[endpoint.id].value}"))
        if endpoint.region in poor:
            told.append((endpoint.id, "skipped: its region has fewer than min_healthy up"))
    return tuple(told)


def as_held(plan: Plan, status: Status, held: HeldEndpoints) -> Status:
    """Returns the status in which the checks of endpoints that safety rules keep up are UP.

    A node starts from this status. So the safety rules examine the next verdicts of these checks again.
    """
    up = {
        check
        for name, ends in held.items()
        if (steered := plan.services.get(name)) is not None
        for endpoint_ref, check in zip(steered.endpoint_refs, steered.checks, strict=True)
        if endpoint_ref.endpoint in ends and check in status.checks
    }
    if not up:
        return status
    return Status(
        {
            **status.checks,
            **{up_check: replace(status.checks[up_check], belief=Belief.UP) for up_check in up if up_check},
        }
    )


def guided_anew(plan: Plan, before: Overlay, after: Overlay) -> frozenset[ServiceId]:
    """Returns the services whose overrides or safety rules differ between two overlays."""
    if before is after:
        return frozenset()
    names = before.held.keys() | after.held.keys()
    held = {name for name in names if before.held.get(name) != after.held.get(name)}
    differing_overrides = differing(before.said, after.said)
    return frozenset(
        name for name, pair in plan.services.items() if name in held or is_spoken_of(pair, differing_overrides)
    )


def is_spoken_of(steered: SteeredService, overrides: InForce) -> bool:
    """Returns whether some override in force may cover an endpoint of this service."""
    return bool(overrides) and overrides.touches(steered.zone, steered.id, [region.name for region in steered.regions])


def _said(steered: SteeredService, overrides: InForce) -> tuple[Action | None, ...]:
    if not is_spoken_of(steered, overrides):
        return ()
    actions_taken = tuple(None if override is None else override.action for override in overriding(steered, overrides))
    actions = tuple(None if action is Action.OBEY else action for action in actions_taken)
    return actions if any(actions) else ()
