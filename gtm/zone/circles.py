"""Circles of services: one waits for another through calculated monitors, and that one for the first.

What comes in: for each service those that it waits for. What goes out: for each one that waits for itself, by what way.
None of a circle would ever come up again: each is up only once another is. In one zone that is a mistake of its file;
between zones, which are read apart, such services count as not known (`checks` in model.py).
"""

from collections.abc import Mapping

from gtm.ids import ServiceId


def circles(awaited: Mapping[ServiceId, tuple[ServiceId, ...]]) -> Mapping[ServiceId, tuple[ServiceId, ...]]:
    """Returns the way of each service that waits for itself: itself, those between, and itself again."""
    ways = ((service, _way_back(service, awaited)) for service, next_ones in awaited.items() if next_ones)
    return {service: way for service, way in ways if way is not None}


def _way_back(start: ServiceId, awaited: Mapping[ServiceId, tuple[ServiceId, ...]]) -> tuple[ServiceId, ...] | None:
    """Returns a shortest way from a service to itself."""
    came_from: dict[ServiceId, ServiceId] = {}
    frontier = [start]
    while frontier:
        reached = []
        for here in frontier:
            for there in awaited.get(here, ()):
                if there == start:
                    return _retraced(here, came_from, start)
                if there not in came_from:
                    came_from[there] = here
                    reached.append(there)
        frontier = reached
    return None


def _retraced(last: ServiceId, came_from: Mapping[ServiceId, ServiceId], start: ServiceId) -> tuple[ServiceId, ...]:
    way = [start]
    while last != start:
        way.append(last)
        last = came_from[last]
    return (start, *reversed(way))
