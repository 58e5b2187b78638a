"""`gtm reload`: a running node reads its zone folder now."""

from typing import Annotated

import typer

from gtm.admin.client import ask_reload
from gtm.cli.console import print_plain
from gtm.cli.options import AdminOption, ConfigOption, TokenFileOption, admin_address, read_token

ForceOption = Annotated[
    list[str] | None,
    typer.Option("--force", metavar="ZONE", help="Take this zone though it loses most of it; may be repeated."),
]


def reload(
    *,
    force: ForceOption = None,
    admin: AdminOption = None,
    config: ConfigOption = None,
    token_file: TokenFileOption = None,
) -> None:
    """Make the running node read its zone folder now; exit with 1 if a file has mistakes.

    A file with mistakes changes nothing: its last good zone goes on serving. So does one that would lose most of its
    names, records, services or endpoints at once, unless --force says that it is meant.
    """
    reloaded = ask_reload(admin_address(admin, config), force or (), token=read_token(token_file) if force else "")
    for problem in reloaded.problems:
        print_plain(problem)
    print_plain(f"generation {reloaded.generation} serves")
    if reloaded.problems:
        raise typer.Exit(1)
