"""Entries of the schema -> regions, monitors and services as frozen values; what one service alone can get wrong.

In come validated entries, out go values of gtm/zone/model.py. It must not look at other services or records: that is
gtm/zone/rules/names.py.
"""

from collections import Counter
from collections.abc import Mapping

from dns.name import Name
from dns.rdatatype import RdataType

from gtm.config.document import Path
from gtm.ids import Address, MonitorName, RegionName
from gtm.zone.draft import ProblemList
from gtm.zone.model import Endpoint, Monitor, OnAllDown, Region, Service
from gtm.zone.monitors.hysteresis import recheck_of, window_of
from gtm.zone.monitors.registry import KINDS
from gtm.zone.monitors.schema import MonitorEntry
from gtm.zone.safety import min_healthy_of, safety_of
from gtm.zone.schema import RegionEntry, ServiceEntry, ZoneEntry
from gtm.zone.ttl import TtlRange


def region(name: str, entry: RegionEntry) -> Region:
    """Returns the region that an entry of a zone file or of the shared file (_shared.yaml) describes."""
    return Region(RegionName(name), entry.at, entry.country, entry.continent, entry.bias, enabled=entry.enabled)


def monitor(scope: str, name: str, entry: MonitorEntry) -> Monitor:
    """Returns the monitor that an entry describes; `scope` is the name of the zone that defines it, or `_shared`."""
    kind, entry = KINDS[entry.type], entry.with_defaults()
    return Monitor(
        scope=scope,
        name=MonitorName(name),
        type=entry.type,
        port=kind.port(entry),
        settings=kind.settings(entry),
        interval_s=entry.interval,
        timeout_s=entry.timeout_s,
        fall=entry.fall,
        rise=entry.rise,
        window=window_of(entry.window, fall=entry.fall),
        recheck_s=recheck_of(entry.recheck, interval_s=entry.interval),
        failback_delay_s=entry.failback_delay,
        damping=entry.damping,
        addresses=entry.addresses,
    )


def service(name: Name, entry: ServiceEntry, zone: ZoneEntry, *, monitors: Mapping[str, Monitor]) -> Service:
    """Returns the service that an entry describes, with defaults from its zone; `monitors` are by name."""
    regular = Counter(RegionName(endpoint.region) for endpoint in entry.endpoints if not endpoint.last_resort)
    return Service(
        name=name,
        ttl=_longest_ttl(entry, zone.ttl),
        steer=entry.steer,
        endpoints=_endpoints(entry),
        monitor=None if entry.monitor is None else monitors.get(entry.monitor),
        on_all_down=entry.on_all_down,
        ttl_min=entry.ttl.least if isinstance(entry.ttl, TtlRange) else None,
        ttl_degraded=entry.ttl_degraded,
        safety=safety_of(entry.safety, zone.safety),
        min_healthy=min_healthy_of(entry.min_healthy, zone.min_healthy, regular),
        health_view=entry.health_view,
        enabled=entry.enabled,
    )


def _longest_ttl(entry: ServiceEntry, zone_ttl: int) -> int:
    if isinstance(entry.ttl, TtlRange):
        return entry.ttl.most
    return zone_ttl if entry.ttl is None else entry.ttl


def _endpoints(entry: ServiceEntry) -> tuple[Endpoint, ...]:
    ranks = {
        name: rank for rank, name in enumerate(dict.fromkeys(endpoint.region for endpoint in entry.endpoints), start=1)
    }
    return tuple(
        Endpoint(
            region=RegionName(endpoint.region),
            answer=_answer(endpoint.address, endpoint.target),
            weight=endpoint.weight,
            priority=ranks[endpoint.region] if endpoint.priority is None else endpoint.priority,
            last_resort=endpoint.last_resort,
            enabled=endpoint.enabled,
        )
        for endpoint in entry.endpoints
    )


def _answer(address: Address | None, target: Name | None) -> Address | Name:
    answer = target if address is None else address
    assert answer is not None  # the schema wants exactly one of the two
    return answer


def check_service(service: Service, path: Path, report: ProblemList, *, whole: bool) -> None:
    """Adds the problems of one service; without `whole`, parts were left out, and what it lacks is no problem."""
    _check_duplicates(service, path, report)
    _check_ttls(service, path, report)
    if not whole:
        return
    last = [index for index, endpoint in enumerate(service.endpoints) if endpoint.last_resort]
    if len(last) == len(service.endpoints):
        report.add((*path, "endpoints"), "every endpoint is a last_resort; a last resort needs others before it")
    elif last and service.on_all_down is not OnAllDown.LAST_RESORT:
        message = "a last_resort endpoint is never answered without on_all_down: last_resort"
        report.add((*path, "endpoints", last[0], "last_resort"), message)
    elif not last and service.on_all_down is OnAllDown.LAST_RESORT:
        report.add((*path, "on_all_down"), "on_all_down: last_resort needs an endpoint with last_resort: true")
    else:
        _check_families(service, path, report)


def _check_families(service: Service, path: Path, report: ProblemList) -> None:
    """Adds a problem if all A endpoints, or all AAAA endpoints, are last_resort and no target name can stand in."""
    regular = {endpoint.rtype for endpoint in service.endpoints if not endpoint.last_resort}
    for index, endpoint in enumerate(service.endpoints):
        if not isinstance(endpoint.answer, Name) and not regular & {endpoint.rtype, RdataType.CNAME}:
            message = f"the {endpoint.rtype.name} endpoints are all last_resort; a last resort needs others before it"
            report.add((*path, "endpoints", index, "last_resort"), message)
            return


def _check_ttls(service: Service, path: Path, report: ProblemList) -> None:
    if service.ttl_degraded is None:
        return
    here = (*path, "ttl_degraded")
    if service.ttl_min is not None:
        report.add(here, "a ttl with max and min follows health by itself; ttl_degraded is for a plain one")
    elif service.ttl_degraded > service.ttl:
        report.add(here, f"ttl_degraded ({service.ttl_degraded} s) is longer than the ttl ({service.ttl} s)")


def _check_duplicates(service: Service, path: Path, report: ProblemList) -> None:
    firsts: dict[tuple[str, object], int] = {}
    for index, endpoint in enumerate(service.endpoints):
        here = (*path, "endpoints", index)
        key = "target" if isinstance(endpoint.answer, Name) else "address"
        first = firsts.setdefault((endpoint.region, endpoint.answer), index)
        if first != index:
            line = report.document.line((*path, "endpoints", first))
            report.add((*here, key), f"duplicate endpoint {endpoint.id}; the first one is on line {line}")
