"""Service shapes: a service as its chain sees it, without health and addresses.

Services of one shape with the same beliefs of their endpoints get the same decisions. A shape is made once, when the
zones are compiled; equal shapes are one object, so that comparing them is cheap.
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
"""The beliefs of a service's endpoints, in the order of the zone file."""


class EndpointTraits(NamedTuple):
    """An endpoint without its address: what a steering chain can see of it, and its record type."""

    region: RegionName
    weight: int
    priority: int
    last_resort: bool
    rtype: int
    first: int
    """The number of the first endpoint with the same answer: an address may be in several regions."""


@dataclass(frozen=True, slots=True)
class ServiceShape:
    """A chain and its endpoints without their addresses; services of one shape are decided once."""

    chain: tuple[FilterSpec, ...]
    on_all_down: OnAllDown
    standings: tuple[EndpointTraits, ...]

    @property
    def kinds(self) -> tuple[int, ...]:
        """Returns the record type of each endpoint, in their order; CNAME for all when one of them is an alias."""
        if any(standing.rtype == RdataType.CNAME for standing in self.standings):
            return (RdataType.CNAME,) * len(self.standings)
        return tuple(standing.rtype for standing in self.standings)

    @property
    def types(self) -> tuple[int, ...]:
        """Returns the query types that the service answers; with an alias: A, AAAA and CNAME."""
        own = {standing.rtype for standing in self.standings}
        if RdataType.CNAME in own:
            return (RdataType.A, RdataType.AAAA, RdataType.CNAME)
        return tuple(sorted(own))

    def can_answer(self, number: int, rtype: int) -> bool:
        """Returns whether an endpoint has an answer for a type; an alias has one for every type."""
        return self.standings[number].rtype in {rtype, RdataType.CNAME}


def form_of(service: Service) -> ServiceShape:
    """Returns the shape of a service."""
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
    """The beliefs that count for a service's endpoints, with overrides and local truth, in the zone file's order."""

    beliefs: Beliefs
    said: tuple[Action | None, ...] = ()
    """The action of the override of each endpoint; empty when no override counts for the service."""
    seen_down: tuple[tuple[VantageName, frozenset[int]], ...] = ()
    """The numbers of the endpoints that are down as seen from a vantage, and not everywhere (local_view.py)."""


def candidates(service_shape: ServiceShape, effective: EffectiveHealth) -> Candidates:
    """Returns the endpoints of a shape as candidates, with their beliefs and override actions."""
    actions = effective.said or (None,) * len(service_shape.standings)
    return tuple(
        Candidate(number, row.region, belief, row.weight, row.priority, row.last_resort, said=action)
        for number, (row, belief, action) in enumerate(
            zip(service_shape.standings, effective.beliefs, actions, strict=True)
        )
    )


def of_type(everyone: Candidates, service_shape: ServiceShape, rtype: int) -> Candidates:
    """Returns the candidates for the answer of a type: the endpoints with an address of that type, and the aliases.

    A resolver that sees an alias once uses it for every type (RFC 1034 3.6.2). So for a type without addresses, all
    endpoints are candidates: an alias is not answered while an address is preferred to it.
    """
    if rtype == RdataType.CNAME or all(standing.rtype != rtype for standing in service_shape.standings):
        return everyone
    return tuple(candidate for candidate in everyone if service_shape.can_answer(candidate.number, rtype))
