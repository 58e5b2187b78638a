"""Between the planner and the overrides: keeps overrides in force when zone files rename their scopes.

    prepare   before a plan of new zones is made: overrides count by the old and the new names
    commit    just before that plan serves: only the new names count
    abandon   when no plan can be made: only the old names count

While zone files are being read, those that are not read yet are taken as before. At a start, the old names are those
of the zone files kept on disk. All this happens at every change of names, even without an override in force: the first
override may be set, or a peer may be accepted, while the plan is made.
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
    """The overrides of a node, which follow the renames in zone files."""

    def prepare(self, before: Layout, after: Layout) -> InForce:
        """Returns the overrides in force, by the old names and by the names of the coming plan."""

    def abandon(self) -> None:
        """Drops the prepared names; overrides count by the old names alone again."""

    def commit(self, after: Layout) -> tuple[str, ...]:
        """Makes overrides count by the new names alone; returns lines for people about what this changed."""

    def take_causes(self) -> tuple[EventId, ...]:
        """Returns the ids of the events since the last call; they are the causes of the next plan."""


class Renaming:
    """Prepares and commits renames. Its state: the zones whose names count now, and the layout of the coming plan."""

    def __init__(self, following: Following) -> None:
        self._following = following
        self._known: dict[Name, Zone] = {}
        self._coming: Layout | None = None
        self.lines: tuple[str, ...] = ()
        """The lines for people about the overrides that the last commit changed."""

    def began_with(self, kept: Catalogue) -> None:
        """Takes the names of the zones that served before this start, unless names are known already."""
        if not self._known:
            self._known = {zone.origin: zone for zone in kept.zones}

    async def prepare(self, catalogue: Catalogue, threads: Pool, *, now: Callable[[], Overlay]) -> Overlay:
        """Returns the overlay for a plan of these zones, in which overrides count by the old and the new names.

        `now` returns the present overlay; the layouts of the zones are made in a thread of `threads`.
        """
        before, after = dict(self._known), self._after(catalogue)
        if not before:
            return now()
        layouts = await threads.run(_layouts, before, after)
        if layouts is None:
            return now()
        was, self._coming = layouts
        return replace(now(), said=self._following.prepare(was, self._coming))

    def commit(self, catalogue: Catalogue) -> tuple[EventId, ...]:
        """Makes overrides count by the names of these zones; returns the ids of the events that this caused."""
        coming, self._coming, self._known = self._coming, None, self._after(catalogue)
        self.lines = () if coming is None else self._following.commit(coming)
        return self._following.take_causes()

    def abandon(self) -> None:
        """Drops the prepared names, because no plan of them can be made."""
        self._coming = None
        self._following.abandon()

    def _after(self, catalogue: Catalogue) -> dict[Name, Zone]:
        """Returns the zones of the coming plan by origin; known zones stay while zone files are still unread."""
        after = {zone.origin: zone for zone in catalogue.zones}
        return {**self._known, **after} if catalogue.unread else after


Zones = Mapping[Name, Zone]


def _layouts(before: Zones, after: Zones) -> tuple[Layout, Layout] | None:
    """Returns the layouts of the zones before and after; None when no endpoint has another name."""
    if before.keys() == after.keys() and all(_is_named_alike(zone, after[name]) for name, zone in before.items()):
        return None
    return layout_of(endpoint_refs_of(before.values())), layout_of(endpoint_refs_of(after.values()))


def _is_named_alike(zone: Zone, other: Zone) -> bool:
    """Returns whether two zones have the same endpoints by name."""
    return zone is other or set(endpoint_refs_of((zone,))) == set(endpoint_refs_of((other,)))
