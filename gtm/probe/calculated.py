"""The check of monitors `calculated`: what other monitors of the same endpoint, or services, are together.

What comes in: a check with its parts, and what this probe itself believes of other checks. What goes out: an outcome;
nothing is sent. The parts' own `fall`, `rise` and windows were passed before, since verdicts are combined and not
readings (decision 0045).

    part        up                                        down                  unknown
    monitor     this probe believes the endpoint up       ... down              not read yet, or not for too long
    service     at least one of its endpoints is up,      all of them are       else
                or is checked by nobody                   down

    combination (gtm/health/combination.py)               outcome
    up                                                    ok
    down                                                  status, with the count and who is down
    unknown                                               unread: this probe has no say
"""

from collections.abc import Callable

from gtm.health.belief import Belief
from gtm.health.combination import combined
from gtm.health.reading import Reason
from gtm.ids import CheckId
from gtm.probe.failures import PASSED, Outcome
from gtm.probe.instruments import Instruments
from gtm.zone.model import Check, Part
from gtm.zone.settings import CalculatedSettings, Combine

Beliefs = Callable[[CheckId], Belief]
"""What this probe believes of a check now; UNKNOWN of one that it does not read, or has not read for long."""


async def check_calculated(check: Check, instruments: Instruments) -> Outcome:
    """Returns what the parts are together now."""
    settings = check.monitor.settings
    assert isinstance(settings, CalculatedSettings)
    return outcome_of_parts(check.parts, settings, instruments.believed)


def outcome_of_parts(parts: tuple[Part, ...], settings: CalculatedSettings, believed: Beliefs) -> Outcome:
    """Returns what these parts are together."""
    needed = _needed(settings, len(parts))
    beliefs = [_belief(part, believed) for part in parts]
    together = combined(beliefs, needed=needed)
    if together is Belief.UP:
        return PASSED
    count = f"{beliefs.count(Belief.UP)} of {len(parts)} up, and {needed} needed"
    if together is Belief.DOWN:
        return Outcome(Reason.STATUS, f"{count}; down: {_names(parts, beliefs, Belief.DOWN)}")
    return Outcome(Reason.UNREAD, f"{count}; not known: {_names(parts, beliefs, Belief.UNKNOWN)}")


def _needed(settings: CalculatedSettings, count: int) -> int:
    match settings.combine:
        case Combine.ALL:
            return count
        case Combine.ANY:
            return 1
        case Combine.AT_LEAST:
            return settings.count


def _belief(part: Part, believed: Beliefs) -> Belief:
    if part.is_unchecked:
        return Belief.UP
    if not part.checks:
        return Belief.UNKNOWN  # a service of a zone that this node does not have
    return combined([believed(check) for check in part.checks], needed=1)


def _names(parts: tuple[Part, ...], beliefs: list[Belief], which: Belief) -> str:
    return ", ".join(part.name for part, belief in zip(parts, beliefs, strict=True) if belief is which)
