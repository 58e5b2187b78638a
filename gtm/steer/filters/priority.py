"""`priority`: sorts by the endpoint's priority, lowest first: active-passive."""

from gtm.geo.place import Place
from gtm.steer.filter import Candidate, Candidates, Filter, Regions, View, by_rank
from gtm.zone.steering import Argument


def parse(argument: Argument) -> Filter:
    """Returns the filter `priority`; raises ValueError if there is an argument."""
    if argument is not None:
        raise ValueError("takes no argument")
    return Filter("priority", _keep, why=_why)


def _keep(candidates: Candidates, _view: View) -> Candidates:
    return by_rank(tuple(candidate.ranked(candidate.priority) for candidate in candidates))


def _why(candidate: Candidate, _place: Place, _regions: Regions) -> str:
    return f"priority {candidate.priority}"
