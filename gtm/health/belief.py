"""A belief: whether an endpoint is up or down, or that this is unknown."""

from enum import Enum


class Belief(Enum):
    """What one probe (in a verdict) or this node (in the status) believes of a check."""

    UP = "up"
    DOWN = "down"
    UNKNOWN = "unknown"
