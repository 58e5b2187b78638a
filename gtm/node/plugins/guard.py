"""Guards the node against filters of other packages: when one fails, steering works without it.

    keep raises, or returns something other than candidates it got    all candidates that it got
    keep drops all candidates, though not all are down                all candidates that it got
    view raises, or returns a value that cannot be hashed             one view for every place
    why raises, or returns no text                                    an empty text
    the kind raises, or makes no filter                               a problem of the zone file that names it

What comes in: a kind (a function that makes filters) of another package. What goes out: a kind that is safe to run.
Each failure is counted as `filter_failures{filter=...}`, and the first of each filter is logged with its traceback.
This must not hide a ValueError of the kind: its message is for the author of the zone file.
"""

import logging
from collections.abc import Hashable
from dataclasses import dataclass, field, replace

from gtm.counters import Counters
from gtm.geo.place import Place
from gtm.health.belief import Belief
from gtm.steer.filter import Candidate, Candidates, Choose, Filter, Regions, View
from gtm.steer.vocabulary import FilterFactory
from gtm.zone.steering import Argument

log = logging.getLogger(__name__)


def guarded(name: str, kind: FilterFactory, counters: Counters) -> FilterFactory:
    """Returns a kind that makes guarded filters: they never raise, and never drop all candidates if not all are down.

    `name` is the name of the filter in zone files. The kind raises ValueError when it can make no filter.
    """
    failures = _Failures(name, counters)

    def make(argument: Argument) -> Filter:
        """Returns the guarded filter for an argument; raises ValueError when the kind can make none."""
        try:
            made = kind(argument)
            _demand_filter(made)
        except ValueError:
            raise
        except Exception as error:
            log.exception("filter %s cannot be made of %r", name, argument)
            counters.add("filter_failures", filter=name)
            raise ValueError(f"is broken in this installation: {type(error).__name__}: {error}") from error
        return _Guarded(made, failures).filter()

    return make


def _demand_filter(made: object) -> None:
    """Raises TypeError unless this is a filter with a valid choice and count."""
    if not isinstance(made, Filter):
        raise TypeError(f"it makes no Filter but {type(made).__name__}")
    choose: object = made.choose
    count: object = made.count
    if not isinstance(choose, Choose | None) or not isinstance(count, int) or count < 0:
        raise TypeError(f"it chooses by {choose!r}, {count!r}")


@dataclass(slots=True)
class _Failures:
    """Counts the failures of one filter, and logs the first. Its state: whether that was logged."""

    name: str
    counters: Counters
    logged: bool = field(default=False)

    def note(self, what: str, error: Exception) -> None:
        """Counts a failure in the method `what` of the filter, and logs it if it is the first."""
        self.counters.add("filter_failures", filter=self.name)
        if not self.logged:
            self.logged = True
            message = "filter %s failed in `%s` and is left out there; further failures are only counted"
            log.error(message, self.name, what, exc_info=error)


@dataclass(frozen=True, slots=True)
class _Guarded:
    """One filter of another package, wrapped in methods that never raise."""

    inner: Filter
    failures: _Failures

    def filter(self) -> Filter:
        """Returns the filter with the guarded methods in place of its own."""
        view = None if self.inner.view is None else self.view
        return replace(self.inner, keep=self.keep, view=view, views=None, why=self.why)

    def keep(self, candidates: Candidates, view: View) -> Candidates:
        """Returns the candidates that the filter keeps; all of them when it fails."""
        try:
            kept = self.inner.keep(candidates, view)
            _demand_some(kept, candidates)
        except Exception as error:  # noqa: BLE001  # a stranger's code may raise anything; it is logged
            self.failures.note("keep", error)
            return candidates
        return kept

    def view(self, place: Place, regions: Regions) -> View:
        """Returns the view that the filter has of a place; an empty view when it fails."""
        try:
            seen = self.inner.view(place, regions) if self.inner.view is not None else ()
            hash(seen)
        except Exception as error:  # noqa: BLE001  # a stranger's code may raise anything; it is logged
            self.failures.note("view", error)
            return _NOTHING_SEEN
        return seen

    def why(self, candidate: Candidate, place: Place, regions: Regions) -> str:
        """Returns the reason that the filter gives for a candidate; an empty text when it fails."""
        try:
            reason: object = self.inner.why(candidate, place, regions)
        except Exception as error:  # noqa: BLE001  # a stranger's code may raise anything; it is logged
            self.failures.note("why", error)
            return ""
        return reason if isinstance(reason, str) else ""


_NOTHING_SEEN: Hashable = ()


def _demand_some(kept: object, candidates: Candidates) -> None:
    """Raises TypeError or ValueError unless `kept` is a tuple of some of the candidates, in any order, with any rank.

    Raises ValueError, too, when it is empty though not all candidates are down.
    """
    if not isinstance(kept, tuple) or not all(isinstance(kept_candidate, Candidate) for kept_candidate in kept):
        raise TypeError("it returned no tuple of candidates")
    numbers = [kept_candidate.number for kept_candidate in kept]
    if len(set(numbers)) < len(numbers) or not set(numbers) <= {candidate.number for candidate in candidates}:
        raise ValueError(f"it returned the candidates {numbers}, which are not those that it got")
    # an empty answer is never published for a service that has endpoints
    if not kept and any(candidate.belief is not Belief.DOWN for candidate in candidates):
        raise ValueError("it lost every candidate, though not all are down")
