"""`gtm bound`: how long can a client still have the address of an endpoint that died?"""

import json as jsonlib
from pathlib import Path
from typing import Annotated

import typer

from gtm.cli.console import print_plain, print_table
from gtm.cli.options import ConfigOption, JsonOption, read_config
from gtm.counters import Counters
from gtm.errors import ZoneInvalid
from gtm.node.delays import delays_of
from gtm.node.vocabulary import vocabulary
from gtm.node.zones import never_empty
from gtm.plan.bound import Bound, bound
from gtm.watch.folder import EMPTY, read
from gtm.zone.model import Service, Zone, checks


def show_bound(
    service: Annotated[str, typer.Argument(help="The service, as an absolute name: api.gtm.example.com")],
    *,
    zones: Annotated[
        Path | None, typer.Option("--zones", help="The folder of zone files, if not the node file's.")
    ] = None,
    config: ConfigOption = None,
    json: JsonOption = False,
) -> None:
    """Tell the worst-case seconds from the death of an endpoint to the end of the last cached answer, term by term."""
    node = read_config(config)
    known = _zones(zones or node.zones)
    found = _service(service, known)
    if found.monitor is None:
        raise typer.BadParameter(f"{found.id} has no monitor: nobody would find out", param_hint="SERVICE")
    _print(found, bound(found, found.monitor, delays_of(node, checks(known))), json=json)


def _zones(folder: Path) -> tuple[Zone, ...]:
    catalogue = never_empty(folder, EMPTY, read(folder, EMPTY, vocabulary(Counters())))
    if catalogue.problems:
        raise ZoneInvalid(catalogue.problems)
    return catalogue.zones


def _service(name: str, zones: tuple[Zone, ...]) -> Service:
    services = {str(service.id): service for zone in zones for service in zone.services}
    wanted = name.removesuffix(".").lower()
    if wanted not in services:
        raise typer.BadParameter(f'no service "{wanted}"; known: {", ".join(sorted(services))}', param_hint="SERVICE")
    return services[wanted]


def _print(service: Service, found: Bound, *, json: bool) -> None:
    if json:
        terms = [{"name": term.name, "seconds": term.seconds, "why": term.why} for term in found.terms]
        print_plain(
            jsonlib.dumps({"service": service.id, "seconds": round(found.seconds, 3), "terms": terms}, indent=2)
        )
        return
    rows = [(term.name, f"{term.seconds:.2f}", term.why) for term in found.terms]
    rows.append(("total", f"{found.seconds:.2f}", "at the worst, from the death to the end of the last cached answer"))
    print_table(f"{service.id}: the worst case", ("term", "seconds", "why"), rows)
