"""Cycles of services: services that wait for each other through calculated monitors.

In comes the graph: for each service the services that it waits for. Out go the services that wait for themselves, and
the path of the cycle. None of them would ever come up: each is up only after another. Within one zone a cycle is a
mistake of its file. Zones are read separately, so a cycle between zones is found later, and its services are unknown to
each other (`checks` in gtm/checks/model.py).
"""

from collections.abc import Iterator, Mapping

from gtm.ids import ServiceId

Awaited = Mapping[ServiceId, tuple[ServiceId, ...]]


def circular(awaited: Awaited) -> dict[ServiceId, int]:
    """Returns the number of its cycle for each service that waits for itself.

    Services that wait for each other have the same number.
    They are the strongly connected components of the graph (Tarjan, Depth-first search and linear graph algorithms,
    1972), found in one walk and without recursion.
    """
    search = _Search(awaited)
    for service in awaited:
        search.visit(service)
    return search.found


def way_back(start: ServiceId, awaited: Awaited, component: Mapping[ServiceId, int]) -> tuple[ServiceId, ...]:
    """Returns a shortest path from a service to itself, both ends included.

    `component` is the result of `circular` for the same graph. Raises AssertionError when there is no such path.
    """
    came_from: dict[ServiceId, ServiceId] = {}
    frontier = [start]
    while frontier:
        reached = []
        for here in frontier:
            for there in awaited.get(here, ()):
                if there == start:
                    return _retraced(here, came_from, start)
                if there not in came_from and component.get(there) == component[start]:
                    came_from[there] = here
                    reached.append(there)
        frontier = reached
    raise AssertionError(f"{start} does not wait for itself")


def _retraced(last: ServiceId, came_from: Mapping[ServiceId, ServiceId], start: ServiceId) -> tuple[ServiceId, ...]:
    way = [start]
    while last != start:
        way.append(last)
        last = came_from[last]
    return (start, *reversed(way))


class _Search:
    """Tarjan's algorithm.

    Its state: the order of discovery, the lowest order that each service reaches, and the stack of services whose
    component is not known yet.
    """

    def __init__(self, awaited: Awaited) -> None:
        self._awaited = awaited
        self._order: dict[ServiceId, int] = {}
        self._lowest: dict[ServiceId, int] = {}
        self._undecided: dict[ServiceId, None] = {}
        self.found: dict[ServiceId, int] = {}

    def visit(self, start: ServiceId) -> None:
        trail: list[tuple[ServiceId, Iterator[ServiceId]]] = []
        if start not in self._order:
            trail.append(self._enter(start))
        while trail:
            here, rest = trail[-1]
            following = next(rest, None)
            if following is None:
                trail.pop()
                if trail:
                    self._lower(trail[-1][0], self._lowest[here])
                self._decide(here)
            elif following not in self._order:
                trail.append(self._enter(following))
            elif following in self._undecided:
                self._lower(here, self._order[following])

    def _enter(self, service: ServiceId) -> tuple[ServiceId, Iterator[ServiceId]]:
        self._order[service] = self._lowest[service] = len(self._order)
        self._undecided[service] = None
        return service, iter(self._awaited.get(service, ()))

    def _lower(self, service: ServiceId, reached: int) -> None:
        self._lowest[service] = min(self._lowest[service], reached)

    def _decide(self, service: ServiceId) -> None:
        """Takes a component off the stack, if the service is its first; stores it in `found` if it is a cycle.

        A component of one service is a cycle if the service waits for itself.
        """
        if self._lowest[service] != self._order[service]:
            return
        members: list[ServiceId] = []
        while not members or members[-1] != service:
            members.append(self._undecided.popitem()[0])
        if len(members) > 1 or service in self._awaited.get(service, ()):
            self.found.update(dict.fromkeys(members, self._order[service]))
