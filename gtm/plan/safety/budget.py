"""What a budget has spent: the shares that were taken out and are still out, as far as it is not refilled yet.

A budget is refilled at a steady pace, the oldest expense first. A check that came back costs nothing any more: a region
that dies, recovers and dies again is one region. The queue keeps its order: while the budget cannot pay for the first
check, it pays for none. Else cheap checks that fail again and again would keep an expensive one waiting for ever.

A budget has a purse for each type, A and AAAA. A check that answers both is paid from both, or not at all.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from gtm.ids import CheckId, ServiceId

_ROUNDING = 1e-9

BudgetKey = tuple[ServiceId, CheckId]


@dataclass(frozen=True, slots=True)
class Spent:
    """The shares that a budget has paid for and that are not refilled yet, at one time."""

    shares: Mapping[BudgetKey, float]
    """The oldest first."""
    at: float
    """Monotonic seconds."""

    def after(self, now: float, limit: float) -> dict[BudgetKey, float]:
        """Returns the shares that are not refilled yet at the time `now`, when `limit` is refilled each minute."""
        refill = (now - self.at) * limit / 60
        left = {}
        for key, share in self.shares.items():
            rest = max(0.0, share - refill)
            refill = max(0.0, refill - share)
            if rest > 0:
                left[key] = rest
        return left


@dataclass(slots=True)
class Purse:
    """The shares that one budget has spent, for one record type. Its state lasts as long as one decision."""

    shares: dict[BudgetKey, float] = field(default_factory=dict)
    total: float = 0.0
    is_closed: bool = False
    """True after it could not pay once: then it pays for nothing more in this decision."""

    @classmethod
    def of(cls, shares: dict[BudgetKey, float]) -> "Purse":
        """Returns a purse that has spent these shares."""
        return cls(shares, sum(shares.values()))

    def has_enough(self, key: BudgetKey, cost: float, capacity: float) -> bool:
        """Returns whether it can pay `cost` for a key with this capacity; a cost of 0 it always can."""
        after = self.total + cost - self.shares.get(key, 0.0)
        return cost <= 0 or not (self.is_closed or after > capacity + _ROUNDING)

    def take(self, key: BudgetKey, cost: float) -> None:
        """Records the cost of a key as spent; it replaces an earlier cost of the same key."""
        self.total += cost - self.shares.get(key, 0.0)
        self.shares[key] = cost


def pay(purses: Iterable[tuple[Purse, float]], key: BudgetKey, cost: float) -> bool:
    """Pays a cost from all of these purses, or from none; each comes with its capacity.

    Returns whether all had enough; if not, all are closed. The caller must pay in the queue's order.
    """
    asked = tuple(purses)
    if all(purse.has_enough(key, cost, capacity) for purse, capacity in asked):
        for purse, _ in asked:
            purse.take(key, cost)
        return True
    for purse, _ in asked:
        purse.is_closed = True
    return False
