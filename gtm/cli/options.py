"""Options that several commands share, and the node file behind them."""

import os
import socket
from pathlib import Path
from typing import Annotated

import typer

from gtm.errors import NodeInvalid, Problem
from gtm.node.config import NodeConfig
from gtm.node.nodefile import default_config, parse_node_file

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
JsonOption = Annotated[bool, typer.Option("--json", help="Print the API's JSON.")]


def read_config(path: Path | None) -> NodeConfig:
    """Returns the configuration of a node file, or the defaults; raises NodeInvalid."""
    if path is None:
        return default_config(Path(), socket.gethostname())
    try:
        content = path.read_text()
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "not UTF-8"
        raise NodeInvalid([Problem(str(path), 1, 1, f"cannot be read: {reason}")]) from error
    return parse_node_file(content, str(path), path.parent, socket.gethostname())


def admin_address(asked: str | None, config: Path | None) -> str:
    """Returns the admin address to ask."""
    if asked is not None:
        return asked
    admin = read_config(config).admin
    return str(admin)


def relative(path: Path) -> Path:
    """Returns a path as people would type it here."""
    shorter = os.path.relpath(path)
    return path if shorter.startswith("..") else Path(shorter)
