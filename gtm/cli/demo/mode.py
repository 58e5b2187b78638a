"""How a toy region behaves."""

from enum import Enum


class Mode(Enum):
    """How a toy region behaves."""

    OK = "ok"
    SLOW = "slow"
    """It answers, but after longer than any monitor of the demo waits."""
    FAIL = "fail"
    """It answers HTTP 503."""
    STOPPED = "stopped"
    """Its process is gone: the connection is refused."""
