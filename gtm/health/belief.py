"""What is believed of an endpoint. Unknown is a value."""

from enum import Enum


class Belief(Enum):
    """Of one probe (a verdict) or of this node (the status)."""

    UP = "up"
    DOWN = "down"
    UNKNOWN = "unknown"
