"""Options that several commands share, and the node file behind them."""

import os
import re
import socket
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from gtm.admin.address import SOCKET_NAME, UNIX, answers
from gtm.cli.console import print_aside
from gtm.errors import NodeInvalid, Problem
from gtm.node.config.shipped import shipped

if TYPE_CHECKING:
    from gtm.node.config.model import NodeConfig
    from gtm.watch.geoload import GeoLoad

ConfigOption = Annotated[
    Path | None,
    typer.Option(
        "--config", "-c", help="The node file (gtm.yaml). Without one: defaults for one machine.", envvar="GTM_CONFIG"
    ),
]
AdminOption = Annotated[
    str | None,
    typer.Option("--admin", metavar="ADDR:PORT", help="The node to ask: its admin address, if not the node file's."),
]
TokenFileOption = Annotated[
    Path | None,
    typer.Option(
        "--token-file",
        metavar="FILE",
        envvar="GTM_TOKEN_FILE",
        help="The token (overrides.tokens of the node asked); its socket on its own machine needs none.",
    ),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON.")]


def read_config(path: Path | None) -> "NodeConfig":
    """Returns the configuration in a node file, or the defaults for None; raises NodeInvalid."""
    from gtm.node.config.parse import default_config, parse_node_file  # noqa: PLC0415  # its schema takes long to load

    if path is None:
        return default_config(Path(), socket.gethostname())
    try:
        content = path.read_text(encoding="utf-8")
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else "not UTF-8"
        raise NodeInvalid([Problem(str(path), 1, 1, f"cannot be read: {reason}")]) from error
    return parse_node_file(content, str(path), path.parent, socket.gethostname())


def zone_folder(named: Path | None, config: "NodeConfig") -> Path:
    """Returns the zone folder to read: `named`, or that of the node file.

    Prints a note to standard error where it is the shipped example.
    """
    if named is None and config.zones == shipped("zones"):
        print_aside(f"no zones/ here: this is the shipped example, {config.zones}; --config names your node file")
    return named or config.zones


def running_state(path: Path, invalid: NodeInvalid, *, aside: Callable[[str], None] = print_aside) -> Path:
    """Returns the state folder of a node that runs here although its node file has a mistake, which `aside` prints.

    The folder is that of the top-level line `state:`, as far as the file can be read, or else the default. Where nobody
    answers there the mistake is raised.
    """
    from gtm.node.config.parse import default_config  # noqa: PLC0415  # its schema takes long to load

    try:
        text = path.read_bytes().decode(errors="surrogateescape")
    except OSError:
        text = ""
    default = default_config(path.parent, socket.gethostname()).state
    line = _STATE.search(text)
    state = path.parent / next(filter(None, line.groups())) if line else default
    if not answers(state / SOCKET_NAME):
        raise invalid
    more = f" (and {len(invalid.lines) - 1} more)" if len(invalid.lines) > 1 else ""
    aside(f"{invalid.lines[0]}{more}; the node that runs with {state} is asked all the same")
    return state


_STATE = re.compile(
    r"""^state[ \t]*:[ \t]+(?:"([^"\r\n\0]+)"|'([^'\r\n\0]+)'|([^\s"'#\0][^\r\n\0]*?))[ \t]*(?:[ \t]#[^\n]*)?\r?$""",
    re.MULTILINE,
)


def admin_address(asked: str | None, config: Path | None, *, aside: Callable[[str], None] = print_aside) -> str:
    """Returns the admin address to ask: HOST:PORT or https://HOST:PORT, where HOST may be a name.

    Where none is asked for, that is the socket of a node that runs here, or else the address of the node file. A
    mistake in that file is said aside where the node runs: it is then that somebody drains.
    """
    if asked is None:
        try:
            node = read_config(config)
        except NodeInvalid as invalid:
            if config is None:
                raise
            return f"{UNIX}{running_state(config, invalid, aside=aside) / SOCKET_NAME}"
        local = node.state / SOCKET_NAME
        over_network = str(node.admin) if node.admin_tls is None else f"https://{node.admin}"
        return f"{UNIX}{local}" if answers(local) else over_network
    address = asked.removeprefix("http://").removesuffix("/")  # as a browser has it, and docs do
    parts = re.fullmatch(r"(?:https://)?(?:[A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\]):([0-9]{1,5})", address)
    if parts is None or not 1 <= int(parts[1]) <= 65_535:
        raise typer.BadParameter(f'"{asked}" is not ADDRESS:PORT, such as 127.0.0.1:8053', param_hint="--admin")
    return address


def read_token(path: Path | None) -> str:
    """Returns the token in a token file; empty for None."""
    if path is None:
        return ""
    try:
        token = path.read_text(encoding="ascii").strip()
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else "no token in ASCII"
        raise typer.BadParameter(f"{path}: {reason}", param_hint="--token-file") from error
    if not token.isprintable() or not token or " " in token:
        raise typer.BadParameter(f"{path}: is no single line with a token", param_hint="--token-file")
    return token


def read_geodata(path: Path | None) -> "GeoLoad":
    """Loads the geo data of a node file, or of the defaults; prints problems to standard error."""
    from gtm.watch.geodata import load  # noqa: PLC0415  # it brings numpy, and most commands need no geo data

    geo = read_config(path).geo
    loaded = load(geo.databases, geo.networks)
    for problem in loaded.problems:
        print_aside(f"geo data: {problem}")
    return loaded


def relative(path: Path) -> Path:
    """Returns a path relative to the working directory, if it is below it."""
    shorter = os.path.relpath(path)
    return path if shorter.startswith("..") else Path(shorter)
