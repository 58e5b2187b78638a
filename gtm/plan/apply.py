"""Status -> plan: what changes by the second.

Only the services that a flipped check can change are decided again; and of those whose TTL follows health, only the
TTLs, where a check could change sooner or later than before.
"""

from collections.abc import Iterable
from dataclasses import replace

from gtm.health.status import Status
from gtm.ids import CheckId, Generation, ServiceId
from gtm.plan.compile import remembered
from gtm.plan.decisions import decisions, retimed_decisions
from gtm.plan.guidance import NO_GUIDANCE, Guidance
from gtm.plan.model import Plan
from gtm.plan.shape import Shapes


def apply(
    plan: Plan,
    status: Status,
    flipped: Iterable[CheckId],
    *,
    retimed: Iterable[CheckId] = (),
    guidance: Guidance = NO_GUIDANCE,
    guided: Iterable[ServiceId] = (),
) -> Plan | None:
    """Returns the plan after these checks flipped or were retimed, or None when no answer changes.

    `guided` are the services of which something else is said or held than before. Name tables and cell maps are
    shared with the plan before.
    """
    touched = {name for check in flipped for name in plan.watchers.get(check, ())}
    touched |= {name for name in guided if name in plan.services}
    shapes = Shapes()
    decided = {
        name: decisions(plan.services[name], status, remembered(plan, name), shapes, guidance)
        for name in sorted(touched)
    }
    for name in {name for check in retimed for name in plan.watchers.get(check, ())} - touched:
        decided[name] = retimed_decisions(plan.services[name], status, plan.decisions[name], shapes, guidance)
    changed = {name: after for name, after in decided.items() if after != plan.decisions[name]}
    if not changed:
        return None
    return replace(plan, generation=Generation(plan.generation + 1), decisions={**plan.decisions, **changed})
