"""`weight`: keeps the best rank, and each query chooses one of it, with chances in proportion to the weights.

Weights are Route 53's: 0..255; zero is not chosen beside a non-zero one; all zero means equal shares.
"""

from gtm.geo.place import Place
from gtm.steer.filter import Candidate, Candidates, Choose, Filter, Regions, View, leading
from gtm.zone.steering import Argument


def parse(argument: Argument) -> Filter:
    """Returns the filter `weight`; raises ValueError if there is an argument."""
    if argument is not None:
        raise ValueError("takes no argument")
    return Filter("weight", _keep, why=_why, choose=Choose.ONE)


def _keep(candidates: Candidates, _view: View) -> Candidates:
    group = leading(candidates)
    weighted = tuple(candidate for candidate in group if candidate.weight)
    return weighted or tuple(candidate.weighing(1) for candidate in group)


def _why(candidate: Candidate, _place: Place, _regions: Regions) -> str:
    return f"weight {candidate.weight}"
