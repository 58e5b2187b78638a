"""How a toy region behaves, and the words that an operator types to make it so."""

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


MODE_OF_VERB = {"start": Mode.OK, "stop": Mode.STOPPED, "slow": Mode.SLOW, "fail": Mode.FAIL}
