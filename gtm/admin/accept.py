"""Takes connections from a listening socket: each is counted before anything is spent on it, TLS least of all.

asyncio's own server counts nothing before the end of a handshake, and where descriptors run out it logs a traceback for
each turn. This one logs once a minute, closes a waiting connection, and tries again after a second.

What comes in: a listening socket. What goes out: accepted ones, a few in one turn of the event loop.
"""

import asyncio
import errno
import logging
import socket
from collections.abc import Callable

from gtm.admin.refusal_log import RefusalLog

ACCEPTED_AT_ONCE = 8
"""The most connections taken in one turn of the event loop: each may cost a TLS handshake of a millisecond."""
REST_S = 1.0
OUT_OF = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM})

log = logging.getLogger(__name__)

Took = Callable[[socket.socket, str | None], None]
"""Called with each accepted connection and the address of its client; None for a Unix socket."""


class Acceptor:
    """Accepts connections from a listening socket until it is closed.

    Its state is whether it pauses because file descriptors or memory ran out; `on_exhausted` is called then.
    """

    def __init__(self, listening: socket.socket, took: Took, *, on_exhausted: Callable[[], None]) -> None:
        self.listening = listening
        self._took = took
        self._on_exhausted = on_exhausted
        self._loop = asyncio.get_running_loop()
        self._resting: asyncio.TimerHandle | None = None
        self._told = RefusalLog(log, "times more the admin API could take no connection", lines=1)
        listening.setblocking(False)  # noqa: FBT003  # the method is the name
        self._loop.add_reader(listening, self._accept)

    def close(self) -> None:
        """Stops accepting connections, and closes the listening socket."""
        if self._resting is not None:
            self._resting.cancel()
        self._loop.remove_reader(self.listening)
        self.listening.close()

    def _accept(self) -> None:
        for _ in range(ACCEPTED_AT_ONCE):
            try:
                accepted, address = self.listening.accept()
            except OSError as error:  # none is left, or one was gone before it was taken (accept(2))
                if error.errno in OUT_OF:
                    self._rest(error)
                return
            accepted.setblocking(False)  # noqa: FBT003  # the method is the name
            self._took(accepted, address[0] if isinstance(address, tuple) else None)

    def _rest(self, error: OSError) -> None:
        self._told.tell(f"the admin API can take no connection: {error.strerror}; it tries again every second")
        self._on_exhausted()
        self._loop.remove_reader(self.listening)  # it would be ready in every turn
        self._resting = self._loop.call_later(REST_S, self._resume)

    def _resume(self) -> None:
        self._resting = None
        self._loop.add_reader(self.listening, self._accept)
