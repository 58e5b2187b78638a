"""The command `gtm`: its subcommands, and how errors reach the operator.

An error of ours is printed to standard error in its own words and ends with exit code 1; a wrong command line ends
with 2. Nothing prints a traceback but a mistake of this program. None of it reaches the terminal raw (console.py).
"""

import errno
import os
import sys
from collections.abc import Callable
from importlib import import_module
from io import TextIOWrapper
from typing import TYPE_CHECKING, Annotated

import typer
from typer.core import TyperGroup

from gtm import __version__
from gtm.cli.console import MAX_REFUSAL, print_aside, print_error
from gtm.cli.lines import print_traceback
from gtm.errors import GtmError
from gtm.escape import escaped

if TYPE_CHECKING:
    app: typer.Typer

COMMANDS = {
    "serve": "gtm.cli.run:serve",
    "probe": "gtm.cli.run:probe",
    "check": "gtm.cli.check:check",
    "bound": "gtm.cli.bound:show_bound",
    "explain": "gtm.cli.explain:explain",
    "status": "gtm.cli.status:status",
    "events": "gtm.cli.events:events",
    "failovers": "gtm.cli.failovers:failovers",
    "down": "gtm.cli.overrides:down",
    "up": "gtm.cli.overrides:up",
    "drain": "gtm.cli.overrides:drain",
    "obey": "gtm.cli.overrides:obey",
    "clear": "gtm.cli.overrides:clear",
    "overrides": "gtm.cli.overrides:overrides",
    "reload": "gtm.cli.reload:reload",
    "keygen": "gtm.cli.keygen:keygen",
    "schema": "gtm.cli.schema:schema",
    "completion": "gtm.cli.completion:completion",
}
"""Where the function of each command is."""
GROUPS = {
    "geodata": "gtm.cli.geodata:geodata_app",
    "demo": "gtm.cli.demo.app:demo_app",
}
"""Where the commands of each group are."""


class _Group(TyperGroup):
    """Commands whose refusals print: typer shows them in a frame, and they may repeat names out of zone files."""

    def invoke(self, ctx: typer.Context) -> object:  # type: ignore[override]  # its own type is not public
        """Runs the command that was typed."""
        try:
            return super().invoke(ctx)
        except typer.BadParameter as error:
            error.message = escaped(error.message, limit=MAX_REFUSAL)
            raise


def make_app(only: str = "") -> typer.Typer:
    """Returns the command line: with one command or group, or with all where there is none of that name.

    Loading them all takes longer than most of them run, and a node that starts is waited for.
    """
    made = typer.Typer(
        name="gtm",
        cls=_Group,
        help="A global traffic management DNS server: every client gets the closest healthy region.",
        no_args_is_help=True,
        context_settings={"help_option_names": ["-h", "--help"]},
        add_completion=False,
        pretty_exceptions_enable=False,
    )
    made.callback()(_options)
    is_known = only in COMMANDS or only in GROUPS
    for name, where in COMMANDS.items():
        if name == only or not is_known:
            made.command(name)(_loaded(where))
    for name, where in GROUPS.items():
        if name == only or not is_known:
            group = _loaded(where)
            assert isinstance(group, typer.Typer)
            made.add_typer(group, name=name)
    return made


def __getattr__(name: str) -> object:
    if name != "app":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return make_app()  # for who wants the whole of it, such as the tests of its documentation


def _loaded(where: str) -> Callable[..., object]:
    module, _, name = where.partition(":")
    found: Callable[..., object] = getattr(import_module(module), name)
    assert callable(found)
    return found


def _version(asked: bool) -> None:  # noqa: FBT001  # typer calls it with the option's value
    if asked:
        from gtm.node.config import EngineChoice  # noqa: PLC0415
        from gtm.node.engines import make_engine  # noqa: PLC0415

        typer.echo(f"gtm {__version__}, {make_engine(EngineChoice.AUTO).name} engine")
        raise typer.Exit


def _options(
    *,
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version and the engine.")
    ] = False,
) -> None:
    """A global traffic management DNS server: every client gets the closest healthy region."""


def main() -> None:
    """Runs the command line."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # a file's name need not be text
    try:
        try:
            _teach_completion()
            make_app(_named())(prog_name="gtm")
        finally:
            sys.stdout.flush()
    except GtmError as error:
        print_error(error)
        sys.exit(1)
    except BrokenPipeError:  # `gtm status | head`
        _give_up_output()
        sys.exit(1)
    except OSError as error:
        if error.errno in _UNWRITABLE:
            _give_up_output()
            print_aside(f"the output cannot be written: {error.strerror}")
        else:
            print_traceback(error)
        sys.exit(1)
    except Exception as error:  # noqa: BLE001  # the top of this program
        print_traceback(error)
        sys.exit(1)


def _teach_completion() -> None:
    """Lets typer answer a shell that completes: by itself it does so only with options to install its own scripts."""
    if "_GTM_COMPLETE" in os.environ:
        from typer.completion import completion_init  # type: ignore[attr-defined]  # noqa: PLC0415

        completion_init()


def _named() -> str:
    """Returns the command that is typed; for a shell that completes it is in the line so far (completion.py)."""
    typed = os.environ.get("_TYPER_COMPLETE_ARGS", "").split() if "_GTM_COMPLETE" in os.environ else sys.argv
    return typed[1] if len(typed) > 1 else ""


_UNWRITABLE = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO}
"""What only standard output can fail with here: who writes a file makes an error of ours of it."""


def _give_up_output() -> None:
    """Lets what is still in the buffer of standard output go nowhere, or Python would complain of it at its end."""
    if isinstance(sys.stdout, TextIOWrapper):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, sys.stdout.fileno())
        os.close(nowhere)
