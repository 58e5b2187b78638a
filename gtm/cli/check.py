"""`gtm check`: are these zone files right?"""

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from gtm.checks.model import checks
from gtm.cli.console import counted, print_fields, print_plain
from gtm.cli.options import ConfigOption, JsonOption, read_config, zone_folder
from gtm.counters import Counters
from gtm.errors import Problem, as_warning
from gtm.ids import NodeName
from gtm.node.config.model import Role
from gtm.node.plugins.filters import vocabulary
from gtm.node.rivers.zones import never_empty
from gtm.node.trust import node_problems
from gtm.probe.withheld import Withheld, foreseen
from gtm.watch.folder import EMPTY, SHARED_FILES
from gtm.watch.reading import read
from gtm.zone.model import Zone

if TYPE_CHECKING:
    from gtm.cli.against import Compared

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
        Path | None, typer.Argument(metavar="DIR", help="The folder of zone files, or one of them.")
    ] = None,
    config: ConfigOption = None,
    against: AgainstOption = None,
    *,
    strict: Annotated[bool, typer.Option("--strict", help="Exit with 1 for a warning, too.")] = False,
    json: JsonOption = False,
) -> None:
    """Check zone files: print every mistake as file:line:column, and exit with 1 if there is one.

    What is odd and serves all the same is printed as a warning, and so are names that nothing would answer any more
    (--against), and files that the node file names and that are of no use here. With a node file, what its probe would
    not be allowed to check is printed too; that is no mistake of a zone.
    """
    node = read_config(config)
    place = zone_folder(folder, node)
    is_alone = place.is_file()
    zones, problems, warnings = _one_file(place) if is_alone else _whole_folder(place)
    withheld = foreseen(checks(zones), node.permitted) if config is not None and Role.PROBE in node.roles else ()
    if config is not None:
        from gtm.node.unusable_files import useless_files  # noqa: PLC0415  # it brings much of a node

        # warnings: the files of a node may be checked elsewhere
        warnings += tuple(Problem(str(config), 0, 0, line) for line in useless_files(node))
    checked = Checked(place, zones, problems, warnings, node.node, node_problems(node), withheld)
    if against is not None and not checked.is_wrong:  # what has mistakes would change nothing
        from gtm.cli.against import compared  # noqa: PLC0415  # it brings the client of the admin API

        checked = replace(checked, against=compared(against, zones, alone=is_alone, most_lost=node.most_lost))
    if json:
        print_fields(checked.fields)
    else:
        for line in checked.lines:
            print_plain(line)
    if checked.is_wrong or (strict and checked.warned):
        raise typer.Exit(1)


@dataclass(frozen=True, slots=True)
class Checked:
    """The result of `gtm check`: the zones, the problems and the warnings."""

    place: Path
    zones: tuple[Zone, ...]
    problems: tuple[Problem, ...]
    warnings: tuple[Problem, ...]
    node: NodeName
    node_problems: tuple[str, ...]
    withheld: tuple[Withheld, ...]
    """The checks that the node's own node file does not allow."""
    against: "Compared | None" = None

    @property
    def is_wrong(self) -> bool:
        """Returns whether there is a mistake, in a zone file or in the node file."""
        return bool(self.problems or self.node_problems)

    @property
    def warned(self) -> int:
        """Returns the number of warnings, with those of `against`."""
        return len(self.warnings) + (0 if self.against is None else self.against.warned)

    @property
    def _compared_warnings(self) -> Iterator[Problem]:
        """Yields the warnings of `against` as problems without a line; the field `against` has them, too."""
        for warning in () if self.against is None else self.against.all_warnings:
            yield Problem(str(self.place), 0, 0, warning)

    @property
    def services(self) -> int:
        """Returns the number of services in the zones without a mistake."""
        return sum(len(zone.all_services) for zone in self.zones)

    @property
    def lines(self) -> Iterator[str]:
        """Yields the result as lines for people."""
        yield from (*self.node_problems, *map(str, self.problems), *map(as_warning, self.warnings))
        yield from (f"node {self.node}: {withheld}" for withheld in self.withheld)
        if self.against is not None:
            yield from self.against.lines
        if not self.is_wrong:
            odd = f", {counted(self.warned, 'warning')}" if self.warned else ""
            size = f"{counted(len(self.zones), 'zone')}, {counted(self.services, 'service')}"
            yield f"{self.place}: {size}: no mistakes{odd}"

    @property
    def fields(self) -> Mapping[str, object]:
        """Returns the result as a JSON object for programs."""
        return {
            "place": str(self.place),
            "zones": len(self.zones),
            "services": self.services,
            "problems": [asdict(problem) for problem in self.problems],
            "warnings": [asdict(warning) for warning in (*self.warnings, *self._compared_warnings)],
            "node": self.node,
            "node_problems": self.node_problems,
            "withheld": [asdict(withheld) for withheld in self.withheld],
            "against": None if self.against is None else self.against.fields,
        }


CheckResult = tuple[tuple[Zone, ...], tuple[Problem, ...], tuple[Problem, ...]]
"""Zones, problems, warnings."""


def _whole_folder(folder: Path) -> CheckResult:
    catalogue = never_empty(folder, EMPTY, read(folder, EMPTY, vocabulary(Counters())))
    return catalogue.zones, catalogue.problems, catalogue.warnings


def _one_file(file: Path) -> CheckResult:
    """Returns the result for one file as it is read in its folder: beside the shared file, and others."""
    catalogue = read(file.parent, EMPTY, vocabulary(Counters()))
    shared = {str(file.parent / name) for name in SHARED_FILES}
    zones = tuple(zone for zone in catalogue.zones if zone.file == str(file))
    own = {problem for refused in catalogue.refused if refused.file == str(file) for problem in refused.problems}
    problems = tuple(each for each in catalogue.problems if each in own or each.file in {str(file), *shared})
    if not zones and not problems and str(file) not in shared:
        message = "not read as a zone file: those are named *.yaml or *.yml, and do not begin with one of . # ~"
        problems = (Problem(str(file), 1, 1, message),)
    return zones, problems, () if problems else tuple(warning for zone in zones for warning in zone.warnings)
