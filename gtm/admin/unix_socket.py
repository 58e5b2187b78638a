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
"""For a look, which is at a disk that may hang."""
LIMITS = Limits(whole=64)
"""Its own user's programs, and so not those of the admin listener."""

log = logging.getLogger(__name__)


class LocalAdmin:
    """Serves the admin API on the socket. It has state: which socket it is, and what was wrong with it last."""

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
        """What is at the path since this node made its socket; None where it has none."""
        self._told = ""

    async def begin(self) -> None:
        """Begins to serve, if the socket can be made."""
        await self._runner.setup()
        await self._look()

    async def run(self) -> None:
        """Makes the socket whenever it is not there, until cancelled."""
        while True:
            await self._sleep(LOOK_S)
            await self._look()

    async def close(self) -> None:
        """Ends everything, and takes the socket away: nobody answers on it any more."""
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
        """Returns a new socket and what is at its path then, or None where the one before is still there."""
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
