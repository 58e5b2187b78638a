"""Shares: how much of a zone one check carries, and how much of it may be taken out in a minute.

A budget is a zone, or a service that asks for one of its own. It counts A and AAAA apart, as clients use them apart:
each is a whole, and what is taken out has to be paid for of each type that it answers; an alias answers both. The share
of an endpoint is its weight among the regular endpoints of its type and service, divided by the number of services of
the budget: with all of a type down it is 1. So every service counts alike, whatever its weights; the traffic is not
known here.

    limit      of each type: `max_share_removed_per_minute`; what was taken out is forgiven at this pace
    capacity   of a type: the limit, or if that is more what goes down with the costliest region: one region may always
               go at once, with all that its targets serve under the names of others and all that is calculated from it;
               or the costliest check, which no one region may fell: a full budget pays for any one

It is made once, when the zones are compiled.
"""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass

from dns.rdatatype import RdataType

from gtm.health.override.scope import EndpointRef
from gtm.ids import CheckId, RegionName, ServiceId
from gtm.plan.model import SteeredService
from gtm.plan.region_deaths import felling_regions

Budgeted = tuple[str, int]
"""A budget, and a type."""


@dataclass(frozen=True, slots=True)
class Budget:
    """How much of a zone, or of a service with a budget of its own, checks may take out of the answers."""

    limit: float
    """The share that may be taken out each minute; 1 is no limit."""
    capacity: Mapping[int, float]
    """The share that may be taken out at once, by record type: A and AAAA, as far as the budget has them."""
    services: int


@dataclass(frozen=True, slots=True)
class CheckShare:
    """The endpoints of one service that one check decides, and their share of the budget."""

    endpoint_refs: tuple[EndpointRef, ...]
    share: float
    """The share of the service's budget, from 0 to 1, the same for each of the types."""
    types: tuple[int, ...]
    """The record types that the endpoints answer: A, AAAA, or both."""


@dataclass(frozen=True, slots=True)
class Shares:
    """The budget of every service, and what else the safety rules need from the zones."""

    services: Mapping[ServiceId, SteeredService]
    budgets: Mapping[str, Budget]
    """By scope: `zone gtm.example.com`, or `service api.gtm.example.com`."""
    budget_of: Mapping[ServiceId, str]
    clusters: Mapping[ServiceId, int]
    """A number for each service: those with the same number share a target, directly or through other services."""
    parts: Mapping[CheckId, Mapping[ServiceId, CheckShare]]
    """The share of each check in each service that it can change."""
    regions: frozenset[RegionName]
    """The names of all regions."""
    felling: Mapping[CheckId, frozenset[RegionName]]
    """The regions whose death takes a check down (gtm/plan/region_deaths.py)."""
    zones: Mapping[CheckId, frozenset[str]]
    """The zones of the services that each check can change."""
    demanding: tuple[SteeredService, ...]
    """The services with a `min_healthy`."""


_TYPES: Mapping[int, tuple[int, ...]] = {RdataType.CNAME: (RdataType.A, RdataType.AAAA)}
"""The record types that an alias answers."""

NO_SHARES = Shares({}, {}, {}, {}, {}, frozenset(), {}, {}, ())


def shares_of(services: Mapping[ServiceId, SteeredService]) -> Shares:
    """Returns the budgets and shares of these services."""
    budget_of = {name: _budget_name(steered) for name, steered in services.items()}
    members: defaultdict[str, list[SteeredService]] = defaultdict(list)
    for name, steered in services.items():
        members[budget_of[name]].append(steered)
    parts = _parts(services, {name: len(members[budget_of[name]]) for name in services})
    felling = felling_regions(services)
    largest = _largest(parts, felling, budget_of)
    budgets = {name: _budget(name, some, largest) for name, some in members.items()}
    regions = frozenset(region.name for service in services.values() for region in service.regions)
    demanding = tuple(service for service in services.values() if service.service.min_healthy)
    zones = {check: frozenset(services[name].zone for name in by_service) for check, by_service in parts.items()}
    return Shares(services, budgets, budget_of, _clusters(services), parts, regions, felling, zones, demanding)


