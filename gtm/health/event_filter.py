"""Which events are about a service, a region or a zone, and what led to them.

    about      the event names it: as its subject, in its facts, or by a scope that it is in
    led to     what those name as their causes, at any depth: readings and verdicts, of this node and of others
    followed   the plan and the regions that name one of those that are about it as their cause

An event that suspects the probes is about everything. An event with a very long list of services keeps only some; it
may be about any service, and is chosen. What comes in: events in order. What goes out: the chosen ones, in that order.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from difflib import get_close_matches

from gtm.event import EventKind, Fact, Recorded
from gtm.health.override.scope import EndpointScope, RegionScope, Scope, ServiceScope, ZoneScope, parse_scope

_FOLLOWING = frozenset({EventKind.PLAN.value, EventKind.REGION_DOWN.value, EventKind.REGION_UP.value})
_REGIONS = frozenset({EventKind.REGION_DOWN.value, EventKind.REGION_UP.value})
_NAMES = frozenset({EventKind.NAME_FAIL_OPEN.value, EventKind.NAME_RECOVERED.value})
_OF_ALL = "checks"
"""The subject of a suspicion (gtm/plan/safety/rules.py)."""


@dataclass(frozen=True, slots=True)
class Choice:
    """A filter of events: by time, kind, service, region and zone. An empty field allows any."""

    until: float = float("inf")
    kinds: frozenset[str] = frozenset()
    services: tuple[str, ...] = ()
    """Names of services, complete or without their zone."""
    regions: tuple[str, ...] = ()
    """Names, or `ZONE/REGION`."""
    zones: tuple[str, ...] = ()

    def of(self, events: Iterable[Recorded]) -> Sequence[Recorded]:
        """Returns those of `events` that the filter chooses, in the same order; earlier calls have no effect."""
        chosen = [event for event in events if event.wall <= self.until]
        if self.services or self.regions or self.zones:
            chosen = self._with_causes(chosen)
        return [event for event in chosen if event.type in self.kinds] if self.kinds else chosen

    def unnamed(self, events: Iterable[Recorded]) -> tuple[str, ...]:
        """Returns the names of this filter that none of the events mentions, each with a similar name if there is one.

        For such a name only events that may be about anything are chosen.
        """
        mentions = [_Mention(event) for event in events if event.wall <= self.until]
        known = sorted({service for mention in mentions for service in mention.services})
        services = [name for name in self.services if not set(_whole_names([name], mentions)) & set(known)]
        regions = [name for name in self.regions if not any(mention.has_region(name) for mention in mentions)]
        zones = [name for name in self.zones if not any(mention.has_zone(name) for mention in mentions)]
        return (
            *(f"a service {name}{_meant(name, known)}" for name in services),
            *(f"a region {name}" for name in regions),
            *(f"a zone {name}" for name in zones),
        )

    def _with_causes(self, events: Sequence[Recorded]) -> list[Recorded]:
        mentions = [_Mention(event) for event in events]
        services = tuple(_whole_names(self.services, mentions))
        both = zip(events, mentions, strict=True)
        about = {event.id for event, mention in both if self._is_about(event, mention, services)}
        wanted, told = set(about), set(about)
        for event in events:
            if event.type in _FOLLOWING and not about.isdisjoint(event.causes):
                told.add(event.id)
        for event in reversed(events):  # a cause is recorded before its effects
            if event.id in wanted and event.type != EventKind.PLAN.value:  # a new plan has unrelated causes too
                wanted.update(event.causes)
        return [event for event in events if event.id in told or event.id in wanted]

    def _is_about(self, event: Recorded, mention: "_Mention", services: tuple[str, ...]) -> bool:
        if event.subject == _OF_ALL and event.type.startswith("gtm.safety."):
            return True
        return all(
            not wanted or any(is_meant(name) for name in wanted)
            for wanted, is_meant in (
                (services, mention.has_service),
                (self.regions, mention.has_region),
                (self.zones, mention.has_zone),
            )
        )


class _Mention:
    """The services, regions and zones that one event is about."""

    def __init__(self, event: Recorded) -> None:
        self._event = event
        self._scope = _scope(event.subject)
        facts = event.facts
        self.services = [name.lower() for name in _texts(facts.get("services"))]
        if event.type in _NAMES:
            self.services.append(event.subject.lower())
        if isinstance(self._scope, ServiceScope | EndpointScope):
            self.services.append(self._scope.service)
        count = facts.get("services_count")
        self._has_more = isinstance(count, int) and count > len(self.services)
        self._zones = [
            text.lower() for key in ("zone", "added", "changed", "removed") for text in _texts(facts.get(key))
        ]
        if isinstance(self._scope, ZoneScope | RegionScope):
            self._zones.append(self._scope.zone)

    def has_service(self, name: str) -> bool:
        if self._has_more or name in self.services:
            return True
        # an event about a zone or a region, or a change in a zone, may be about any service in it
        is_wide = self._event.type not in _REGIONS and not self.services
        return is_wide and any("." not in name or _is_in(name, zone) for zone in self._zones)

    def has_region(self, name: str) -> bool:
        wanted = name.lower()
        regions = [*_texts(self._event.facts.get("regions"))]
        if self._event.type in _REGIONS:
            regions.append(self._event.subject)
        if isinstance(self._scope, RegionScope):
            regions.append(f"{self._scope.zone}/{self._scope.region}")
        if isinstance(self._scope, EndpointScope):
            regions.append(self._scope.endpoint.partition("/")[0])
        named = (region.lower() for region in regions)
        return any(
            candidate == wanted or candidate.endswith(f"/{wanted}") or wanted.endswith(f"/{candidate}")
            for candidate in named
        )

    def has_zone(self, name: str) -> bool:
        wanted = name.lower().removesuffix(".")
        is_its_check = self._event.subject.lower().startswith(f"{wanted}/")
        return is_its_check or any(
            _is_in(candidate, wanted) or candidate == "*" for candidate in (*self.services, *self._zones)
        )


def _whole_names(names: Iterable[str], mentions: Sequence[_Mention]) -> Iterable[str]:
    """Yields for each name of a service all full names that it may mean, or the name itself if there is none."""
    known = {service for mention in mentions for service in mention.services}
    for name in names:
        wanted = name.lower().removesuffix(".")
        yield from [candidate for candidate in known if candidate == wanted or candidate.startswith(f"{wanted}.")] or [
            wanted
        ]


def _meant(name: str, known: Sequence[str]) -> str:
    """Returns the text ` (did you mean SERVICE?)` for an unknown name of a service; empty if none is similar."""
    wanted = name.lower().removesuffix(".")
    whole = {full if "." in wanted else full.partition(".")[0]: full for full in known}
    near = get_close_matches(wanted, whole, 1)
    return f" (did you mean {whole[near[0]]}?)" if near else ""


def _is_in(name: str, zone: str) -> bool:
    return name == zone or name.endswith(f".{zone}") or zone == "*"


def _scope(subject: str) -> Scope | None:
    try:
        return parse_scope(subject)
    except ValueError:
        return None


def _texts(fact: Fact | None) -> tuple[str, ...]:
    if isinstance(fact, tuple | list):
        return tuple(fact)
    return (fact,) if isinstance(fact, str) else ()
