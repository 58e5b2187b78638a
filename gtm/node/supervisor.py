"""What the supervisor hears of this node: systemd's protocol of notifications (sd_notify(3)), or nothing without one.

    READY=1       the first answer is possible; of a probe: the health of every endpoint is known, or WARM_UP_S are over
    RELOADING=1   it reads its files again, for SIGHUP, and READY=1 once that is done (Type=notify-reload)
    WATCHDOG=1    twice as often as WATCHDOG_USEC asks, from the event loop: a loop that hangs says nothing
    STOPPING=1    it was told to stop

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
    """Tells the supervisor that the environment names, if any. A supervisor that does not listen holds nothing up."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        name = os.fsencode(environment.get(SOCKET, ""))  # of any bytes
        self._address = b"\0" + name[1:] if name.startswith(b"@") else name  # unix(7): an abstract one
        self._watchdog_s = _watchdog_s(environment)
        self._status = ""
        """What was said last of a node that is ready; empty before."""

    def ready(self, status: str) -> None:
        """Says that this node does its work now."""
        self._tell(f"READY=1\nSTATUS={status}")
        self._status = status

    @contextmanager
    def reloading(self) -> Iterator[None]:
        """Says that files are read again, and after the block that this is done; a node that is not ready says nothing.

        A block that is cancelled is that of a node that stops, which is not ready any more.
        """
        status = self._status
        if status:
            # by CLOCK_MONOTONIC systemd tells what is said of its own signal from what is said of one before
            monotonic_us = time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000
            self._tell(f"RELOADING=1\nMONOTONIC_USEC={monotonic_us}\nSTATUS=reads its files again")
        yield
        if status:
            self.ready(status)

    def stopping(self) -> None:
        """Says that it ends."""
        self._tell("STOPPING=1\nSTATUS=stopping")

    async def watch(self) -> None:
        """Says that the event loop turns, as often as is asked, until cancelled."""
        while self._watchdog_s:
            self._tell("WATCHDOG=1")
            await asyncio.sleep(self._watchdog_s / 2)

    def _tell(self, message: str) -> None:
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
    """Returns the seconds for which the supervisor waits for a sign of life.

    0 where it waits for none of this process.
    """
    if environment.get(WATCHDOG_PID, str(os.getpid())) != str(os.getpid()):
        return 0.0
    with suppress(ValueError, OverflowError):
        return max(0, int(environment.get(WATCHDOG_US, "0"))) / 1e6
    return 0.0
