"""The command `gtm`: its subcommands, and how errors reach the operator.

An error of ours is printed to standard error in its own words and ends with exit code 1; a wrong command line ends
with 2. Nothing prints a traceback but a mistake of this program.
"""

import errno
import os
import sys
from io import TextIOWrapper
from typing import Annotated

import typer

from gtm import __version__
from gtm.cli import bound, check, events, explain, geodata, keygen, reload, run, schema, status
from gtm.cli.demo import demo_app
from gtm.errors import GtmError
from gtm.node.config import EngineChoice
from gtm.node.engines import make_engine

app = typer.Typer(
    name="gtm",
    help="A global traffic management DNS server: every client gets the closest healthy region.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
app.command("serve")(run.serve)
app.command("probe")(run.probe)
app.command("check")(check.check)
app.command("bound")(bound.show_bound)
app.command("explain")(explain.explain)
app.command("status")(status.status)
app.command("events")(events.events)
app.command("reload")(reload.reload)
app.command("keygen")(keygen.keygen)
app.command("schema")(schema.schema)
app.add_typer(geodata.geodata_app, name="geodata")
app.add_typer(demo_app, name="demo")


def _version(asked: bool) -> None:  # noqa: FBT001  # typer calls it with the option's value
    if asked:
        typer.echo(f"gtm {__version__}, {make_engine(EngineChoice.AUTO).name} engine")
        raise typer.Exit


@app.callback()
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
            app()
        finally:
            sys.stdout.flush()
    except GtmError as error:
        typer.echo(str(error), err=True)
        sys.exit(1)
    except BrokenPipeError:  # `gtm status | head`
        _give_up_output()
        sys.exit(1)
    except OSError as error:
        if error.errno not in _UNWRITABLE:
            raise
        _give_up_output()
        typer.echo(f"the output cannot be written: {error.strerror}", err=True)
        sys.exit(1)


_UNWRITABLE = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO}
"""What only standard output can fail with here: who writes a file makes an error of ours of it."""


def _give_up_output() -> None:
    """Lets what is still in the buffer of standard output go nowhere, or Python would complain of it at its end."""
    if isinstance(sys.stdout, TextIOWrapper):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, sys.stdout.fileno())
        os.close(nowhere)
