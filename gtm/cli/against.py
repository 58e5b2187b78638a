"""What serves, or the files of before -> what zone files would change of it: for `gtm check --against`."""

from collections.abc import Sequence
from pathlib import Path

from gtm.admin.address import UNIX
from gtm.admin.client import fetch_zones
from gtm.cli.console import counted, print_aside
from gtm.cli.options import admin_address
from gtm.counters import Counters
from gtm.errors import ZoneInvalid
from gtm.node.vocabulary import vocabulary
from gtm.node.zones import never_empty
from gtm.watch.folder import EMPTY
from gtm.watch.reading import read
from gtm.zone.changes import ZoneChanges, changes, changes_since
from gtm.zone.model import Zone


def changes_against(against: str, zones: Sequence[Zone], *, alone: bool) -> tuple[ZoneChanges, ...]:
    """Returns what these zones would change of those of a node, or of a folder; `alone`: of others nothing is said.

    Raises ZoneInvalid where there is no good zone in the folder, or Unreachable.
    """
    place, origins = Path(against), {zone.origin for zone in zones}
    if place.is_socket() or not place.exists():
        address = f"{UNIX}{place}" if place.is_socket() else admin_address(_without_scheme(against), None)
        told = fetch_zones(address)
        return changes_since([each for each in told if each.origin in origins or not alone], zones)
    before = _zones_of(place)
    return changes([zone for zone in before if zone.origin in origins or not alone], zones)


def _without_scheme(url: str) -> str:
    return url.rstrip("/").removeprefix("http://")


def _zones_of(place: Path) -> tuple[Zone, ...]:
    """Returns the good zones of a folder, or of the one that a file is in."""
    folder = place.parent if place.is_file() else place
    catalogue = never_empty(folder, EMPTY, read(folder, EMPTY, vocabulary(Counters())))
    if not catalogue.zones:
        raise ZoneInvalid(catalogue.problems)
    if catalogue.problems:
        mistakes = counted(len(catalogue.problems), "mistake")
        print_aside(f"{folder}: {mistakes} there, the first is: {catalogue.problems[0]}; such files are not compared")
    return tuple(zone for zone in catalogue.zones if not place.is_file() or zone.file == str(place))
