"""Faults: the checks that are down together when one thing dies.

What comes in: every check of the zones (`Watched`), and a service. What goes out: the single faults that take down a
check of that service, each with all the checks that are down after it, those of other services too:

    a region           every target in it, whatever zone has it: a region is one place
    a service          every target of one that the service's monitor is calculated from
    all services that its monitor is calculated from at once, where none of the others takes it down

A dead target is down for every check of it. Calculated checks follow by the rule of the probes.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from gtm.checks.calculated import belief_of, needed_of
from gtm.checks.combine import combined
from gtm.checks.model import Check
from gtm.health.belief import Belief
from gtm.ids import CheckId, RegionName, ServiceId
from gtm.plan.model import SteeredService
from gtm.zone.monitors.kinds.calculated import CalculatedSettings

Watched = Mapping[CheckId, Check]
"""Every check of the zones, with the parts of calculated checks (`checks` in gtm/checks/model.py)."""


@dataclass(frozen=True, slots=True)
class Fault:
    """One cause, such as a dead region, and the checks that are down because of it."""

    name: str
    """The cause in words: `all of us-east dies`."""
    fallen: frozenset[CheckId]
    """The checks that are down after it."""


def everything(watched: Watched) -> Fault:
    """Returns the fault in which every target is dead."""
    return Fault("everything dies", fallen(frozenset(check.target for check in watched.values()), watched))


def single_faults(
    steered: SteeredService, services: Mapping[ServiceId, SteeredService], watched: Watched
) -> tuple[Fault, ...]:
    """Returns the single faults that take down at least one check of a service; empty when there are none.

    `services` are all services by id. `watched` has every check of the zones.
    """
    awaited = {name: services[name] for name in steered.service.awaits if name in services}
    faults = [
        Fault(f"all of {what} dies", fallen(targets, watched))
        for what, targets in (*_regions([steered, *awaited.values()], services.values()), *_services(awaited))
    ]
    felling = tuple(fault for fault in faults if not fault.fallen.isdisjoint(steered.checks))
    if felling or not awaited:
        return felling
    targets = frozenset(target for service in awaited.values() for target in _targets(service))
    last = Fault("all that its monitor is calculated from dies", fallen(targets, watched))
    return () if last.fallen.isdisjoint(steered.checks) else (last,)


def fallen(targets: frozenset[str], watched: Watched) -> frozenset[CheckId]:
    """Returns the checks that are down while these targets are dead and all other targets are up."""
    beliefs: dict[CheckId, Belief] = {}
    stack = list(watched)  # services may wait for each other in a row of thousands: too deep for recursion
    while stack:  # it ends: no circles, for `checks` leaves them out
        check = watched[stack[-1]]
        missing = [part_check for part in check.parts for part_check in part.checks if part_check not in beliefs]
        if missing:
            stack += missing
        else:
            beliefs[stack.pop()] = _belief(check, beliefs, targets)
    return frozenset(check_id for check_id, belief in beliefs.items() if belief is Belief.DOWN)


def _belief(check: Check, beliefs: Mapping[CheckId, Belief], targets: frozenset[str]) -> Belief:
    """Returns the belief of a check; that of a calculated check comes from `beliefs` of its parts."""
    settings = check.monitor.settings
    if isinstance(settings, CalculatedSettings):
        parts = [belief_of(part, beliefs.__getitem__) for part in check.parts]
        return combined(parts, needed=needed_of(settings, len(parts)))
    return Belief.DOWN if check.target in targets else Belief.UP


def _targets_by_region(services: Iterable[SteeredService]) -> dict[RegionName, set[str]]:
    targets: dict[RegionName, set[str]] = {}
    for service in services:
        for endpoint in service.service.endpoints:
            targets.setdefault(endpoint.region, set()).add(endpoint.target)
    return targets


def _regions(
    concerned: Iterable[SteeredService], services: Iterable[SteeredService]
) -> Iterator[tuple[str, frozenset[str]]]:
    """Yields each region that has a target of the `concerned` services, with all targets of all services in it."""
    relevant = {target for region in concerned for target in _targets(region)}
    for name, targets in _targets_by_region(services).items():
        if not relevant.isdisjoint(targets):
            yield name, frozenset(targets)


def _services(awaited: Mapping[ServiceId, SteeredService]) -> Iterator[tuple[str, frozenset[str]]]:
    for name, service in awaited.items():
        yield name, frozenset(_targets(service))


def _targets(steered: SteeredService) -> Iterator[str]:
    for endpoint in steered.service.endpoints:
        yield endpoint.target
