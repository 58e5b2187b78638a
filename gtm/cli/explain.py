"""`gtm explain`: why does this client get this answer?"""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from gtm.admin.dns_question import parse_question
from gtm.cli.completing import services
from gtm.cli.console import print_aside, print_plain, print_view
from gtm.cli.options import AdminOption, ConfigOption, JsonOption, admin_address, read_geodata
from gtm.geo.special import tells_no_place

if TYPE_CHECKING:
    from gtm.explain.explain import ExplainedStep, Explanation, Mention, Steered
    from gtm.geo.geography import Located
    from gtm.health.consensus.status import CheckStatus


def explain(
    name: Annotated[
        str,
        typer.Argument(
            autocompletion=services,
            help="The name that is asked for: api.gtm.example.com, or api where one zone has that.",
        ),
    ],
    address: Annotated[
        str | None, typer.Argument(metavar="CLIENT", help="The client's address, as --client.", show_default=False)
    ] = None,
    *,
    client: Annotated[str | None, typer.Option("--client", metavar="ADDRESS", help="The client's address.")] = None,
    rtype: Annotated[str, typer.Option("--type", "-t", help="The type that is asked for.")] = "A",
    zones: Annotated[
        Path | None,
        typer.Option("--zones", help="Ask no node: explain these zone files, with every endpoint's health unknown."),
    ] = None,
    admin: AdminOption = None,
    config: ConfigOption = None,
    json: JsonOption = False,
) -> None:
    """Explain an answer: the client's place and cell, what each filter did and why, and the answer itself.

    It exits with 1 for a name that nothing here has.
    """
    from gtm.admin.client import fetch_explanation  # noqa: PLC0415  # who completes, or shows help, waits for none of these
    from gtm.explain.asked_name import QuestionUnclear  # noqa: PLC0415

    if address is not None and client is not None:
        raise typer.BadParameter("the client is named twice", param_hint="--client")
    try:
        question = parse_question(name, rtype, address or client or "")
    except ValueError as error:
        raise typer.BadParameter(str(error)) from error
    try:
        if zones is not None:
            from gtm.node.explain_offline import explain_offline  # noqa: PLC0415

            geography = read_geodata(config).geography
            explained = explain_offline(*question, zones=zones, geography=geography, aside=print_aside)
        else:
            asked = {"name": name, "type": rtype, "client": str(question[2])}
            explained = fetch_explanation(admin_address(admin, config), asked)
    except QuestionUnclear as error:
        raise typer.BadParameter(str(error)) from error
    if json:
        print_view(explained)
    else:
        _print(explained)
    if explained.nobodys:
        print_aside(explained.nobodys)
        raise typer.Exit(1)


def _print(explained: "Explanation") -> None:
    print_plain(f"question    {explained.name} {explained.rtype}, from {explained.client}")
    print_plain(f"place       {_place(explained.located)}")
    print_plain(f"generation  {explained.generation}, zone {explained.zone or 'none: nothing here has this name'}")
    if len(explained.aliases) > 1:
        print_plain(f"aliases     {' -> '.join(explained.aliases)}")
    if explained.steered is not None:
        _print_steered(explained.steered)
    elif explained.zone:
        print_plain(f"steering    none: {_unsteered(explained)}")
    for endpoint, reason in explained.disabled:
        print_plain(f"disabled    {endpoint}: {reason}")
    is_drawn = explained.steered is not None and explained.steered.is_drawn
    print_plain("answer      one draw of the engine" if is_drawn else "answer")
    for line in explained.answer:
        print_plain(f"    {line}")
    if explained.negative:
        print_plain(f"negative    kept for {explained.negative}")


def _print_steered(steered: "Steered") -> None:
    print_plain(f"service     {steered.service}, steered by {steered.steer}")
    near = f", nearest vantage {steered.vantage}" if steered.vantage else ""
    print_plain(f"cell        {steered.cell} of {steered.cells}, scope /{steered.scope}{near}")
    _print_steps(steered.steps)
    if steered.all_down:
        print_plain(f"  {steered.all_down}")
    _print_steps(steered.again)
    print_plain(f"outcome     {steered.rule}{_state(steered)}")
    for endpoint, share in steered.chances:
        print_plain(f"    {endpoint}: {share:.1%} of queries")
    for endpoint, reason in steered.guided:
        print_plain(f"override    {endpoint}: {reason}")
    for endpoint, reason in steered.local:
        print_plain(f"local       {endpoint}: {reason}")
    for endpoint, check in steered.checks:
        why = f"{check.reason.value}: {check.detail}" if check.detail else check.reason.value
        print_plain(f"health      {endpoint}: {check.belief.value} ({why}; {_voices(check)})")


def _print_steps(steps: "tuple[ExplainedStep, ...]") -> None:
    for step in steps:
        print_plain(f"  {step.filter:<9} keeps {_mentions(step.kept)}")
        if step.dropped:
            print_plain(f"  {'':<9} drops {_mentions(step.dropped)}")


def _unsteered(explained: "Explanation") -> str:
    if explained.service is not None and explained.rtype in {"A", "AAAA"}:
        return f"the service {explained.service} has no {explained.rtype} endpoints"
    if explained.service is None and explained.disabled:
        return "nothing of this service is enabled, so the answer is empty"
    return "the answer is the same for everyone"


def _state(steered: "Steered") -> str:
    from gtm.steer.decide import State  # noqa: PLC0415

    match steered.state:
        case State.STEADY:
            return ""
        case State.DEGRADED:
            return " (degraded: with all endpoints up it would be another)"
        case State.FAIL_OPEN | State.FAIL_CLOSED:
            state_text = steered.state.value.replace("_", " ")
            return f" ({state_text}: all are down, and the zone says {steered.on_all_down.value})"


def _voices(check: "CheckStatus") -> str:
    voices = ", ".join(f"{vote.vantage} {vote.belief.value if vote.fresh else 'stale'}" for vote in check.votes)
    return (voices or "no voices") + ("; frozen, too few voices" if check.frozen else "")


def _mentions(mentions: "tuple[Mention, ...]") -> str:
    return (
        ", ".join(f"{mention.endpoint} ({mention.why})" if mention.why else mention.endpoint for mention in mentions)
        or "nothing"
    )


def _place(located: "Located") -> str:
    place = located.place
    parts = [place.city, place.subdivision or place.country, place.continent]
    if place.at is not None:
        parts.append(f"{place.at.latitude:.2f},{place.at.longitude:.2f}")
    if place.asn is not None:
        parts.append(f"AS{place.asn} {place.organization}".strip())
    parts += [f"tag {tag}" for tag in place.tags]
    known = ", ".join(word for word in parts if word)
    if not known:
        told = "unknown: the default order of the regions"
        if tells_no_place(located.network.network_address):
            return f"{told}, but for a client subnet of {located.network} that of its resolver's address"
        return f"{told} (the same for {located.network})"
    return f"{known} (known for {located.network})"
