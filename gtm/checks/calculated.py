"""Parts: what a calculated monitor is made of, and what each of them is.

What comes in: the parts of a check, and what is believed of other checks. What goes out: beliefs. Who believes may be
a probe (gtm/probe/calculated.py) or a fault that is thought through (gtm/plan/faults.py): the rule is one.

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
"""What is believed of a check now; UNKNOWN of one that nobody reads, or has not read for long."""


def needed_of(settings: CalculatedSettings, count: int) -> int:
    """Returns the number of parts that must be up."""
    match settings.combine:
        case Combine.ALL:
            return count
        case Combine.ANY:
            return 1
        case Combine.AT_LEAST:
            return settings.count


def belief_of(part: Part, believed: Beliefs) -> Belief:
    """Returns the belief of a part."""
    if part.is_unchecked:
        return Belief.UP
    if not part.checks:
        return Belief.UNKNOWN  # a service of a zone that this node does not have
    return combined([believed(check) for check in part.checks], needed=1)
