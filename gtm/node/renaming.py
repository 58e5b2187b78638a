"""Between the planner and what people said: the names that zones had, and those that they are about to have.

    prepare   before a plan of new zones is made: what is said counts by the names of both
    commit    just before that plan serves
    abandon   where none can be made

While zone files are read, those that are not read yet are taken to be as they were. At a start, what was is what the
zone files said that were kept on disk. It is done for every change of names, whatever is said just then: somebody may
say the first thing, or a peer may be accepted, while the plan is made.
"""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Protocol

from dns.name import Name

from gtm.event import EventId
from gtm.health.override.override import InForce
from gtm.plan.overlay import Overlay
from gtm.plan.renamed_scopes import Layout, endpoint_refs_of, layout_of
from gtm.threads import Pool
from gtm.watch.folder import Catalogue
from gtm.zone.model import Zone


class Following(Protocol):
    """What people said, which follows what zone files rename."""

    def prepare(self, before: Layout, after: Layout) -> InForce:
        """Returns the overrides, by the names that zones have and by those that they will have."""

    def abandon(self) -> None:
        """Lets the zones keep their names."""

    def commit(self, after: Layout) -> tuple[str, ...]:
        """Has the new names count from now on; returns what that makes of what people said, for people."""

    def take_causes(self) -> tuple[EventId, ...]:
        """Returns the events since the last call; the plan that follows is caused by them."""


class Renaming:
    """Tells those who follow. Its state is the zones whose names they know, and what comes next."""

    def __init__(self, following: Following) -> None:
        self._following = following
        self._known: dict[Name, Zone] = {}
        self._coming: Layout | None = None
        self.lines: tuple[str, ...] = ()
        """What the last commit made of what people said, for people."""

    def began_with(self, kept: Catalogue) -> None:
        """Takes what served before this start; nothing where anything else is known."""
        if not self._known:
            self._known = {zone.origin: zone for zone in kept.zones}

    async def prepare(self, catalogue: Catalogue, threads: Pool, *, now: Callable[[], Overlay]) -> Overlay:
        """Returns the overlay of then, in which what people said counts by the names that these zones have, too."""
        before, after = dict(self._known), self._after(catalogue)
        if not before:
            return now()
        layouts = await threads.run(_layouts, before, after)
        if layouts is None:
            return now()
        was, self._coming = layouts
        return replace(now(), said=self._following.prepare(was, self._coming))

    def commit(self, catalogue: Catalogue) -> tuple[EventId, ...]:
        """Has the names of these zones count; returns the events of it, which cause the plan."""
        coming, self._coming, self._known = self._coming, None, self._after(catalogue)
        self.lines = () if coming is None else self._following.commit(coming)
        return self._following.take_causes()

    def abandon(self) -> None:
        """Forgets the names that zones would have had."""
        self._coming = None
        self._following.abandon()

    def _after(self, catalogue: Catalogue) -> dict[Name, Zone]:
        after = {zone.origin: zone for zone in catalogue.zones}
        return {**self._known, **after} if catalogue.unread else after


Zones = Mapping[Name, Zone]


def _layouts(before: Zones, after: Zones) -> tuple[Layout, Layout] | None:
    """Returns the layouts of zones; None where all has the names that it had, which is quick to tell."""
    if before.keys() == after.keys() and all(_is_named_alike(zone, after[name]) for name, zone in before.items()):
        return None
    return layout_of(endpoint_refs_of(before.values())), layout_of(endpoint_refs_of(after.values()))


def _is_named_alike(zone: Zone, other: Zone) -> bool:
    return zone is other or set(endpoint_refs_of((zone,))) == set(endpoint_refs_of((other,)))
