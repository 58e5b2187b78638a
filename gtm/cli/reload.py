"""`gtm reload`: a running node reads its zone folder now."""

from typing import TYPE_CHECKING, Annotated

import typer

from gtm.cli.completing import zones
from gtm.cli.console import print_plain, print_view
from gtm.cli.options import AdminOption, ConfigOption, JsonOption, TokenFileOption, admin_address, read_token

if TYPE_CHECKING:
    from gtm.admin.views import Reloaded

RECENT_S = 300.0
"""A change of the last five minutes may be that for which somebody reloads."""

ForceOption = Annotated[
    list[str] | None,
    typer.Option(
        "--force",
        metavar="ZONE",
        autocompletion=zones,
        help="Take this zone though it loses most of it; may be repeated.",
    ),
]


def reload(
    *,
    force: ForceOption = None,
    admin: AdminOption = None,
    config: ConfigOption = None,
    token_file: TokenFileOption = None,
    json: JsonOption = False,
) -> None:
    """Make the running node read its node file and zone folder now, and say what changed; exit with 1 for mistakes.

    Of the node file it takes what a running node can (peers, tokens, permits, the quorum ...), and names what needs a
    restart. A file with mistakes changes nothing: its last good zone goes on serving. So does one that would lose most
    of its names, records, services or endpoints at once, unless --force says that it is meant.
    """
    from gtm.admin.client import ask_reload  # noqa: PLC0415  # who completes, or shows help, needs none

    reloaded = ask_reload(admin_address(admin, config), force or (), token=read_token(token_file) if force else "")
    if json:
        print_view(reloaded)
    else:
        _print(reloaded)
    if reloaded.problems:
        raise typer.Exit(1)


def _print(reloaded: "Reloaded") -> None:
    for line in (*reloaded.problems, *reloaded.node, *_changes(reloaded)):
        print_plain(line)
    print_plain(f"generation {reloaded.generation} serves")


def _changes(reloaded: "Reloaded") -> tuple[str, ...]:
    """Returns the changes of a reload; if it made none, those of the last change, if that is not long ago."""
    if reloaded.changes is None:  # an older node
        return ()
    last = reloaded.last
    if reloaded.changes or last is None or last.ago_s > RECENT_S:
        is_told = reloaded.changes or reloaded.problems
        return reloaded.changes if is_told else ("no zone changed with this reload",)
    message = f"no zone changed with this reload; {last.ago_s:.0f} s ago, with generation {last.generation}:"
    return (message, *last.changes)
