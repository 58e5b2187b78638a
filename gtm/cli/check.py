"""`gtm check`: are these zone files right?"""

from pathlib import Path
from typing import Annotated

import typer

from gtm.cli.console import counted, print_plain
from gtm.cli.options import ConfigOption, read_config, zone_folder
from gtm.counters import Counters
from gtm.errors import Problem, as_warning
from gtm.node.config import NodeConfig, Role
from gtm.node.trusting import node_problems
from gtm.node.vocabulary import vocabulary
from gtm.node.zones import never_empty
from gtm.probe.withheld import foreseen
from gtm.watch.folder import EMPTY, SHARED_FILES
from gtm.watch.reading import read
from gtm.zone.model import Zone, checks

AgainstOption = Annotated[
    str | None,
    typer.Option(
        "--against",
        metavar="URL|DIR",
        help="Say what would change: against a node that serves (its admin address), or the folder as it was before.",
    ),
]


def check(
    folder: Annotated[
        Path | None, typer.Argument(metavar="[DIR]", help="The folder of zone files, or one of them.")
    ] = None,
    config: ConfigOption = None,
    against: AgainstOption = None,
    *,
    strict: Annotated[bool, typer.Option("--strict", help="Exit with 1 for a warning, too.")] = False,
) -> None:
    """Check zone files: print every mistake as file:line:column, and exit with 1 if there is one.

    What is odd and serves all the same is printed as a warning, and so are names that nothing would answer any more
    (--against). With a node file, what its probe would not be allowed to check is printed too; that is no mistake of a
    zone.
    """
    node = read_config(config)
    place = zone_folder(folder, node)
    zones, problems, warnings = _one_file(place) if place.is_file() else _whole_folder(place)
    own = node_problems(node)
    for line in (*own, *map(str, problems), *map(as_warning, warnings)):
        print_plain(line)
    if problems or own:
        raise typer.Exit(1)
    if config is not None:
        _print_withheld(zones, node)
    warned = len(warnings) + (0 if against is None else _print_changes(against, zones, node, alone=place.is_file()))
    services = sum(len(zone.all_services) for zone in zones)
    odd = f", {counted(warned, 'warning')}" if warned else ""
    print_plain(f"{place}: {counted(len(zones), 'zone')}, {counted(services, 'service')}: no mistakes{odd}")
    if strict and warned:
        raise typer.Exit(1)


def _print_changes(against: str, zones: tuple[Zone, ...], node: NodeConfig, *, alone: bool) -> int:
    """Prints what these zones would change; returns how many warnings that makes."""
    from gtm.cli.against import changes_against, overrides_against  # noqa: PLC0415  # it brings the client of the admin API

    found, held = changes_against(against, zones, alone=alone, most_lost=node.most_lost)
    for each in found:
        print_plain(str(each))
    warnings = [*(each.warning for each in found if each.warning), *held]
    for warning in warnings:
        print_plain(f"warning: {warning}")
    fates = overrides_against(against, zones, alone=alone)
    for fate in fates:
        print_plain(fate)
    if not found and not fates:
        print_plain(f"against {against}: nothing would change")
    return len(warnings) + sum(fate.startswith("warning: ") for fate in fates)


def _print_withheld(zones: tuple[Zone, ...], node: NodeConfig) -> None:
    if Role.PROBE in node.roles:
        for one in foreseen(checks(zones), node.permitted):
            print_plain(f"node {node.node}: {one}")


Found = tuple[tuple[Zone, ...], tuple[Problem, ...], tuple[Problem, ...]]
"""Zones, problems, warnings."""


def _whole_folder(folder: Path) -> Found:
    catalogue = never_empty(folder, EMPTY, read(folder, EMPTY, vocabulary(Counters())))
    return catalogue.zones, catalogue.problems, catalogue.warnings


def _one_file(file: Path) -> Found:
    """Returns what is found of one file as it is read in its folder: beside the shared file, and others."""
    catalogue = read(file.parent, EMPTY, vocabulary(Counters()))
    shared = {str(file.parent / name) for name in SHARED_FILES}
    zones = tuple(zone for zone in catalogue.zones if zone.file == str(file))
    own = {problem for refused in catalogue.refused if refused.file == str(file) for problem in refused.problems}
    problems = tuple(each for each in catalogue.problems if each in own or each.file in {str(file), *shared})
    if not zones and not problems and str(file) not in shared:
        words = "not read as a zone file: those are named *.yaml or *.yml, and do not begin with one of . # ~"
        problems = (Problem(str(file), 1, 1, words),)
    return zones, problems, () if problems else tuple(warning for zone in zones for warning in zone.warnings)
