"""The trace of an answer: the names and services that the reference engine met, for an explanation of the answer.

An engine that is given a trace fills it while it answers; without one it keeps nothing of this.
"""

from dataclasses import dataclass, replace

from gtm.dns.name import Labels
from gtm.geo.cellmap import Hit
from gtm.ids import ServiceId
from gtm.plan.outcome import Outcome


@dataclass(frozen=True, slots=True)
class Steering:
    """The cell of a client for a service, and the outcome there."""

    hit: Hit
    outcome: Outcome


@dataclass(frozen=True, slots=True)
class Visit:
    """One existing name on the way from the name in the question to the name that answers."""

    name: Labels
    service: ServiceId | None
    steering: Steering | None = None
    """None when no service at the name answers the query type."""
    alias: Labels | None = None
    """The target of the static alias at the name, if any; it is visited next if it exists in the same zone."""


class Trace:
    """Collects the visits of one answer."""

    def __init__(self) -> None:
        self.visits: tuple[Visit, ...] = ()

    def meet(self, name: Labels, service: ServiceId | None) -> None:
        """Adds a visit to an existing name, with the service there, if any."""
        self.visits = (*self.visits, Visit(name, service))

    def steer(self, hit: Hit, outcome: Outcome) -> None:
        """Adds the cell and the outcome to the last visit."""
        self._add(replace(self.visits[-1], steering=Steering(hit, outcome)))

    def follow(self, target: Labels) -> None:
        """Adds the target of the static alias to the last visit."""
        self._add(replace(self.visits[-1], alias=target))

    def _add(self, visit: Visit) -> None:
        self.visits = (*self.visits[:-1], visit)
