"""Kind `exec`: a program that ends with 0."""

from dataclasses import dataclass
from typing import Annotated

from pydantic import ConfigDict, Field

from gtm.config.entry import Entry
from gtm.config.fields import Text, error
from gtm.zone.monitors.common import CommonKeys
from gtm.zone.monitors.keys import PortKey, check_sizes
from gtm.zone.monitors.kind import MonitorKind
from gtm.zone.monitors.settings import Settings


@dataclass(frozen=True, slots=True)
class ExecSettings(Settings):
    """Kind `exec`: a program that ends with 0. Only where the node file allows the program."""

    command: tuple[str, ...]
    """The program and its arguments, run without a shell; `{address}` and `{port}` are replaced in arguments."""


class ExecKeys(Entry):
    """Which program is run."""

    model_config = ConfigDict(defer_build=True)

    port: PortKey = None
    command: Annotated[
        list[Text],
        Field(description="A program that the node file allows, and its arguments; {address} and {port} are filled in"),
    ] = []


def _check(keys: ExecKeys, _common: CommonKeys) -> None:
    """Raises an error for a program that would have to be looked for, or that cannot be given its arguments."""
    check_sizes(sent=keys.command)
    if not keys.command[0].startswith("/"):
        raise error(f'command: expected the absolute path of a program first, not "{keys.command[0]}"')
    if any("\0" in word for word in keys.command):
        raise error("command: no program can be given the character \\0")


EXEC = MonitorKind(
    ExecKeys,
    lambda keys: ExecSettings(tuple(keys.command)),
    port=lambda keys: keys.port or 0,
    needed={"command": "an exec monitor runs one"},
    rule=_check,
)
