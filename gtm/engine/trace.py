"""The trace of an answer: what the reference engine met on its way, for whoever explains the answer.

An engine that is given a trace fills it while it answers; without one it keeps nothing of this.
"""

from dataclasses import dataclass, replace

from gtm.dns.name import Labels
from gtm.geo.cellmap import Hit
from gtm.ids import ServiceId
from gtm.plan.outcome import Outcome


@dataclass(frozen=True, slots=True)
class Steering:
    """What a service decided for the asker."""

    hit: Hit
    outcome: Outcome


@dataclass(frozen=True, slots=True)
class Visit:
    """One name that exists, on the way from the name asked to the one that answers."""

    name: Labels
    service: ServiceId | None
    steering: Steering | None = None
    """None where no service answers the type that is asked."""
    alias: Labels | None = None
    """The target of the static alias that the name has, which is visited next if it exists in the same zone."""


class Trace:
    """Collects the visits of one answer."""

    def __init__(self) -> None:
        self.visits: tuple[Visit, ...] = ()

    def meet(self, name: Labels, service: ServiceId | None) -> None:
        """Adds a name that exists."""
        self.visits = (*self.visits, Visit(name, service))

    def steer(self, hit: Hit, outcome: Outcome) -> None:
        """Adds what the service of the last visit decided."""
        self._add(replace(self.visits[-1], steering=Steering(hit, outcome)))

    def follow(self, target: Labels) -> None:
        """Adds where the alias of the last visit leads."""
        self._add(replace(self.visits[-1], alias=target))

    def _add(self, visit: Visit) -> None:
        self.visits = (*self.visits[:-1], visit)
