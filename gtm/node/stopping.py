"""Stopping: SIGTERM and SIGINT end a node in time, whatever it does just then.

    while it starts          what it waits for, a disk it may be, is given up
    while it runs            the rivers are cancelled, which saves the beliefs; then what others hold up is closed, all
                             at once and within CLOSE_LIMIT_S; then events and state are written
    STOP_LIMIT_S after that  the process ends at once: something hangs, and what is not written by then is lost

Files are replaced whole (gtm/node/state/checksummed_files.py), so that an end in the middle of a write damages none.
"""

import asyncio
import logging
import os
import signal
import threading
from collections.abc import Callable, Coroutine, Mapping

STOP_LIMIT_S = 4.0
"""A supervisor waits for 10 s (docker, Kubernetes: 30 s) before it kills; and 2 s are enough for a disk that works."""

CLOSE_LIMIT_S = 1.5
"""For what others can hold up: clients of the admin API that read slowly, a collector that does not answer."""

EXIT_STATUS = 1
"""Something was not done."""

log = logging.getLogger(__name__)


class Stop:
    """Whether this node is to stop. It has state: that."""

    def __init__(self, *, limit_s: float = STOP_LIMIT_S, end: Callable[[int], None] = os._exit) -> None:
        self._limit_s = limit_s
        self._end = end
        self._told = asyncio.Event()

    def listen(self) -> None:
        """Takes the signals of the running loop that ask for the end."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self.tell)

    def tell(self) -> None:
        """Says that the node is to stop: from now on it has STOP_LIMIT_S."""
        if not self._told.is_set():
            self._told.set()
            last = threading.Timer(self._limit_s, self._end_at_last)
            last.daemon = True
            last.start()

    @property
    def is_told(self) -> bool:
        """Returns whether the node is to stop."""
        return self._told.is_set()

    async def wait(self) -> None:
        """Waits until the node is to stop."""
        await self._told.wait()

    async def unless_told(self, work: Coroutine[None, None, None]) -> bool:
        """Does something, and gives it up when the node is to stop; returns whether it was done."""
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
        log.error("not stopped within %g s: a disk or a library hangs; ending all the same", self._limit_s)
        self._end(EXIT_STATUS)


async def close_all(closings: Mapping[str, Coroutine[None, None, None]], *, limit_s: float = CLOSE_LIMIT_S) -> None:
    """Closes all of these at once, by name, and gives up what takes longer than this; what fails is logged."""
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
