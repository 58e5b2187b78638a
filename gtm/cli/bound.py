"""`gtm bound`: how long can a client still have the address of an endpoint that died?

First the bound of one fault, term by term; then what could hold the address for longer when more fails, rule by rule.
"""

import math
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from gtm.checks.model import checks
from gtm.cli.completing import services
from gtm.cli.console import print_aside, print_fields, print_plain, print_table
from gtm.cli.options import ConfigOption, JsonOption, read_config, zone_folder
from gtm.counters import Counters
from gtm.errors import ZoneInvalid
from gtm.geo.geography import NO_GEOGRAPHY
from gtm.health.consensus.status import NO_STATUS
from gtm.node.delay_budget import delays_of
from gtm.node.plugins.filters import vocabulary
from gtm.node.rivers.zones import few, never_empty
from gtm.plan.bound.bound import Bound, bound
from gtm.plan.bound.holds import ON_ALL_DOWN, Hold, holds_of_one_fault, possible_holds
from gtm.plan.compile import compile_plan
from gtm.plan.model import EMPTY_PLAN
from gtm.plan.safety.shares import Shares, shares_of
from gtm.steer.vocabulary import SteeringVocabulary
from gtm.watch.folder import EMPTY, Catalogue
from gtm.watch.reading import read
from gtm.zone.model import Service, Zone
from gtm.zone.records_file.packed import NO_BULK


def show_bound(
    service: Annotated[
        str, typer.Argument(autocompletion=services, help="The service, as an absolute name: api.gtm.example.com")
    ],
    *,
    zones: Annotated[
        Path | None, typer.Option("--zones", help="The folder of zone files, if not the node file's.")
    ] = None,
    config: ConfigOption = None,
    json: JsonOption = False,
) -> None:
    """Tell the worst-case seconds from the death of an endpoint to the end of the last cached answer, term by term."""
    node = read_config(config)
    steering_vocabulary = vocabulary(Counters())
    catalogue = _catalogue(zone_folder(zones, node), steering_vocabulary)
    known = catalogue.zones
    asked = _asked(service, catalogue)
    if not asked.endpoints:
        raise typer.BadParameter(f"nothing of {asked.id} is enabled: it answers nothing", param_hint="SERVICE")
    watched, shares = {check.id: check for check in checks(known)}, _shares(known, steering_vocabulary)
    steered = shares.services[asked.id]
    holds = holds_of_one_fault(steered, shares, watched)
    delays = delays_of(node, watched.values())
    worst = bound(asked, watched, delays, holds=holds)
    if worst is None:
        raise typer.BadParameter(f"{_unwatched(asked)}: nobody would find out", param_hint="SERVICE")
    longer = _longer(possible_holds(steered, shares, watched), holds, late_s=delays.merge_s)
    if json:
        _print_json(asked, worst, longer)
    else:
        _print(asked, worst, longer)


def _catalogue(folder: Path, steering_vocabulary: SteeringVocabulary) -> Catalogue:
    return never_empty(folder, EMPTY, read(folder, EMPTY, steering_vocabulary))


def _asked(name: str, catalogue: Catalogue) -> Service:
    """Returns the service of this name; prints problems of zone files to standard error.

    Raises ZoneInvalid where it may be in a file with a mistake, or typer.BadParameter where there is none.
    """
    try:
        service = _service(name, catalogue.zones)
    except typer.BadParameter:
        if catalogue.problems:  # it may be in a file with a mistake
            raise ZoneInvalid(catalogue.problems) from None
        raise
    for problem in few(catalogue.problems):
        print_aside(problem)
    return service


def _service(name: str, zones: tuple[Zone, ...]) -> Service:
    """Returns the service with this full name, or the only one with this short name; raises typer.BadParameter."""
    wanted = name.removesuffix(".").lower()
    known = {str(service.id): (service, zone) for zone in zones for service in zone.all_services}
    if wanted in known:
        return known[wanted][0]
    meant = {full: service for full, (service, zone) in known.items() if full == f"{wanted}.{_text(zone)}"}
    if len(meant) == 1:
        return next(iter(meant.values()))
    fault = f'"{wanted}" could mean' if meant else f'no service "{wanted}"; known:'
    raise typer.BadParameter(f"{fault} {', '.join(sorted(meant or known))}", param_hint="SERVICE")


def _text(zone: Zone) -> str:
    return zone.origin.to_text(omit_final_dot=True).lower()


def _shares(zones: tuple[Zone, ...], steering_vocabulary: SteeringVocabulary) -> Shares:
    """Returns the shares of the weights that safety rules use, from a plan without records and without geo data."""
    bare = tuple(replace(zone, records=(), bulk=NO_BULK) for zone in zones)
    serials = {zone.origin.to_text(): 0 for zone in bare}
    plan = compile_plan(
        bare,
        serials=serials,
        geography=NO_GEOGRAPHY,
        vocabulary=steering_vocabulary,
        status=NO_STATUS,
        before=EMPTY_PLAN,
    )
    return shares_of(plan.services)


def _unwatched(service: Service) -> str:
    if service.monitor is None:
        return f"{service.id} has no monitor"
    return f"nothing that {service.id} is calculated from can take it down"


def _longer(possible: Sequence[Hold], counted: Sequence[Hold], *, late_s: float) -> list[Hold]:
    """Returns the safety rules that may keep an endpoint in the answers for longer than the bound counts.

    `late_s` is added to the time of each: a rule ends that late.
    """
    in_it = {hold.rule: hold.seconds for hold in counted}
    more = [hold for hold in possible if hold.seconds > in_it.get(hold.rule, 0.0)]
    return [replace(hold, seconds=hold.seconds + late_s) for hold in more]


def _print_json(service: Service, worst: Bound, longer: Sequence[Hold]) -> None:
    terms = [{"name": term.name, "seconds": _finite(term.seconds), "why": term.why} for term in worst.terms]
    holds = [
        {"rule": hold.rule, "seconds": _finite(hold.seconds), "when": hold.when, "override": _override(hold, service)}
        for hold in longer
    ]
    print_fields({"service": service.id, "seconds": _finite(worst.seconds), "terms": terms, "holds": holds})


def _print(service: Service, worst: Bound, longer: Sequence[Hold]) -> None:
    rows = [(term.name, _seconds(term.seconds), term.why) for term in worst.terms]
    last = "at the worst, from the death to the end of the last cached answer"
    rows.append(("total", _seconds(worst.seconds), last))
    print_table(f"{service.id}: the worst case of one fault", ("term", "seconds", "why"), rows)
    if longer:
        print_plain()
        held = [(hold.rule, _seconds(hold.seconds), hold.when, _override(hold, service)) for hold in longer]
        print_table("What could hold it for longer", ("rule", "at most", "when", "to override"), held)


def _override(hold: Hold, service: Service) -> str:
    if hold.rule == ON_ALL_DOWN:
        return "on_all_down: nodata or servfail in the zone file"
    return f"gtm obey {service.id} --override-rule {hold.rule}"


def _seconds(seconds: float) -> str:
    return f"{seconds:.2f}" if math.isfinite(seconds) else "no limit"


def _finite(seconds: float) -> float | None:
    return round(seconds, 3) if math.isfinite(seconds) else None
