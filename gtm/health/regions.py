"""The state of a region: what is believed of its endpoints -> one state for all of them together.

In come beliefs, out goes a RegionState. It must not know how the beliefs came about, nor what clients are answered.
"""

from collections import Counter
from collections.abc import Sequence
from enum import Enum

from gtm.health.belief import Belief


class RegionState(Enum):
    """What is believed of the endpoints of a region, together."""

    UP = "up"
    DEGRADED = "degraded"
    """Some endpoints are down, some are not."""
    DOWN = "down"
    UNKNOWN = "unknown"
    """None is known to be up or down."""
    DISABLED = "disabled"
    """The zone file enables none."""


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
