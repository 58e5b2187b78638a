"""Recalled: the history of the safety rules after a restart, worked out from the beliefs that were saved.

What comes in: the shares, and the status that a node starts with. What goes out: the history to start with.

    in the history                    after a restart
    what a rule kept up               was saved as up (gtm/plan/overlay.py): its checks say down, and that is news
    what is open                      what is down where nothing of its type is up: it was answered, and is not paid for
    what went down just now           what is down, and since when: in doubt with what fails next (suspect_check.py)
    what a budget has spent           the same: as if it was paid for when it went down
    a doubt, and a suspicion          nothing: they arise again as the same checks fail again, and last as long again

Else a node that starts again in the middle of a renamed path would let one region more go at each start.
"""

from collections.abc import Collection, Mapping

from gtm.health.belief import Belief
from gtm.health.consensus.status import Status
from gtm.ids import CheckId, EndpointId, ServiceId
from gtm.plan.overlay import NO_OVERLAY
from gtm.plan.safety.all_down import FAILS_OPEN, emptied
from gtm.plan.safety.budget import BudgetKey, Spent
from gtm.plan.safety.correlated import recent_s
from gtm.plan.safety.rules import History
from gtm.plan.safety.shares import Budgeted, Shares


def recalled(shares: Shares, status: Status, *, now: float, wall: float) -> History:
    """Returns the history of a node that starts with this status.

    `now` is monotonic seconds, `wall` the wall time of the same moment.
    """
    down = [(pair.since, check) for check, pair in status.checks.items() if pair.belief is Belief.DOWN]
    fell = {check: now - (wall - since) for since, check in sorted(down) if since <= wall and check in shares.parts}
    fallen = {check: at for check, at in fell.items() if now - at <= recent_s(shares, check)}
    names = dict.fromkeys(name for check in fell for name in shares.parts[check])
    answered = {name: _open(shares, name, status) for name in names}
    was_open = {
        (name, check): at
        for check, at in fell.items()
        for name, part in shares.parts[check].items()
        if any(endpoint_ref.endpoint in answered[name] for endpoint_ref in part.endpoint_refs)
    }
    spent = _spent(shares, fell, was_open)
    return History(open=was_open, lost=frozenset(was_open), fallen=fallen, spent=spent)


def _spent(shares: Shares, fell: Mapping[CheckId, float], was_open: Collection[BudgetKey]) -> Mapping[Budgeted, Spent]:
    """Returns the shares that the budgets have spent on these checks, the oldest first."""
    spent: dict[Budgeted, Spent] = {}
    for check, at in fell.items():
        for name, part in shares.parts[check].items():
            if part.share <= 0 or (name, check) in was_open:
                continue
            budget = shares.budget_of[name]
            for rtype in part.types:
                before = spent.get((budget, rtype), Spent({}, at))
                left = before.after(at, shares.budgets[budget].limit)
                spent[budget, rtype] = Spent({**left, (name, check): part.share}, at)
    return spent


def _open(shares: Shares, service: ServiceId, status: Status) -> Mapping[EndpointId, int]:
    steered = shares.services[service]
    return emptied(steered, status, NO_OVERLAY) if steered.service.on_all_down in FAILS_OPEN else {}
