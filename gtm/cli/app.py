"""The command `gtm`: its subcommands, and how errors reach the operator.

An error of ours is printed to standard error in its own words and ends with exit code 1; a wrong command line is one
line, and ends with 2. Nothing prints a traceback but a mistake of this program. None of it reaches the terminal raw
(console.py): what is refused may be a name out of zone files.
"""

import errno
import logging
import os
import sys
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from importlib import import_module
from io import TextIOWrapper
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Protocol, runtime_checkable

import typer

from gtm import __version__
from gtm.cli.commands import ASKED, COMMANDS, GROUPS, LINE
from gtm.cli.console import MAX_REFUSAL, print_aside, print_error
from gtm.cli.lines import print_traceback
from gtm.errors import GtmError
from gtm.escape import escaped

if TYPE_CHECKING:
    app: typer.Typer


@runtime_checkable
class _Refusal(Protocol):
    """The exception of typer for a wrong command line, whose class is not public."""

    exit_code: int

    def format_message(self) -> str:
        """Returns the message of the error; empty where typer has shown the help instead."""
        ...


def make_app(only: str = "") -> typer.Typer:
    """Returns the typer app with one command or group, or with all where `only` is none of their names.

    Loading all commands takes longer than most of them run, and would delay the start of a node.
    """
    made = _empty()
    is_known = only in COMMANDS or only in GROUPS
    for name, command in COMMANDS.items():
        if name == only or not is_known:
            made.command(name)(_loaded(command.where))
    for name, command in GROUPS.items():
        if name == only or not is_known:
            group = _loaded(command.where)
            assert isinstance(group, typer.Typer)
            made.add_typer(group, name=name)
    return made


def make_list() -> typer.Typer:
    """Returns a typer app for `gtm --help`: it has the name and the summary of each command, and can run none."""
    made = _empty()
    for name, command in (*COMMANDS.items(), *GROUPS.items()):
        made.command(name, help=command.summary)(_options)
    return made


def _empty() -> typer.Typer:
    made = typer.Typer(
        name="gtm",
        help="A global traffic management DNS server: every client gets the closest healthy region.",
        no_args_is_help=True,
        context_settings={"help_option_names": ["-h", "--help"]},
        add_completion=False,
        pretty_exceptions_enable=False,
    )
    made.callback()(_options)
    return made


def __getattr__(name: str) -> object:
    if name != "app":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return make_app()  # for who wants the whole of it, such as the tests of its documentation


def _loaded(where: str) -> Callable[..., object]:
    module, _, name = where.partition(":")
    function: Callable[..., object] = getattr(import_module(module), name)
    assert callable(function)
    return function


def _version(asked: bool) -> None:  # noqa: FBT001  # typer calls it with the option's value
    if asked:
        from gtm.node.config.model import EngineChoice  # noqa: PLC0415
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


def run() -> None:
    """Runs the command line as a process of its own, and ends that."""
    try:
        main()
    except SystemExit as ended:
        if threading.active_count() > 1:
            leave(ended.code if isinstance(ended.code, int) else int(ended.code is not None))
        raise


def leave(status: int, *, end: Callable[[int], object] = os._exit) -> None:
    """Ends this process at once, while threads are at work that nobody can stop.

    They read files and make plans, in C code too, and Python takes down what they use when it ends in its own way: a
    node that was told to stop while it started ended by SIGSEGV or SIGABRT one time in five.
    """
    from multiprocessing import active_children  # noqa: PLC0415  # most commands have no child

    for child in active_children():
        child.kill()
    logging.shutdown()
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError, ValueError):
            stream.flush()
    end(status)


def main() -> None:
    """Runs the command line. Ends with SystemExit."""
    _open_missing()
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # a file's name need not be text
    try:
        try:
            _teach_completion()
            code = _made(_typed())(prog_name="gtm", standalone_mode=False)
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
        elif isinstance(error, PermissionError) and error.filename is not None:  # such as a folder of another user
            print_aside(f"{error.filename}: {error.strerror}")
        else:
            print_traceback(error)
        sys.exit(1)
    except Exception as error:  # noqa: BLE001  # the top of this program
        if isinstance(error, _Refusal):
            _print_refusal(error)
            sys.exit(error.exit_code)
        print_traceback(error)
        sys.exit(1)
    sys.exit(code)


def _print_refusal(error: _Refusal) -> None:
    """Prints the error of a wrong command line to standard error, as one line."""
    message = " ".join(error.format_message().replace("Value error, ", "").split())
    if message:
        first = [word for word in _typed()[:1] if word in COMMANDS or word in GROUPS]
        typed = getattr(getattr(error, "ctx", None), "command_path", " ".join(["gtm", *first]))
        print_aside(f"Error: {escaped(message.rstrip('.'), limit=MAX_REFUSAL)}; see: {typed} -h")


def _open_missing() -> None:
    """Opens /dev/null for standard output or standard error if the shell has closed it: `gtm status >&-`.

    Otherwise the next file or socket would get its descriptor, and the text that is printed.
    """
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:
            setattr(sys, name, Path(os.devnull).open("w"))  # noqa: SIM115  # until the end of this process


def _teach_completion() -> None:
    """Makes typer answer a shell that completes a line; typer does so only with its own options to install scripts."""
    if ASKED in os.environ:
        from typer.completion import completion_init  # type: ignore[attr-defined]  # noqa: PLC0415

        completion_init()


def _made(typed: Sequence[str]) -> typer.Typer:
    """Returns the typer app for the typed words: with one command, with the list of commands, or with all."""
    first = typed[0] if typed else ""
    if first in COMMANDS or first in GROUPS:
        return make_app(first)
    is_named = any(word in COMMANDS or word in GROUPS for word in typed)
    return make_app() if is_named else make_list()


def _typed() -> Sequence[str]:
    """Returns the words after `gtm`: the arguments, or the line that a shell wants to complete (completion.py)."""
    typed = os.environ.get(LINE, "").split() if ASKED in os.environ else sys.argv
    return typed[1:]


_UNWRITABLE = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO}
"""Errors that only standard output can cause here: code that writes a file turns them into a GtmError."""


def _give_up_output() -> None:
    """Sends the rest of standard output to /dev/null, or Python would print an error when it ends."""
    if isinstance(sys.stdout, TextIOWrapper):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, sys.stdout.fileno())
        os.close(nowhere)
