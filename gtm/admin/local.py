"""The admin API on a socket of this machine: `admin.sock` in the state folder, for the node's own user alone.

It works with no network, whatever crowds the admin listener, and however that speaks TLS. Where it cannot be made, the
node goes on without it. A socket that a killed node left behind is replaced; one that another node answers on is not.
"""

import logging
import socket
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from aiohttp import web

from gtm.admin.address import SOCKET_NAME, answers
from gtm.admin.crowd import Limits
from gtm.admin.limit import LimitedRunner

MODE = 0o600
BACKLOG = 16
SHUTDOWN_S = 1.0
LIMITS = Limits(whole=64)
"""Its own user's programs, and so not those of the admin listener."""

log = logging.getLogger(__name__)


async def open_local(
    folder: Path, app: web.Application, *, on_no_request: Callable[[int], None] = lambda _status: None
) -> web.AppRunner | None:
    """Returns the running server, which the caller cleans up; None where the socket cannot be made."""
    path = folder / SOCKET_NAME
    try:
        opened = _listening(path)
    except OSError as error:
        log.warning("the admin socket %s cannot be made: %s; going on without it", path, error.strerror or error)
        return None
    runner = LimitedRunner(app, limits=LIMITS, on_no_request=on_no_request, shutdown_s=SHUTDOWN_S)
    await runner.setup()
    runner.listen(opened)
    return runner


def close_local(folder: Path) -> None:
    """Takes the socket away: nobody answers on it any more."""
    with suppress(OSError):
        (folder / SOCKET_NAME).unlink()


def _listening(path: Path) -> socket.socket:
    with suppress(FileExistsError):
        path.parent.mkdir(mode=0o700, parents=True)
    if path.is_socket() and not answers(path):
        path.unlink()
    opened = socket.socket(socket.AF_UNIX)
    try:
        opened.setblocking(False)  # noqa: FBT003  # the method is the name
        opened.bind(str(path))
        path.chmod(MODE)  # before it listens nobody gets in
        opened.listen(BACKLOG)
    except BaseException:
        opened.close()
        raise
    return opened
