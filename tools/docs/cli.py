"""What the command line has: every command with its arguments and options, as values.

What comes in: the Typer app of `gtm`. What goes out: frozen values, from which commands.md and the man pages are made.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import typer
from typer.core import TyperArgument, TyperGroup, TyperOption

from gtm.cli.app import make_app


@dataclass(frozen=True, slots=True)
class Parameter:
    """An argument or an option."""

    names: str
    """As people type it: `--config, -c FILE`."""
    help: str
    variable: str
    """The environment variable that sets it too; empty for none."""
    is_option: bool
    is_required: bool


@dataclass(frozen=True, slots=True)
class CommandText:
    """One command."""

    name: str
    """With the program: `gtm geodata install`."""
    summary: str
    details: tuple[str, ...]
    """The paragraphs after the first."""
    parameters: tuple[Parameter, ...]
    is_group: bool


def command_texts() -> list[CommandText]:
    """Returns `gtm` and all its commands, a group before its own."""
    return list(_walk("gtm", typer.main.get_command(make_app())))


def _walk(name: str, command: Any) -> Iterator[CommandText]:
    paragraphs = [" ".join(part.split()) for part in (command.help or "").split("\n\n")]
    parameters = tuple(_parameter(one) for one in command.params if not getattr(one, "hidden", False))
    is_group = isinstance(command, TyperGroup)
    yield CommandText(name, paragraphs[0], tuple(filter(None, paragraphs[1:])), parameters, is_group)
    if isinstance(command, TyperGroup):
        for child, inner in command.commands.items():
            yield from _walk(f"{name} {child}", inner)


def _parameter(one: TyperArgument | TyperOption) -> Parameter:
    is_option = isinstance(one, TyperOption)
    value = one.metavar or str(one.name).upper().replace("_", "-")
    if isinstance(one, TyperOption):
        names = ", ".join([*one.opts, *one.secondary_opts]) + ("" if one.is_flag else f" {value}")
    else:
        names = value + ("..." if one.nargs == -1 else "")
    variable = one.envvar if isinstance(one.envvar, str) else ""
    return Parameter(names, " ".join((getattr(one, "help", None) or "").split()), variable, is_option, one.required)


def usage(command: CommandText) -> str:
    """Returns the line of a command as it is typed."""
    if command.is_group:
        return f"{command.name} COMMAND"
    options = " [OPTIONS]" if any(one.is_option for one in command.parameters) else ""
    arguments = [one for one in command.parameters if not one.is_option]
    return (
        command.name + options + "".join(f" {one.names}" if one.is_required else f" [{one.names}]" for one in arguments)
    )
