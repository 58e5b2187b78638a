"""`gtm check`: are these zone files right?"""

from pathlib import Path
from typing import Annotated

import typer

from gtm.cli.console import print_plain
from gtm.cli.options import ConfigOption, read_config
from gtm.node.vocabulary import vocabulary
from gtm.watch.folder import EMPTY, read


def check(
    folder: Annotated[
        Path | None, typer.Argument(metavar="[DIR]", help="The folder of zone files, or one of them.")
    ] = None,
    config: ConfigOption = None,
) -> None:
    """Check zone files: print every mistake as file:line:column, and exit with 1 if there is one."""
    place = folder or read_config(config).zones
    if place.is_file():
        catalogue = read(place.parent, EMPTY, vocabulary())
        problems = catalogue.problems_of(str(place))
        zones = tuple(zone for zone in catalogue.zones if zone.file == str(place))
    else:
        catalogue = read(place, EMPTY, vocabulary())
        problems, zones = catalogue.problems, catalogue.zones
    for problem in problems:
        print_plain(str(problem))
    if problems:
        raise typer.Exit(1)
    services = sum(len(zone.services) for zone in zones)
    print_plain(f"{place}: {len(zones)} zones, {services} services: no mistakes")
