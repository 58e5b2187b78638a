"""The plan: everything an engine needs to answer, decided ahead.

    Plan
    +-- zones      name tables                    change with the zone files      compile.py
    +-- services   chains, regions, cell maps     change with zones and geo data  compile.py
    +-- decisions  per service and cell           change with health              apply.py, outcome.py

Two rates: a flip of health shares the name tables and the cell maps with the plan before it. A plan is immutable and
numbered by its generation, which only grows.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from dns.rdatatype import RdataType

from gtm.dns.name import Labels
from gtm.geo.cellmap import CellMap
from gtm.geo.place import Place
from gtm.health.consensus.local_view import Order
from gtm.health.override.scope import EndpointRef
from gtm.ids import CheckId, Generation, ServiceId, VantageName
from gtm.plan.outcome import AnswerPool, Decisions
from gtm.plan.service_shape import ServiceShape
from gtm.steer.chain import Chain, Views
from gtm.steer.filter import Regions
from gtm.zone.model import Service, Zone


@dataclass(frozen=True, slots=True)
class Cell:
    """Client networks that one steering chain treats alike."""

    views: Views
    example: Place
    """One of the places in the cell."""
    nearest: VantageName | None = None
    """The vantage that is nearest to all of its places; None where local truth does not count, or none is known."""


@dataclass(frozen=True, slots=True)
class CellSpace:
    """The cells of every service with the same regions, bias and rules."""

    cells: tuple[Cell, ...]
    networks: CellMap
    vantages: frozenset[VantageName] = frozenset()
    """Every vantage that is the nearest one of some cell."""
    order: Order = field(default_factory=dict)
    """The vantages that stand in for each vantage that has no vote on a check, the nearest first."""


@dataclass(frozen=True, slots=True)
class SteeredService:
    """A service with everything that its decisions need: chain, regions, cells, checks and answer pool."""

    service: Service
    chain: Chain
    regions: Regions
    space: CellSpace
    service_shape: ServiceShape
    answer_pool: AnswerPool
    checks: tuple[CheckId | None, ...]
    """The check of each endpoint, in the order of the zone file; None for an endpoint without a monitor."""
    endpoint_refs: tuple[EndpointRef, ...]
    """The zone, service, region and id of each endpoint, in the same order; overrides and safety rules use it."""

    @property
    def id(self) -> ServiceId:
        """Returns the service's id. It is kept here because making it from the name takes long."""
        return self.endpoint_refs[0].service

    @property
    def zone(self) -> str:
        """Returns the zone's name, without its final dot, in lower case."""
        return self.endpoint_refs[0].zone

    @property
    def aliases_only(self) -> bool:
        """Returns whether every endpoint is a target name, so that the name is an alias for every type."""
        return all(endpoint.rtype == RdataType.CNAME for endpoint in self.service.endpoints)


@dataclass(frozen=True, slots=True)
class StaticRRset:
    """The values of one name and type, in wire format."""

    ttl: int
    rdatas: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class Node:
    """The records and the service that a zone has at one name; an empty non-terminal has neither (RFC 9499 7)."""

    rrsets: Mapping[int, StaticRRset]
    service: ServiceId | None = None
    delegation: bool = False
    """NS below the apex: answers from here down are referrals (RFC 1034 4.3.2, step 3b)."""


@dataclass(frozen=True, slots=True)
class ZonePlan:
    """The name table of one zone."""

    zone: Zone
    serial: int
    origin: Labels
    nodes: Mapping[Labels, Node]
    """The nodes by absolute name, with the origin and every empty non-terminal."""
    own: Mapping[Labels, Node]
    """The nodes with more than records of the records file; engines get the other nodes packed."""
    soa: StaticRRset
    """The SOA with the TTL of negative answers (RFC 2308 section 3); the SOA's own TTL may differ."""


@dataclass(frozen=True, slots=True)
class Plan:
    """The zones, services and decisions of one generation: the only thing that engines read."""

    generation: Generation
    zones: Mapping[Labels, ZonePlan]
    services: Mapping[ServiceId, SteeredService]
    decisions: Mapping[ServiceId, Decisions]
    watchers: Mapping[CheckId, tuple[ServiceId, ...]]
    """The services that a check can change."""


EMPTY_PLAN = Plan(Generation(0), {}, {}, {}, {})
"""Serves nothing: every query is REFUSED."""
