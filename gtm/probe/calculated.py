"""The check of monitors `calculated`: what other monitors of the same endpoint, or services, are together.

What comes in: a check with its parts, and what this probe itself believes of other checks. What goes out: an outcome;
nothing is sent. The parts' own `fall`, `rise` and windows were passed before, since verdicts are combined and not
readings (decision 0045); what a part is, says gtm/checks/calculated.py.

    combination (gtm/checks/combine.py)               outcome
    up                                                    ok
    down                                                  status, with the count and the parts that are down
    unknown                                               unread: this probe's check is inconclusive
"""

from gtm.checks.calculated import Beliefs, belief_of, needed_of
from gtm.checks.combine import combined
from gtm.checks.model import Check, Part
from gtm.health.belief import Belief
from gtm.health.verdict.reading import Reason
from gtm.probe.failures import PASSED, CheckOutcome
from gtm.probe.instruments import Instruments
from gtm.zone.monitors.kinds.calculated import CalculatedSettings


async def check_calculated(check: Check, settings: CalculatedSettings, instruments: Instruments) -> CheckOutcome:
    """Returns the present outcome of a calculated check from this probe's beliefs of its parts."""
    return outcome_of_parts(check.parts, settings, instruments.believed)


def outcome_of_parts(parts: tuple[Part, ...], settings: CalculatedSettings, believed: Beliefs) -> CheckOutcome:
    """Returns the combined outcome of these parts; `believed` gives this probe's belief of a check."""
    needed = needed_of(settings, len(parts))
    beliefs = [belief_of(part, believed) for part in parts]
    together = combined(beliefs, needed=needed)
    if together is Belief.UP:
        return PASSED
    count = f"{beliefs.count(Belief.UP)} of {len(parts)} up, and {needed} needed"
    if together is Belief.DOWN:
        return CheckOutcome(Reason.STATUS, f"{count}; down: {_names(parts, beliefs, Belief.DOWN)}")
    return CheckOutcome(Reason.UNREAD, f"{count}; not known: {_names(parts, beliefs, Belief.UNKNOWN)}")


def _names(parts: tuple[Part, ...], beliefs: list[Belief], which: Belief) -> str:
    return ", ".join(part.name for part, belief in zip(parts, beliefs, strict=True) if belief is which)
