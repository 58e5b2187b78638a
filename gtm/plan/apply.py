"""Status -> plan: what changes by the second. Only the services that a flipped check can change are decided again."""

from collections.abc import Iterable
from dataclasses import replace

from gtm.health.status import Status
from gtm.ids import CheckId, Generation
from gtm.plan.compile import remembered
from gtm.plan.decisions import decisions
from gtm.plan.model import Plan
from gtm.plan.shape import Shapes


def apply(plan: Plan, status: Status, flipped: Iterable[CheckId]) -> Plan | None:
    """Returns the plan after these checks flipped, or None when no answer changes.

    Name tables and cell maps are shared with the plan before.
    """
    touched = {name for check in flipped for name in plan.watchers.get(check, ())}
    shapes = Shapes()
    decided = {name: decisions(plan.services[name], status, remembered(plan, name), shapes) for name in sorted(touched)}
    changed = {name: after for name, after in decided.items() if after != plan.decisions[name]}
    if not changed:
        return None
    return replace(plan, generation=Generation(plan.generation + 1), decisions={**plan.decisions, **changed})
