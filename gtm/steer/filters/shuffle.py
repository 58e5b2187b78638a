"""`shuffle` and `rotate`: keep the best rank, and each query gets it, or so many of it, in another order.

shuffle, {shuffle: 8}    random order           multi-answer
rotate, {rotate: 3}      from a random start    round robin
"""

from gtm.steer.filter import Candidates, Choose, Filter, View, leading
from gtm.steer.filters.first import at_least_one
from gtm.zone.steering import Argument


def parse(argument: Argument) -> Filter:
    """Returns the filter `shuffle`; its argument is the most answers of a reply; None means all."""
    return _choosing("shuffle", Choose.SHUFFLE, argument)


def parse_rotate(argument: Argument) -> Filter:
    """Returns the filter `rotate`; its argument is the most answers of a reply; None means all."""
    return _choosing("rotate", Choose.ROTATE, argument)


def _choosing(name: str, choose: Choose, argument: Argument) -> Filter:
    count = 0 if argument is None else at_least_one(argument)
    return Filter(name, _keep, choose=choose, count=count)


def _keep(candidates: Candidates, _view: View) -> Candidates:
    return leading(candidates)
