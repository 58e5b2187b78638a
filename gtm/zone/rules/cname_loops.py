"""CNAME loops: names of a zone that lead to each other in a circle.

In comes a draft zone, out go loops of names. Wildcards answer for names that do not exist (RFC 4592 3.3), so a chain
may come back through one.
"""

from collections.abc import Callable, Iterator, Mapping

from dns.name import Name
from dns.rdatatype import RdataType
from dns.rdtypes.ANY.CNAME import CNAME

from gtm.zone.draft import ZoneDraft

Graph = Mapping[Name, tuple[Name, ...]]


def alias_graph(draft: ZoneDraft) -> Graph:
    """Returns, for each alias of the zone, the aliases that it may lead to."""
    targets = {
        record.name: tuple(rdata.target for rdata in record.rdatas if isinstance(rdata, CNAME))
        for record in draft.all_records()
        if record.rtype == RdataType.CNAME
    }
    targets |= {name: service.targets for name, service in draft.services.items() if service.targets}
    existing = _existing(draft)

    def exists(name: Name) -> bool:
        return name in existing or draft.has(name)

    return {
        name: tuple(dict.fromkeys(owner for each in names if (owner := _owner(each, draft.origin, exists)) in targets))
        for name, names in targets.items()
    }


def loops(graph: Graph) -> Iterator[tuple[Name, ...]]:
    """Yields each loop once, beginning with the name that stands first in the graph.

    A depth-first search with its own stack: a chain of aliases may be as long as the file.
    """
    done: set[Name] = set()
    for start in graph:
        trail = [] if start in done else [(start, iter(graph[start]))]
        places = {name: place for place, (name, _) in enumerate(trail)}
        while trail:
            here, rest = trail[-1]
            following = next(rest, None)
            if following is None:
                done.add(here)
                del places[here]
                trail.pop()
            elif following in places:
                yield tuple(name for name, _ in trail[places[following] :])
            elif following not in done:
                places[following] = len(trail)
                trail.append((following, iter(graph[following])))


def _existing(draft: ZoneDraft) -> set[Name]:
    """Returns every name of the zone file that exists, empty non-terminals too (RFC 4592 2.2.2)."""
    existing = {draft.origin}
    for owner in (*draft.records, *draft.services):
        name = owner
        while name not in existing:
            existing.add(name)
            name = name.parent()
    return existing


def _owner(name: Name, origin: Name, exists: Callable[[Name], bool]) -> Name:
    """Returns the name that answers for this one: itself, or the wildcard at its closest encloser."""
    if not name.is_subdomain(origin) or exists(name):
        return name
    while not exists(name):
        name = name.parent()
    return Name((b"*", *name.labels))
