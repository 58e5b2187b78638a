"""Status -> plan: what changes by the second.

Only the services that a flipped check can change are decided again; and of those whose TTL follows health, only the
TTLs, where a check could change sooner or later than before.
"""

from collections.abc import Iterable, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import replace

from gtm.health.consensus.delta import StatusDelta
from gtm.health.consensus.status import Status
from gtm.ids import CheckId, Generation, ServiceId
from gtm.plan.compile import remembered
from gtm.plan.decisions import decisions, retimed_decisions
from gtm.plan.model import Plan
from gtm.plan.outcome import Decisions
from gtm.plan.overlay import NO_OVERLAY, Overlay
from gtm.plan.shape_decisions import Shapes

COSTLY = 50_000
"""Cells times endpoints of one zone, each service shape counted once. To decide so many takes a quarter of a second."""


def apply(
    plan: Plan,
    status: Status,
    flipped: Iterable[CheckId],
    *,
    retimed: Iterable[CheckId] = (),
    overlay: Overlay = NO_OVERLAY,
    guided: Iterable[ServiceId] = (),
    apart: AbstractSet[ServiceId] = frozenset(),
) -> Plan | None:
    """Returns the plan for a new status, or None when no answer changes.

    `flipped` are the checks whose belief changed. `retimed` are the checks that could change sooner or later than
    before; they change only TTLs. `guided` are the services whose overrides or safety rules changed. The services in
    `apart` keep their decisions: to decide them takes long (decided_apart). The new plan has the same name tables and
    cell maps as `plan`.
    """
    touched = touched_by(plan, flipped, guided) - apart
    shapes = Shapes()
    decided = {
        name: decisions(plan.services[name], status, remembered(plan, name), shapes, overlay)
        for name in sorted(touched)
    }
    for name in {name for check in retimed for name in plan.watchers.get(check, ())} - touched - apart:
        decided[name] = retimed_decisions(plan.services[name], status, plan.decisions[name], shapes, overlay)
    return with_decisions(plan, decided)


def checks_in(delta: StatusDelta | None) -> tuple[frozenset[CheckId], frozenset[CheckId]]:
    """Returns two sets of checks of a delta: those that need new decisions, and those that need new TTLs."""
    return (frozenset(), frozenset()) if delta is None else (delta.redecided, delta.retimed)


def touched_by(plan: Plan, checks: Iterable[CheckId], guided: Iterable[ServiceId]) -> frozenset[ServiceId]:
    """Returns the services that these checks can change, and the `guided` ones that the plan has.

    `guided` are the services whose overrides or safety rules changed.
    """
    touched = {name for check in checks for name in plan.watchers.get(check, ())}
    return frozenset(touched | {name for name in guided if name in plan.services})


def decided_apart(
    plan: Plan, names: Iterable[ServiceId], status: Status, overlay: Overlay
) -> Mapping[ServiceId, Decisions]:
    """Returns the decisions of these services by this status and overlay.

    It is for costly services, in a thread of its own.
    """
    shapes = Shapes()
    return {
        name: decisions(plan.services[name], status, remembered(plan, name), shapes, overlay) for name in sorted(names)
    }


def decided_since(
    plan: Plan,
    decided: Mapping[ServiceId, Decisions],
    retimed: Iterable[CheckId],
    status: Status,
    overlay: Overlay,
) -> Mapping[ServiceId, Decisions]:
    """Returns the decisions of `decided`, with the TTLs that a later status allows.

    Only services with a check in `retimed` get new TTLs.
    """
    shapes = Shapes()
    return dict(decided) | {
        name: retimed_decisions(plan.services[name], status, decided[name], shapes, overlay)
        for name in {name for check in retimed for name in plan.watchers.get(check, ())} & decided.keys()
    }


def with_decisions(plan: Plan, decided: Mapping[ServiceId, Decisions]) -> Plan | None:
    """Returns the plan with these decisions, or None when no answer changes."""
    changed = {name: after for name, after in decided.items() if after != plan.decisions[name]}
    if not changed:
        return None
    return replace(plan, generation=Generation(plan.generation + 1), decisions={**plan.decisions, **changed})


def costly(plan: Plan) -> frozenset[ServiceId]:
    """Returns all services of each zone whose decisions take long when they are all made at once (COSTLY)."""
    costly_services: set[ServiceId] = set()
    for zone in plan.zones.values():
        shapes = {}
        for service in zone.zone.services:
            steered = plan.services[service.id]
            shapes[id(steered.space), id(steered.service_shape)] = len(steered.space.cells) * len(steered.checks)
        if sum(shapes.values()) > COSTLY:
            costly_services.update(service.id for service in zone.zone.services)
    return frozenset(costly_services)
