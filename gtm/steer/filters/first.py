"""`first`: keeps the first so many candidates, whatever their ranks: `{first: 2}`."""

from gtm.steer.filter import Candidates, Filter, View
from gtm.zone.steering import Argument


def parse(argument: Argument) -> Filter:
    """Returns the filter `first`; its argument is the number of candidates to keep. Raises ValueError for others."""
    count = at_least_one(argument)

    def keep(candidates: Candidates, _view: View) -> Candidates:
        return candidates[:count]

    return Filter("first", keep)


MAX_COUNT = 10_000
"""No answer has room for more records, and an engine has no number for a larger count."""


def at_least_one(argument: Argument) -> int:
    """Returns the argument as a count of endpoints; raises ValueError if it is not a whole number of 1..MAX_COUNT."""
    if isinstance(argument, bool) or not isinstance(argument, int) or argument < 1:
        raise ValueError("takes a whole number of endpoints, at least 1")
    if argument > MAX_COUNT:
        raise ValueError(f"takes a whole number of endpoints, at most {MAX_COUNT}")
    return argument
