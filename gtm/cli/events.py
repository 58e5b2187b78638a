"""`gtm events`: every change of mind of a node, with what caused it; from its files, or asked of it."""

import sys
import time
from collections.abc import Iterable, Iterator
from typing import Annotated

import typer

from gtm.admin.client import fetch_events
from gtm.cli.console import print_json, print_plain
from gtm.cli.options import AdminOption, ConfigOption, JsonOption, admin_address, read_config
from gtm.health.event import Recorded, compose_line, kinds_of
from gtm.node.journal import Tail, read_events
from gtm.zone.fields import seconds

PACE_S = 0.25
"""Between two looks for news."""
SEEN_AT_MOST = 10_000


def _seconds_ago(text: str) -> float:
    """Returns a duration such as 90s, 10m, 2h or 3d in seconds."""
    try:
        return 24 * seconds(f"{text[:-1]}h") if text.endswith("d") else seconds(text)
    except ValueError as error:
        raise typer.BadParameter(f'"{text}" is not a duration such as 90s, 10m, 2h or 3d') from error


SinceOption = Annotated[
    float | None,
    typer.Option("--since", metavar="DURATION", parser=_seconds_ago, help="How far back: 90s, 10m, 2h, 3d; else all."),
]
TypeOption = Annotated[
    list[str] | None,
    typer.Option("--type", metavar="TYPE", help="Only these: endpoint, gtm.endpoint.down, quorum; may be repeated."),
]
FollowOption = Annotated[bool, typer.Option("--follow", "-f", help="Go on, and print what happens.")]


def events(
    *,
    since: SinceOption = None,
    kinds: TypeOption = None,
    follow: FollowOption = False,
    admin: AdminOption = None,
    config: ConfigOption = None,
    json: JsonOption = False,
) -> None:
    """Show what a node changed its mind about, oldest first, and what caused it.

    It reads the node's files, whether the node runs or not; with --admin it asks the running node, which knows its last
    two thousand events.
    """
    try:
        wanted = kinds_of(kinds or ())
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="--type") from error
    begin = 0.0 if since is None else time.time() - since
    found = _of_files(config, begin, follow=follow) if admin is None else _asked(admin, config, begin, follow=follow)
    for event in found:
        if not wanted or event.type in wanted:
            if json:
                print_json(compose_line(event).decode().rstrip("\n"))
            else:
                _print(event)
            if follow:
                sys.stdout.flush()


def _of_files(config: ConfigOption, begin: float, *, follow: bool) -> Iterator[Recorded]:
    folder = read_config(config).state
    tail = Tail(folder)  # before reading: what is written meanwhile comes twice, rather than never
    seen: dict[tuple[int, str], None] = {}
    yield from _once(read_events(folder, since=begin), seen)
    while follow:
        time.sleep(PACE_S)
        yield from _once(tail.news(), seen)


def _asked(admin: str, config: ConfigOption, begin: float, *, follow: bool) -> Iterator[Recorded]:
    where, after = admin_address(admin, config), ""
    while True:
        found = fetch_events(where, since=begin, after=after)
        yield from found
        after = found[-1].id if found else after
        if not follow:
            return
        time.sleep(PACE_S)


def _once(events_: Iterable[Recorded], seen: dict[tuple[int, str], None]) -> Iterator[Recorded]:
    """Yields what was not seen among the last events."""
    for event in events_:
        key = (event.boot, f"{event.monotonic} {event.id}")
        if key in seen:
            continue
        seen[key] = None
        if len(seen) > SEEN_AT_MOST:
            del seen[next(iter(seen))]
        yield event


def _print(event: Recorded) -> None:
    """Prints one line, and below it the causes: those that this node recorded, and verdicts of others."""
    print_plain(f"{event.at} {event.type} {event.message} [{event.id}]")
    for cause in event.causes:
        print_plain(f"    because of {cause}")
