"""Stopping: SIGTERM and SIGINT end a node in time, in every phase.

    while it starts          the start is given up, even if it waits for a disk
    while it runs            the rivers are cancelled, which saves the beliefs; then listeners and telemetry are closed,
                             all at once and within CLOSE_LIMIT_S; then events and state are written
    STOP_LIMIT_S after that  the process ends at once: something hangs, and data not written by then is lost

Files are replaced whole (gtm/node/state/checksummed_files.py), so an end in the middle of a write damages no file.
"""

import asyncio
import logging
import os
import signal
import threading
from collections.abc import Callable, Coroutine, Mapping

STOP_LIMIT_S = 4.0
"""Seconds from the signal to the forced end. A supervisor kills after 10 s or more; a working disk needs 2 s."""

CLOSE_LIMIT_S = 1.5
"""Seconds to close what others can delay: slow clients of the admin API, a collector that does not answer."""

EXIT_STATUS = 1
"""The exit status of a forced end: something was not written or closed."""

log = logging.getLogger(__name__)


class Stop:
    """Says whether this node must stop, and ends the process after STOP_LIMIT_S. Its state: whether a signal came."""

    def __init__(self, *, limit_s: float = STOP_LIMIT_S, end: Callable[[int], None] = os._exit) -> None:
        self._limit_s = limit_s
        self._end = end
        self._told = asyncio.Event()

    def listen(self) -> None:
        """Installs handlers for SIGTERM and SIGINT on the running event loop; both call `tell`."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self.tell)

    def tell(self) -> None:
        """Asks the node to stop, and ends the process if it still runs after STOP_LIMIT_S."""
        if not self._told.is_set():
            self._told.set()
            last = threading.Timer(self._limit_s, self._end_at_last)
            last.daemon = True
            last.start()

    @property
    def is_told(self) -> bool:
        """Returns whether `tell` was called: the node must stop."""
        return self._told.is_set()

    async def wait(self) -> None:
        """Waits until `tell` is called."""
        await self._told.wait()

    async def unless_told(self, work: Coroutine[None, None, None]) -> bool:
        """Runs a coroutine, and cancels it when the node must stop; returns whether it finished. Raises its error."""
        doing, waiting = asyncio.create_task(work), asyncio.create_task(self.wait())
        try:
            await asyncio.wait([doing, waiting], return_when=asyncio.FIRST_COMPLETED)
            if doing.done():
                doing.result()
                return True
            log.info("told to stop before the start was done")
            return False
        finally:
            for task in (doing, waiting):
                task.cancel()
            await asyncio.wait([doing, waiting])

    def _end_at_last(self) -> None:
        """Ends the process at once, from a thread."""
        log.error("not stopped within %g s: a disk or a library hangs; ending all the same", self._limit_s)
        self._end(EXIT_STATUS)


async def close_all(closings: Mapping[str, Coroutine[None, None, None]], *, limit_s: float = CLOSE_LIMIT_S) -> None:
    """Runs all closing coroutines at the same time, and cancels those that take longer than `limit_s` seconds.

    The keys are the names for the log. Errors are logged, not raised.
    """
    if not closings:
        return
    tasks = [asyncio.create_task(closing, name=name) for name, closing in closings.items()]
    done, late = await asyncio.wait(tasks, timeout=limit_s)
    for task in late:
        log.warning("%s: not closed within %g s; going on without it", task.get_name(), limit_s)
        task.cancel()
    for task in done:
        if (error := task.exception()) is not None:
            log.error("%s: cannot be closed", task.get_name(), exc_info=error)
