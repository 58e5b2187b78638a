"""The checks that zones ask for: zones -> which monitor checks which target, and what calculated checks combine.

In come zones, or services; out goes each check once, however many endpoints and zones ask for it. A calculated check
knows nothing of a service that waits for itself, also through other zones (gtm/zone/cycles.py). It must not say how a
check is judged: that is in policy.py and calculated.py.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from gtm.ids import SHARED_SCOPE, CheckId, ServiceId
from gtm.zone.cycles import circular
from gtm.zone.model import Monitor, Service, Zone, awaited_by, check_id
from gtm.zone.monitors.kinds.calculated import CalculatedSettings

MAX_FOREIGN_ENDPOINTS = 1_000
"""The most endpoints of a service of another zone in a calculated monitor; a larger one is unknown to the monitor. The
cost counts for the zone of the monitor (gtm/zone/rules/sizes.py), and a zone is parsed without the others."""


@dataclass(frozen=True, slots=True)
class Part:
    """A monitor or a service that a calculated check combines: it is up while at least one of its checks is."""

    name: str
    """The name of the monitor or the service, for messages."""
    checks: tuple[CheckId, ...]
    """One check for a monitor; the checks of the endpoints for a service; empty for an unknown service."""
    is_unchecked: bool = False
    """Whether an endpoint of the service has no monitor: then it counts as up."""


@dataclass(frozen=True, slots=True)
class Check:
    """A monitor and the target that it checks."""

    id: CheckId
    monitor: Monitor
    target: str
    """An address, or a host name to resolve."""
    parts: tuple[Part, ...] = ()
    """What a check of type `calculated` combines."""
    zones: tuple[str, ...] = field(default=(), compare=False, repr=False)
    """The zones that use it, for a monitor of the shared file (_shared.yaml); else empty."""

    @property
    def asked_by(self) -> tuple[str, ...]:
        """Returns the names of the zones that use this check."""
        return self.zones or (self.monitor.scope,)


def checks(zones: tuple[Zone, ...]) -> tuple[Check, ...]:
    """Returns every check that these zones use, with the parts of calculated checks, each once, sorted by id."""
    parts = _parts_of({service.id: service for zone in zones for service in zone.services})
    by_id: dict[CheckId, Check] = {}
    asked_by: defaultdict[CheckId, list[str]] = defaultdict(list)
    for zone in zones:
        own: dict[CheckId, Check] = {}
        _collect_all(zone.services, parts, own)
        for check in own.values():
            by_id.setdefault(check.id, check)
            if check.monitor.scope == SHARED_SCOPE:
                asked_by[check.id].append(zone.origin.to_text(omit_final_dot=True).lower())
    for shared, names in asked_by.items():
        by_id[shared] = replace(by_id[shared], zones=tuple(sorted(names)))
    return tuple(by_id[key] for key in sorted(by_id))


def checks_of(services: Mapping[ServiceId, Service]) -> tuple[Check, ...]:
    """Returns every check that these services use, as `checks` does, but without the field `zones`."""
    by_id: dict[CheckId, Check] = {}
    _collect_all(services.values(), _parts_of(services), by_id)
    return tuple(by_id[key] for key in sorted(by_id))


def _parts_of(services: Mapping[ServiceId, Service]) -> "_ServiceParts":
    circles = circular(awaited_by(services.values()))
    return _ServiceParts({name: service for name, service in services.items() if name not in circles})


def _collect_all(services: Iterable[Service], parts: "_ServiceParts", by_id: dict[CheckId, Check]) -> None:
    for service in services:
        for endpoint in service.endpoints:
            if service.monitor is not None:
                _collect(service.monitor, endpoint.target, parts, by_id)


class _ServiceParts:
    """Makes the part of each service. Its state is a cache: a service is one part for all checks that wait for it."""

    def __init__(self, services: Mapping[ServiceId, Service]) -> None:
        self._services = services
        self._known: dict[tuple[str, bool], Part] = {}

    def part(self, name: str, *, is_own: bool) -> Part:
        """Returns the part of a service; `is_own` says whether the monitor is of the same zone as the service."""
        key = (name, is_own)
        if key not in self._known:
            service = self._services.get(ServiceId(name))
            is_known = service is not None and (is_own or len(service.endpoints) <= MAX_FOREIGN_ENDPOINTS)
            self._known[key] = _service_part(name, service if is_known else None)
        return self._known[key]


def _collect(monitor: Monitor, target: str, services: _ServiceParts, by_id: dict[CheckId, Check]) -> None:
    """Adds to `by_id` the check of a monitor for a target, and the checks of its parts."""
    stack = [monitor]
    while stack:
        here = stack.pop()
        check = check_id(here, target)
        if check not in by_id:
            by_id[check] = Check(check, here, target, _parts(here, target, services))
            stack += here.parts


def _parts(monitor: Monitor, target: str, services: _ServiceParts) -> tuple[Part, ...]:
    if not isinstance(monitor.settings, CalculatedSettings):
        return ()
    own = tuple(Part(part.name, (check_id(part, target),)) for part in monitor.parts)
    awaited = monitor.settings.services
    own_zone = f".{monitor.scope}"
    return (*own, *(services.part(name, is_own=f".{name}".endswith(own_zone)) for name in awaited))


def _service_part(name: str, service: Service | None) -> Part:
    if service is None:
        return Part(name, ())
    checks = [service.check_of(endpoint) for endpoint in service.endpoints]
    watched = tuple(check for check in checks if check is not None)
    return Part(name, watched, is_unchecked=len(watched) < len(checks))