def _parts(
    services: Mapping[ServiceId, SteeredService], siblings: Mapping[ServiceId, int]
) -> dict[CheckId, dict[ServiceId, CheckShare]]:
    parts: defaultdict[CheckId, dict[ServiceId, CheckShare]] = defaultdict(dict)
    for name, steered in services.items():
        for check, endpoint_ref, kind, share in zip(
            steered.checks, steered.endpoint_refs, steered.service_shape.kinds, _shares(steered), strict=True
        ):
            if check is not None:  # its endpoints have one target, and so one type
                last = parts[check].get(name, CheckShare((), 0.0, _TYPES.get(kind, (kind,))))
                parts[check][name] = CheckShare(
                    (*last.endpoint_refs, endpoint_ref), last.share + share / siblings[name], last.types
                )
    return dict(parts)


def _budget_name(steered: SteeredService) -> str:
    return f"service {steered.id}" if steered.service.safety.is_apart else f"zone {steered.zone}"


def _budget(name: str, services: list[SteeredService], largest: Mapping[Budgeted, float]) -> Budget:
    limit = services[0].service.safety.max_share
    kinds = {kind for service in services for kind in service.service_shape.kinds}
    types = {rtype for kind in kinds for rtype in _TYPES.get(kind, (kind,))}
    capacity = {rtype: max(limit, largest.get((name, rtype), 0.0)) for rtype in sorted(types)}
    return Budget(limit, capacity, len(services))


def _largest(
    parts: Mapping[CheckId, Mapping[ServiceId, CheckShare]],
    felling: Mapping[CheckId, frozenset[RegionName]],
    budget_of: Mapping[ServiceId, str],
) -> dict[Budgeted, float]:
    """Returns the largest share of each budget that one region, or one check, takes down."""
    totals: defaultdict[tuple[Budgeted, RegionName], float] = defaultdict(float)
    largest: defaultdict[Budgeted, float] = defaultdict(float)
    for check, by_service in parts.items():
        for name, part in by_service.items():
            for rtype in part.types:
                budgeted = (budget_of[name], rtype)
                largest[budgeted] = max(largest[budgeted], part.share)
                for region in felling.get(check, ()):
                    totals[budgeted, region] += part.share
    for (budgeted, _), total in totals.items():
        largest[budgeted] = max(largest[budgeted], total)
    return largest


def _shares(steered: SteeredService) -> list[float]:
    """Returns the share of each endpoint among the service's endpoints of its record type, from 0 to 1.

    Shares are by weight, or equal when all weights are 0; a last resort has 0.
    """
    ends, kinds = steered.service.endpoints, steered.service_shape.kinds
    weights = [0.0 if end.last_resort else float(end.weight) for end in ends]
    totals: defaultdict[int, float] = defaultdict(float)
    counts: defaultdict[int, int] = defaultdict(int)
    for endpoint, kind, weight in zip(ends, kinds, weights, strict=True):
        totals[kind] += weight
        counts[kind] += not endpoint.last_resort
    return [
        0.0 if endpoint.last_resort else weight / totals[kind] if totals[kind] else 1 / counts[kind]
        for endpoint, kind, weight in zip(ends, kinds, weights, strict=True)
    ]


def _clusters(services: Mapping[ServiceId, SteeredService]) -> dict[ServiceId, int]:
    """Returns a number for each service; services that share targets have the same number (a union of sets)."""
    above: dict[str, str] = {}

    def top(name: str) -> str:
        while above.setdefault(name, name) != name:
            above[name] = above[above[name]]
            name = above[name]
        return name

    for name, steered in services.items():
        for endpoint in steered.service.endpoints:
            above[top(f"target {endpoint.target}")] = top(name)
    numbers: dict[str, int] = {}
    return {name: numbers.setdefault(top(name), len(numbers)) for name in services}
