"""`up`: keeps the first of these groups of candidates that is not empty; the others stand by:

    1. weight above 0, up
    2. weight above 0, unknown     a new endpoint is eligible after the healthy ones
    3. weight 0, up                Route 53: zero is considered only when all non-zero ones are down
    4. weight 0, unknown

Nothing is left when every endpoint is down; then the service's `on_all_down` decides the answer.
"""

from gtm.geo.place import Place
from gtm.health.belief import Belief
from gtm.steer.filter import Candidate, Candidates, Filter, Regions, View
from gtm.zone.steering import Argument

_GROUP = {Belief.UP: 0, Belief.UNKNOWN: 1}


def parse(argument: Argument) -> Filter:
    """Returns the filter `up`; raises ValueError if there is an argument."""
    if argument is not None:
        raise ValueError("takes no argument")
    return Filter("up", _keep, why=_why)


def _keep(candidates: Candidates, _view: View) -> Candidates:
    eligible = [candidate for candidate in candidates if candidate.belief is not Belief.DOWN]
    best = min(map(_group, eligible), default=0)
    return tuple(candidate for candidate in eligible if _group(candidate) == best)


def _group(candidate: Candidate) -> int:
    return _GROUP[candidate.belief] + (2 if candidate.weight == 0 else 0)


def _why(candidate: Candidate, _place: Place, _regions: Regions) -> str:
    return f"{candidate.belief.value}, weight 0" if candidate.weight == 0 else candidate.belief.value
