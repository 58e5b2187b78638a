"""The parts of a calculated monitor: beliefs of checks -> the belief of each part.

In come a part of a check, and a function that gives the belief of any check; out goes one belief. A probe uses this for
what it reads (gtm/probe/calculated.py), and the plan for faults that have not happened (gtm/plan/faults.py).

    part        up                                        down                  unknown
    monitor     the endpoint is believed up               ... down              not read yet, or not for too long
    service     at least one of its endpoints is up,      all of them are       else
                or is checked by nobody                   down
"""

from collections.abc import Callable

from gtm.checks.combine import combined
from gtm.checks.model import Part
from gtm.health.belief import Belief
from gtm.ids import CheckId
from gtm.zone.monitors.kinds.calculated import CalculatedSettings, Combine

Beliefs = Callable[[CheckId], Belief]
"""A function that returns the belief of a check now; UNKNOWN for a check without a recent reading."""


def needed_of(settings: CalculatedSettings, count: int) -> int:
    """Returns the number of the `count` parts that must be up for the calculated check to be up."""
    match settings.combine:
        case Combine.ALL:
            return count
        case Combine.ANY:
            return 1
        case Combine.AT_LEAST:
            return settings.count


def belief_of(part: Part, believed: Beliefs) -> Belief:
    """Returns the belief of a part of a calculated check; `believed` gives the belief of each check."""
    if part.is_unchecked:
        return Belief.UP
    if not part.checks:
        return Belief.UNKNOWN  # a service of a zone that this node does not have
    return combined([believed(check) for check in part.checks], needed=1)
