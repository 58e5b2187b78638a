"""The state of a region: the beliefs of its endpoints -> one state for all of them together.

What comes in: beliefs. What goes out: a RegionState. It must not use the reasons of the beliefs, nor any answers.
"""

from collections import Counter
from collections.abc import Sequence
from enum import Enum

from gtm.health.belief import Belief


class RegionState(Enum):
    """The state of all endpoints of a region together."""

    UP = "up"
    DEGRADED = "degraded"
    """Some endpoints are down, some are not."""
    DOWN = "down"
    UNKNOWN = "unknown"
    """No endpoint is known to be up or down."""
    DISABLED = "disabled"
    """The zone file enables no endpoint of the region."""


def region_state(beliefs: Sequence[Belief]) -> RegionState:
    """Returns the state of a region, from the beliefs of its endpoints:

    none -> DISABLED    all down -> DOWN    some down -> DEGRADED    none down, some up -> UP    else UNKNOWN
    """
    if not beliefs:
        return RegionState.DISABLED
    counts = Counter(beliefs)
    if counts[Belief.DOWN]:
        return RegionState.DOWN if counts[Belief.DOWN] == len(beliefs) else RegionState.DEGRADED
    return RegionState.UP if counts[Belief.UP] else RegionState.UNKNOWN
