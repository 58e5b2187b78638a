"""`gtm events`: every change of mind of a node, with what caused it; from its files, or asked of it."""

import math
import os
import sys
import time
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Annotated

import typer

from gtm.admin.typed_time import moment, shown
from gtm.cli.completing import regions, services, zones
from gtm.cli.console import print_aside, print_json, print_plain
from gtm.cli.options import AdminOption, ConfigOption, JsonOption, admin_address, read_config, running_state
from gtm.errors import NodeInvalid, Unreachable
from gtm.event import Recorded, compose_line, kinds_of
from gtm.health.event_filter import Choice
from gtm.node.events.files import Tail, read_events

PACE_S = 0.25
"""The interval between two requests or reads for new events."""
SEEN_AT_MOST = 10_000


SinceOption = Annotated[
    str | None,
    typer.Option(
        "--since", metavar="TIME", help="From then on: 02:14 (UTC), 2026-01-31T02:14+01:00, 2h (ago); else all."
    ),
]
UntilOption = Annotated[str | None, typer.Option("--until", metavar="TIME", help="Up to then; as --since.")]
ServiceOption = Annotated[
    list[str] | None,
    typer.Option(
        "--service",
        metavar="NAME",
        autocompletion=services,
        help="Only what is about this service, and what led to it.",
    ),
]
RegionOption = Annotated[
    list[str] | None, typer.Option("--region", metavar="NAME", autocompletion=regions, help="The same of a region.")
]
ZoneOption = Annotated[
    list[str] | None, typer.Option("--zone", metavar="NAME", autocompletion=zones, help="The same of a zone.")
]
KindOption = Annotated[
    list[str] | None,
    typer.Option(
        "--kind", "--type", metavar="KIND", help="Only these: endpoint, gtm.endpoint.down, quorum; may be repeated."
    ),
]
FollowOption = Annotated[bool, typer.Option("--follow", "-f", help="Go on, and print what happens.")]


def events(  # one argument for each option of the command
    *,
    since: SinceOption = None,
    until: UntilOption = None,
    kinds: KindOption = None,
    service: ServiceOption = None,
    region: RegionOption = None,
    zone: ZoneOption = None,
    follow: FollowOption = False,
    admin: AdminOption = None,
    config: ConfigOption = None,
    json: JsonOption = False,
) -> None:
    """List state changes, oldest first, with their causes.

    It reads the node's files, whether the node runs or not; with --admin it asks the running node, which knows its last
    two thousand events. Times of day are UTC, as the events have them.
    """
    if follow and until is not None:
        raise typer.BadParameter("what is to come has no end; leave out --follow or --until", param_hint="--until")
    try:
        wanted = kinds_of(kinds or ())
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="--kind / --type") from error
    begin, end = span_of(since, until)
    choice = Choice(end, wanted, tuple(service or ()), tuple(region or ()), tuple(zone or ()))
    batches = _of_files(config, begin, follow=follow) if admin is None else _asked(admin, config, begin, follow=follow)
    shown_any = is_told = False
    for batch in batches:
        given = list(batch)
        chosen = choice.of(given)
        if chosen and not is_told:
            is_told = True
            _tell_unnamed(choice, given)
        for event in chosen:
            shown_any = True
            if json:
                print_json(compose_line(event).decode().rstrip("\n"))
            else:
                _print(event)
        if follow:
            sys.stdout.flush()
    names = [name for name in (*(service or ()), *(region or ()), *(zone or ())) if name]
    if names and not shown_any:
        print_aside(f"no event of this time is about {', '.join(names)}")


def _tell_unnamed(choice: Choice, given: Sequence[Recorded]) -> None:
    """Prints a note about names that no event has, while events of whole zones or all checks may be about them."""
    if unnamed := choice.unnamed(given):
        message = "what follows was told of whole zones or of all checks, and may be about it"
        print_aside(f"no event of this time names {', '.join(unnamed)}; {message}")


def span_of(since: str | None, until: str | None) -> tuple[float, float]:
    """Returns the Unix times of --since and --until, infinity for no end; raises typer.BadParameter.

    Prints the dates to standard error where an option is a time of the day.
    """
    now = time.time()
    begin = 0.0 if since is None else _moment(since, "--since", now)
    end = math.inf if until is None else _moment(until, "--until", now, after=None if since is None else begin)
    if end < begin:
        raise typer.BadParameter(f"{shown(end)} is before {shown(begin)}", param_hint="--until")
    if any(text is not None and ":" in text for text in (since, until)):
        print_aside(f"from {shown(begin) if begin else 'the first'} to {'now' if end > now else shown(end)}")
    return begin, end


def _moment(text: str, option: str, now: float, *, after: float | None = None) -> float:
    try:
        return moment(text, now=now, after=after)
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint=option) from error


def events_folder(config: ConfigOption) -> Path:
    """Returns the state folder whose events are read; prints a note if it does not exist.

    Raises Unreachable where this user may not read it.
    """
    try:
        folder = read_config(config).state
    except NodeInvalid as invalid:
        if config is None:
            raise
        folder = running_state(config, invalid)
    if not folder.is_dir():
        print_aside(f"{folder}: no node has run with this state folder here; --config names another node file")
        return folder
    try:
        os.scandir(folder).close()
    except PermissionError as error:
        message = f"{folder}: {error.strerror}; read it as the user of the node, or ask the node with --admin"
        raise Unreachable(message) from error
    return folder


def _of_files(config: ConfigOption, begin: float, *, follow: bool) -> Iterator[Iterable[Recorded]]:
    folder = events_folder(config)
    tail = Tail(folder)  # before reading: what is written meanwhile comes twice, rather than never
    seen: dict[tuple[int, str], None] = {}
    yield _once(read_events(folder, since=begin), seen)
    while follow:
        time.sleep(PACE_S)
        yield _once(tail.news(), seen)


def _asked(admin: str, config: ConfigOption, begin: float, *, follow: bool) -> Iterator[Iterable[Recorded]]:
    from gtm.admin.client import fetch_events  # noqa: PLC0415  # for who asks a node alone

    where, after = admin_address(admin, config), ""
    while True:
        recorded = fetch_events(where, since=begin, after=after)
        yield recorded
        after = recorded[-1].id if recorded else after
        if not follow:
            return
        time.sleep(PACE_S)


def _once(events_: Iterable[Recorded], seen: dict[tuple[int, str], None]) -> Iterator[Recorded]:
    """Yields the events that are not in `seen`, and adds them to it; `seen` keeps the last SEEN_AT_MOST."""
    for event in events_:
        key = (event.boot, f"{event.monotonic} {event.id}")
        if key in seen:
            continue
        seen[key] = None
        if len(seen) > SEEN_AT_MOST:
            del seen[next(iter(seen))]
        yield event


def _print(event: Recorded) -> None:
    """Prints the line of an event, and its causes below it: events of this node, and verdicts of other nodes."""
    print_plain(f"{event.at} {event.type} {event.message} [{event.id}]")
    for cause in event.causes:
        print_plain(f"    because of {cause}")
