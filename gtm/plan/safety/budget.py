"""What a budget has spent: what was taken out and is still out, as far as it is not refilled yet.

A budget is refilled at a steady pace, the oldest expense first. What came back costs nothing any more: a region that
dies, recovers and dies again is one region. Nobody overtakes: as long as the first in the queue cannot be paid for,
nothing is, or what costs little and fails again and again would keep out what costs much for ever.

A budget has a purse for each type, A and AAAA, and what answers both is paid for of both, or not at all.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from gtm.ids import CheckId, ServiceId

_ROUNDING = 1e-9

BudgetKey = tuple[ServiceId, CheckId]


@dataclass(frozen=True, slots=True)
class Spent:
    """What a budget has spent and is not refilled yet, as of a time."""

    shares: Mapping[BudgetKey, float]
    """The oldest first."""
    at: float
    """Monotonic seconds."""

    def after(self, now: float, limit: float) -> dict[BudgetKey, float]:
        """Returns the amounts that are not refilled yet at a later time, at `limit` a minute."""
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
    """What one budget has spent. Its state lasts as long as one decision."""

    shares: dict[BudgetKey, float] = field(default_factory=dict)
    total: float = 0.0
    is_closed: bool = False
    """It could not pay for something, and pays for nothing that comes after that."""

    @classmethod
    def of(cls, shares: dict[BudgetKey, float]) -> "Purse":
        """Returns a purse that has spent this."""
        return cls(shares, sum(shares.values()))

    def has_enough(self, key: BudgetKey, cost: float, capacity: float) -> bool:
        """Returns whether it can pay for taking something out, once; what costs nothing it always can."""
        after = self.total + cost - self.shares.get(key, 0.0)
        return cost <= 0 or not (self.is_closed or after > capacity + _ROUNDING)

    def take(self, key: BudgetKey, cost: float) -> None:
        """Takes note of what is paid."""
        self.total += cost - self.shares.get(key, 0.0)
        self.shares[key] = cost


def pay(purses: Iterable[tuple[Purse, float]], key: BudgetKey, cost: float) -> bool:
    """Pays for taking something out, of each of these purses, which have so much at once, or of none.

    Returns whether there was enough. It is asked in the queue's order.
    """
    asked = tuple(purses)
    if all(purse.has_enough(key, cost, capacity) for purse, capacity in asked):
        for purse, _ in asked:
            purse.take(key, cost)
        return True
    for purse, _ in asked:
        purse.is_closed = True
    return False
