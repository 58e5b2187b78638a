"""Forms: a service as its chain sees it, but for health and addresses.

Services of one form are decided alike when the same is believed of their endpoints. It is made once, when the zones are
compiled; equal forms are one object, so that comparing them is cheap.
"""

from dataclasses import dataclass
from typing import NamedTuple

from dns.name import Name
from dns.rdatatype import RdataType

from gtm.health.belief import Belief
from gtm.health.override.override import Action
from gtm.ids import RegionName, VantageName
from gtm.steer.filter import Candidate, Candidates
from gtm.zone.model import OnAllDown, Service
from gtm.zone.steering import FilterSpec

Beliefs = tuple[Belief, ...]
"""Of a service's endpoints, in their order."""


class EndpointTraits(NamedTuple):
    """One endpoint, but for its address."""

    region: RegionName
    weight: int
    priority: int
    last_resort: bool
    rtype: int
    first: int
    """The number of the first endpoint with the same answer: an address may be in several regions."""


@dataclass(frozen=True, slots=True)
class ServiceShape:
    """A chain and its endpoints."""

    chain: tuple[FilterSpec, ...]
    on_all_down: OnAllDown
    standings: tuple[EndpointTraits, ...]

    @property
    def kinds(self) -> tuple[int, ...]:
        """Returns of which type each endpoint is, in their order: where one is an alias, all are, for every type."""
        if any(standing.rtype == RdataType.CNAME for standing in self.standings):
            return (RdataType.CNAME,) * len(self.standings)
        return tuple(standing.rtype for standing in self.standings)

    @property
    def types(self) -> tuple[int, ...]:
        """Returns the types that are answered."""
        own = {standing.rtype for standing in self.standings}
        if RdataType.CNAME in own:
            return (RdataType.A, RdataType.AAAA, RdataType.CNAME)
        return tuple(sorted(own))

    def can_answer(self, number: int, rtype: int) -> bool:
        """Returns whether an endpoint has an answer for a type; an alias has one for every type."""
        return self.standings[number].rtype in {rtype, RdataType.CNAME}


def form_of(service: Service) -> ServiceShape:
    """Returns the form of a service."""
    firsts: dict[object, int] = {}
    standings = []
    for number, endpoint in enumerate(service.endpoints):
        answer = endpoint.answer
        first = firsts.setdefault(answer.to_wire() if isinstance(answer, Name) else answer, number)
        standings.append(
            EndpointTraits(
                endpoint.region, endpoint.weight, endpoint.priority, endpoint.last_resort, endpoint.rtype, first
            )
        )
    return ServiceShape(service.steer.chain, service.on_all_down, tuple(standings))


class EffectiveHealth(NamedTuple):
    """What counts of each endpoint of a service, in their order."""

    beliefs: Beliefs
    said: tuple[Action | None, ...] = ()
    """By a person; empty where nobody said anything of this service."""
    seen_down: tuple[tuple[VantageName, frozenset[int]], ...] = ()
    """The numbers of the endpoints that are down as seen from a vantage, and not everywhere (local_view.py)."""


def candidates(service_shape: ServiceShape, effective: EffectiveHealth) -> Candidates:
    """Returns the endpoints with what is believed and said of them."""
    actions = effective.said or (None,) * len(service_shape.standings)
    return tuple(
        Candidate(number, row.region, belief, row.weight, row.priority, row.last_resort, said=action)
        for number, (row, belief, action) in enumerate(
            zip(service_shape.standings, effective.beliefs, actions, strict=True)
        )
    )


def of_type(everyone: Candidates, service_shape: ServiceShape, rtype: int) -> Candidates:
    """Returns the candidates among which the answer of a type is decided: its addresses, and the aliases.

    A resolver that sees an alias once uses it for every type (RFC 1034 3.6.2). So where a type has no address of its
    own, everybody is a candidate: an alias is not shown while an address is preferred to it.
    """
    if rtype == RdataType.CNAME or all(standing.rtype != rtype for standing in service_shape.standings):
        return everyone
    return tuple(candidate for candidate in everyone if service_shape.can_answer(candidate.number, rtype))
