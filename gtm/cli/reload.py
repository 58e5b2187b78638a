"""`gtm reload`: a running node reads its zone folder now."""

import typer

from gtm.admin.client import ask_reload
from gtm.cli.console import print_plain
from gtm.cli.options import AdminOption, ConfigOption, admin_address


def reload(admin: AdminOption = None, config: ConfigOption = None) -> None:
    """Make the running node read its zone folder now; exit with 1 if a file has mistakes.

    A file with mistakes changes nothing: its last good zone goes on serving.
    """
    reloaded = ask_reload(admin_address(admin, config))
    for problem in reloaded.problems:
        print_plain(problem)
    print_plain(f"generation {reloaded.generation} serves")
    if reloaded.problems:
        raise typer.Exit(1)
