"""The admin API on a socket of this machine: `admin.sock` in the state folder, for the node's own user alone.

It works with no network, whatever crowds the admin listener, and however that speaks TLS. Where it cannot be made, the
node goes on without it, and tries again. A socket that a killed node left behind is replaced; one that another node
answers on is not. A socket that somebody removed from a running node is made again, within LOOK_S.
"""

import asyncio
import logging
import os
import socket
from collections.abc import Awaitable, Callable
from contextlib import suppress
from pathlib import Path

from aiohttp import web

from gtm.admin.address import SOCKET_NAME, answers
from gtm.admin.connection_limit import Limits
from gtm.admin.server import LimitedRunner
from gtm.errors import CallOverdue
from gtm.threads import Pool

MODE = 0o600
BACKLOG = 16
SHUTDOWN_S = 1.0
LOOK_S = 5.0
DISK_S = 2.0
"""The time limit for a check of the socket's file: its disk may hang."""
LIMITS = Limits(whole=64)
"""The connection limits of the socket; they are apart from those of the admin listener."""

log = logging.getLogger(__name__)


class LocalAdmin:
    """Serves the admin API on the Unix socket of a state folder. Its state: the socket's file, and the last error."""

    def __init__(
        self,
        folder: Path,
        app: web.Application,
        *,
        on_no_request: Callable[[int], None] = lambda _status: None,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self.path = folder / SOCKET_NAME
        self._runner = LimitedRunner(app, limits=LIMITS, on_no_request=on_no_request, shutdown_s=SHUTDOWN_S)
        self._sleep = sleep
        self._threads = Pool("admin socket", threads=1)
        self._made: os.stat_result | None = None
        """The file that this node made for its socket; None while it has made none."""
        self._told = ""

    async def begin(self) -> None:
        """Starts serving; if the socket cannot be made, logs a warning and leaves it to `run`."""
        await self._runner.setup()
        await self._look()

    async def run(self) -> None:
        """Checks every LOOK_S whether the socket is there, and makes it again if not; runs until cancelled."""
        while True:
            await self._sleep(LOOK_S)
            await self._look()

    async def close(self) -> None:
        """Stops serving, closes all connections and removes the socket's file."""
        await self._runner.cleanup()
        with suppress(CallOverdue):
            await self._threads.run(self._unlink, timeout_s=DISK_S)

    async def _look(self) -> None:
        try:
            listener = await self._threads.run(self._made_anew, timeout_s=DISK_S)
        except CallOverdue:  # the next look is at a disk that may be back
            return
        except OSError as error:
            self._complain(error.strerror or str(error))
            return
        self._told = ""
        if listener is not None:
            listening, made = listener
            if self._made is not None:
                log.warning("the admin socket %s was removed or replaced by somebody; it is made again", self.path)
            self._made = made
            self._runner.listen_anew(listening)

    def _made_anew(self) -> tuple[socket.socket, os.stat_result] | None:
        """Returns a new listening socket and the status of its file; None where the present socket is still there."""
        if self._made is not None and _is_at(self.path, self._made):
            return None
        listening = _listening(self.path)
        return listening, self.path.stat()

    def _complain(self, message: str) -> None:
        if message != self._told:
            self._told = message
            log.warning("the admin socket %s cannot be made: %s; going on without it", self.path, message)

    def _unlink(self) -> None:
        if self._made is not None and _is_at(self.path, self._made):
            with suppress(OSError):
                self.path.unlink()


def _is_at(path: Path, made: os.stat_result) -> bool:
    try:
        return os.path.samestat(path.stat(follow_symlinks=False), made)
    except FileNotFoundError:
        return False


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
