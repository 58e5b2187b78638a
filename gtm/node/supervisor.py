"""Messages to the supervisor, in systemd's notification protocol (sd_notify(3)); none without a supervisor.

    READY=1       the first answer is possible; of a probe: the health of every endpoint is known, or WARM_UP_S are over
    RELOADING=1   the node reads its files again, for SIGHUP; then READY=1 follows (Type=notify-reload)
    WATCHDOG=1    twice as often as WATCHDOG_USEC requires, from the event loop: a loop that hangs sends nothing
    STOPPING=1    the node stops

Own code: the protocol is one datagram, and the packages for it add nothing.
"""

import asyncio
import logging
import os
import socket
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress

SOCKET, WATCHDOG_US, WATCHDOG_PID = "NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID"

log = logging.getLogger(__name__)


class Supervisor:
    """Sends messages to the supervisor that the environment names, if any. It never waits for the supervisor."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        name = os.fsencode(environment.get(SOCKET, ""))  # of any bytes
        self._address = b"\0" + name[1:] if name.startswith(b"@") else name  # unix(7): an abstract one
        self._watchdog_s = _watchdog_s(environment)
        self._status = ""
        """The last status text of a node that is ready; empty before it is ready."""

    def ready(self, status: str) -> None:
        """Sends READY=1 with a status text: this node does its work now."""
        self._tell(f"READY=1\nSTATUS={status}")
        self._status = status

    @contextmanager
    def reloading(self) -> Iterator[None]:
        """Sends RELOADING=1 before the block and READY=1 after it; sends nothing while the node is not ready yet.

        After a block that is cancelled nothing is sent: that node stops, and is not ready any more.
        """
        status = self._status
        if status:
            # by CLOCK_MONOTONIC systemd knows whether a message answers its newest signal or one before
            monotonic_us = time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000
            self._tell(f"RELOADING=1\nMONOTONIC_USEC={monotonic_us}\nSTATUS=reads its files again")
        yield
        if status:
            self.ready(status)

    def stopping(self) -> None:
        """Sends STOPPING=1: this node stops."""
        self._tell("STOPPING=1\nSTATUS=stopping")

    async def watch(self) -> None:
        """Sends WATCHDOG=1 twice per required interval until cancelled; returns at once if no watchdog is set."""
        while self._watchdog_s:
            self._tell("WATCHDOG=1")
            await asyncio.sleep(self._watchdog_s / 2)

    def _tell(self, message: str) -> None:
        """Sends a message to the supervisor, if there is one; logs a failure."""
        if not self._address:
            return
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as told:
                told.setblocking(False)  # noqa: FBT003  # the method is the name
                told.sendto(message.encode(), self._address)
        except OSError as error:
            log.warning(
                "the supervisor at %s was not told %s: %s",
                self._address,
                message.split("\n", maxsplit=1)[0],
                error,
            )


def _watchdog_s(environment: Mapping[str, str]) -> float:
    """Returns the seconds within which the supervisor expects WATCHDOG=1; 0 if it expects none of this process."""
    if environment.get(WATCHDOG_PID, str(os.getpid())) != str(os.getpid()):
        return 0.0
    with suppress(ValueError, OverflowError):
        return max(0, int(environment.get(WATCHDOG_US, "0"))) / 1e6
    return 0.0
