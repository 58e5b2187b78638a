"""The zones of a node, or of another folder -> what zone files would change there: for `gtm check --against`."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

import typer

from gtm.admin.address import UNIX
from gtm.admin.client import fetch_status, fetch_zones
from gtm.admin.override_view import OverrideView
from gtm.admin.views import NodeStatus
from gtm.cli.console import counted, print_aside
from gtm.cli.options import admin_address
from gtm.counters import Counters
from gtm.errors import Unreachable, ZoneInvalid
from gtm.health.override.scope import EndpointRef, Scope, parse_scope
from gtm.node.plugins.filters import vocabulary
from gtm.node.rivers.zones import never_empty
from gtm.plan.renamed_scopes import Layout, endpoint_refs_of, followed, layout_of
from gtm.watch.folder import EMPTY
from gtm.watch.reading import read
from gtm.watch.zone_loss import LossGuard
from gtm.zone.changes import ZoneChanges, changes, changes_since
from gtm.zone.model import Zone

WARNING = "warning: "


@dataclass(frozen=True, slots=True)
class Compared:
    """The changes that zone files would make to a node or a folder."""

    against: str
    changes: tuple[ZoneChanges, ...]
    held: tuple[str, ...]
    """Messages about zones that would lose most of their records, so that a node would keep the zone that it serves.

    Empty against a node, which does not report enough for this.
    """
    fates: tuple[str, ...]
    """The effects on the overrides of a node, as text; some are warnings."""

    @property
    def warnings(self) -> tuple[str, ...]:
        """Returns the warnings about zones."""
        return (*(change.warning for change in self.changes if change.warning), *self.held)

    @property
    def warned(self) -> int:
        """Returns the number of warnings, with those about overrides."""
        return len(self.all_warnings)

    @property
    def all_warnings(self) -> tuple[str, ...]:
        """Returns the warnings about zones and about overrides."""
        return (*self.warnings, *(fate.removeprefix(WARNING) for fate in self.fates if fate.startswith(WARNING)))

    @property
    def lines(self) -> Iterator[str]:
        """Yields the changes as lines for people."""
        yield from map(str, self.changes)
        yield from (f"{WARNING}{warning}" for warning in self.warnings)
        yield from self.fates
        if not self.changes and not self.fates:
            yield f"against {self.against}: nothing would change"

    @property
    def fields(self) -> Mapping[str, object]:
        """Returns the changes as a JSON object for programs."""
        return {
            "against": self.against,
            "changes": [_fields(change) for change in self.changes],
            "warnings": self.warnings,
            "overrides": self.fates,
        }


def compared(against: str, zones: Sequence[Zone], *, alone: bool, most_lost: float) -> Compared:
    """Returns the changes that these zones would make to a node, or to a folder.

    `against` is an admin address or a path. With `alone`, other zones there are not compared. `most_lost` is the share
    of a zone that it may lose. Raises ZoneInvalid where the folder has no valid zone, or Unreachable.
    """
    changed, held = _changes_against(against, zones, alone=alone, most_lost=most_lost)
    return Compared(against, changed, held, _overrides_against(against, zones, alone=alone))


def _fields(each: ZoneChanges) -> Mapping[str, object]:
    tallies = {"removed": each.found.removed, "added": each.found.added, "changed": each.found.changed}
    told = {name: {"count": tally.count, "some": tally.some} for name, tally in (*tallies.items(), ("gone", each.gone))}
    return {"zone": each.zone, "fate": each.fate.value, **told, "note": each.note}


def _changes_against(
    against: str, zones: Sequence[Zone], *, alone: bool, most_lost: float
) -> tuple[tuple[ZoneChanges, ...], tuple[str, ...]]:
    place, origins = Path(against), {zone.origin for zone in zones}
    if place.is_socket() or not place.exists():
        told = fetch_zones(_address(place, against))
        return changes_since([each for each in told if each.origin in origins or not alone], zones), ()
    before = {zone.origin: zone for zone in _zones_of(place) if zone.origin in origins or not alone}
    guard = LossGuard(most_lost)
    told_lost = ((zone, guard.words(before.get(zone.origin), zone)) for zone in zones)
    lost = (f"zone {zone.origin.to_text(omit_final_dot=True)}: {message}" for zone, message in told_lost if message)
    return changes(before.values(), zones), tuple(lost)


def _overrides_against(against: str, zones: Sequence[Zone], *, alone: bool) -> tuple[str, ...]:
    """Returns the effects that these zones would have on the overrides of a node, as text; empty for a folder."""
    place, origins = Path(against), {zone.origin.to_text(omit_final_dot=True).lower() for zone in zones}
    if place.exists() and not place.is_socket():
        return ()
    node = fetch_status(_address(place, against))
    try:
        scopes = [
            (parse_scope(name), override) for override in node.overrides for name in (override.now or (override.scope,))
        ]
    except ValueError as error:
        raise Unreachable(f"the node at {against} told of overrides that nobody can make: {error}") from error
    if not scopes:
        return ()
    before = layout_of(_endpoint_refs(node))
    others = (endpoint_ref for endpoint_ref in _endpoint_refs(node) if alone and endpoint_ref.zone not in origins)
    after = layout_of(chain(endpoint_refs_of(zones), others))
    return tuple(line for scope, pair in scopes if (line := _fate(scope, pair, before, after)))


def _fate(scope: Scope, override: OverrideView, before: Layout, after: Layout) -> str:
    """Returns the effect of new zones on one scope of an override, as text; empty where there is none."""
    now = followed(scope, before, after)
    if now == (scope,) or not before.has(scope):
        return ""
    message = f"override {override.id}: {override.action} {scope} by {override.by}"
    if now:
        return f"{message} would follow the rename, to {', '.join(map(str, now))}"
    return f"{WARNING}{message} would be without effect: nothing would be in it, and no other name of it is known"


def _endpoint_refs(node: NodeStatus) -> Iterator[EndpointRef]:
    for service in node.services:
        ends = [(endpoint.region, endpoint.endpoint) for endpoint in service.endpoints]
        ends += [(disabled_endpoint.region, disabled_endpoint.endpoint) for disabled_endpoint in service.disabled]
        yield from (EndpointRef(service.zone.lower(), service.service, region, end) for region, end in ends)


def _address(place: Path, against: str) -> str:
    if place.is_socket():
        return f"{UNIX}{place}"
    try:
        return admin_address(against, None)
    except typer.BadParameter as error:
        message = f'"{against}" is no folder and no file here, and no admin address such as http://127.0.0.1:8053'
        raise typer.BadParameter(message, param_hint="--against") from error


def _zones_of(place: Path) -> tuple[Zone, ...]:
    """Returns the valid zones of a zone folder, or only the zone of a zone file; prints an error about other files."""
    folder = place.parent if place.is_file() else place
    catalogue = never_empty(folder, EMPTY, read(folder, EMPTY, vocabulary(Counters())))
    if not catalogue.zones:
        raise ZoneInvalid(catalogue.problems)
    if catalogue.problems:
        mistakes = counted(len(catalogue.problems), "mistake")
        print_aside(f"{folder}: {mistakes} there, the first is: {catalogue.problems[0]}; such files are not compared")
    return tuple(zone for zone in catalogue.zones if not place.is_file() or zone.file == str(place))
