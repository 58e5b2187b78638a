"""An override stays with its endpoints when a zone file gives its scope another name.

In come the layouts of the zones before and after an edit, and a scope that is not there any more; out goes its name
now, or nothing where that is not clear. It follows what beliefs follow (renamed_checks.py): the same targets of the
same services; and it guesses nothing:

    region      one new region of its zone has all of its endpoints that are left, and nothing that another one had
    region */   the same, zone by zone
    service     one new service of its zone has just its targets, and no other service that went had them too
    endpoint    its service and region, or what they are called now, have its target; or another region of the service
                alone has it; or one target came in its region, and no other one than this went
    zone        never: it is another delegation

What a file disables is there still.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from gtm.health.override.scope import (
    EVERY_ZONE,
    EndpointRef,
    EndpointScope,
    RegionScope,
    Scope,
    ServiceScope,
    ZoneScope,
)
from gtm.ids import EndpointId, RegionName, ServiceId
from gtm.zone.model import Zone

Target = tuple[ServiceId, str]
"""A service, and the address or name of one of its endpoints."""


@dataclass(frozen=True, slots=True)
class Layout:
    """The services, regions and endpoints of all zones, by the names that scopes use."""

    zones: Mapping[str, frozenset[ServiceId]]
    services: Mapping[ServiceId, frozenset[EndpointId]]
    zone_of: Mapping[ServiceId, str]
    regions: Mapping[tuple[str, RegionName], frozenset[Target]]

    def has(self, scope: Scope) -> bool:
        """Returns whether a scope has any endpoint, or exists as a service or zone."""
        match scope:
            case EndpointScope(service, endpoint):
                return endpoint in self.services.get(service, ())
            case ServiceScope(service):
                return service in self.services
            case RegionScope(zone, region):
                return bool(self.zones_with(region)) if zone == EVERY_ZONE else (zone, region) in self.regions
            case ZoneScope(zone):
                return zone in self.zones

    def zones_with(self, region: RegionName) -> frozenset[str]:
        """Returns the zones that have a region of this name."""
        return frozenset(zone for zone, name in self.regions if name == region)

    def targets_in(self, service: ServiceId, region: RegionName) -> frozenset[str]:
        """Returns the targets of a service in a region."""
        ends = (end.partition("/") for end in self.services.get(service, ()))
        return frozenset(target for name, _, target in ends if name == region)

    def targets(self, service: ServiceId) -> frozenset[str]:
        """Returns the targets of a service."""
        return frozenset(end.partition("/")[2] for end in self.services[service])


def layout_of(endpoint_refs: Iterable[EndpointRef]) -> Layout:
    """Returns the layout of the zones that have these endpoints."""
    zones: defaultdict[str, set[ServiceId]] = defaultdict(set)
    services: defaultdict[ServiceId, set[EndpointId]] = defaultdict(set)
    regions: defaultdict[tuple[str, RegionName], set[Target]] = defaultdict(set)
    zone_of = {}
    for endpoint_ref in endpoint_refs:
        zones[endpoint_ref.zone].add(endpoint_ref.service)
        services[endpoint_ref.service].add(endpoint_ref.endpoint)
        regions[endpoint_ref.zone, endpoint_ref.region].add(
            (endpoint_ref.service, endpoint_ref.endpoint.partition("/")[2])
        )
        zone_of[endpoint_ref.service] = endpoint_ref.zone
    return Layout(
        {name: frozenset(own) for name, own in zones.items()},
        {name: frozenset(ends) for name, ends in services.items()},
        zone_of,
        {name: frozenset(ends) for name, ends in regions.items()},
    )


def endpoint_refs_of(zones: Iterable[Zone]) -> Iterator[EndpointRef]:
    """Yields the EndpointRef of every endpoint of these zones, disabled ones too."""
    for zone in zones:
        name = zone.origin.to_text(omit_final_dot=True).lower()
        for service in zone.all_services:
            known = service.id
            for endpoint in (*service.endpoints, *service.disabled):
                yield EndpointRef(name, known, endpoint.region, endpoint.id)


NO_LAYOUT = layout_of(())


def followed(scope: Scope, before: Layout, after: Layout) -> tuple[Scope, ...]:
    """Returns the scopes that stand for a scope after an edit of zone files: itself, or its new names.

    Empty when it does not exist any more and its new name is not clear.
    """
    if isinstance(scope, RegionScope) and scope.zone == EVERY_ZONE:
        return _every_zone(scope, before, after)
    if after.has(scope):
        return (scope,)
    scope_now = _followed(scope, before, after) if before.has(scope) else None
    return () if scope_now is None else (scope_now,)


def _followed(scope: Scope, before: Layout, after: Layout) -> Scope | None:
    match scope:
        case RegionScope(zone, region):
            name = _region(zone, region, before, after)
            return None if name is None else RegionScope(zone, name)
        case ServiceScope(service):
            renamed = _service(service, before, after)
            return None if renamed is None else ServiceScope(renamed)
        case EndpointScope(service, endpoint):
            return _endpoint(service, endpoint, before, after)
    return None


def _every_zone(scope: RegionScope, before: Layout, after: Layout) -> tuple[Scope, ...]:
    had, has = before.zones_with(scope.region), after.zones_with(scope.region)
    names = {zone: _region(zone, scope.region, before, after) for zone in sorted(had - has)}
    new = {name for name in names.values() if name is not None}
    if not has and len(new) == 1 and None not in names.values() and not before.zones_with(*new):
        return (RegionScope(EVERY_ZONE, *new),)
    moved = tuple(RegionScope(zone, name) for zone, name in names.items() if name is not None)
    return (scope, *moved) if has else moved


def _region(zone: str, region: RegionName, before: Layout, after: Layout) -> RegionName | None:
    had = before.regions.get((zone, region), frozenset())
    others = {end for (owner, name), ends in before.regions.items() if owner == zone and name != region for end in ends}
    holding = [(name, ends) for (owner, name), ends in after.regions.items() if owner == zone and ends & had]
    if len(holding) != 1:
        return None
    ((name, ends),) = holding
    return None if (zone, name) in before.regions or (ends - had) & others else name


def _service(service: ServiceId, before: Layout, after: Layout) -> ServiceId | None:
    zone, targets = before.zone_of[service], before.targets(service)
    here, there = before.zones[zone], after.zones.get(zone, frozenset())
    came = [name for name in there - here if after.targets(name) == targets]
    went = [name for name in here - there if before.targets(name) == targets]
    return came[0] if len(came) == len(went) == 1 else None


def _endpoint(service: ServiceId, endpoint: EndpointId, before: Layout, after: Layout) -> Scope | None:
    region_text, _, target = endpoint.partition("/")
    region, zone = RegionName(region_text), before.zone_of[service]
    now = service if service in after.services else _service(service, before, after)
    if now is None:
        return None
    name = region if (zone, region) in after.regions else _region(zone, region, before, after)
    if name is not None and target in after.targets_in(now, name):
        return EndpointScope(now, EndpointId(f"{name}/{target}"))
    elsewhere = [end for end in after.services[now] if end.partition("/")[2] == target]
    if elsewhere:  # in another region: where it was in both before, it is the other one
        new = [end for end in elsewhere if end not in before.services[service]]
        return EndpointScope(now, new[0]) if len(new) == len(elsewhere) == 1 else None
    if name is None:
        return None
    had, has = before.targets_in(service, region), after.targets_in(now, name)
    came, went = has - had, had - has
    return EndpointScope(now, EndpointId(f"{name}/{next(iter(came))}")) if len(came) == len(went) == 1 else None
