"""A subscriber of the event log, its bounded queue, and the thread that gives it what came, in batches.

    offer (any thread, never waits) -> queue -> thread -> subscriber

A subscriber that is slow or fails costs itself events and delays nobody: what does not fit its queue, and what it
failed to take, is counted and told. The event files are one (log.py); others join with `EventLog.subscribe`.
"""

import logging
import math
import queue
import threading
from collections.abc import Sequence
from contextlib import suppress
from enum import Enum
from typing import Protocol

from gtm.event import Recorded

MAX_BATCH = 500
"""Events of one call."""
TELL_EVERY_S = 3600.0
"""Between two lines of the log about a queue that is full."""

log = logging.getLogger(__name__)


class Subscriber(Protocol):
    """Takes events in a thread of its own. A node may record more before it returns."""

    def take(self, events: Sequence[Recorded]) -> None:
        """Takes events, oldest first. What it raises is logged, and these events count as lost."""

    def close(self) -> None:
        """Lets go of what is open; the next events open it again. What it raises is no loss."""


class _Order(Enum):
    """What the thread is to do once the subscriber took what was offered before."""

    CLOSE = "close"
    END = "end"


class Subscription:
    """One subscriber. Its state is the events that wait for it, its thread, and what it lost."""

    def __init__(self, name: str, subscriber: Subscriber, *, trouble: str, most_waiting: int) -> None:
        """`trouble` begins the line of the log about a failure, such as `the log cannot be written`."""
        self.name = name
        self.lost_in_queue = 0
        self.lost_in_failures = 0
        self._subscriber = subscriber
        self._trouble = trouble
        self._most_waiting = most_waiting
        self._waiting: queue.Queue[Recorded | _Order] = queue.Queue(most_waiting)
        self._told_at = -math.inf
        self._thread = threading.Thread(target=self._give_all, name=f"events: {name}", daemon=True)

    def start(self) -> None:
        """Starts to give events; those that were offered before are given too."""
        self._thread.start()

    def offer(self, event: Recorded) -> None:
        """Has the subscriber get an event, or counts it as lost; it never waits."""
        try:
            self._waiting.put_nowait(event)
        except queue.Full:
            self.lost_in_queue += 1
            if event.monotonic - self._told_at >= TELL_EVERY_S:
                self._told_at = event.monotonic
                log.warning(
                    "events: %d wait for the %s already; what comes on top is lost and counted",
                    self._most_waiting,
                    self.name,
                )

    def close_soon(self) -> None:
        """Has the subscriber let go of what is open, once it took what was offered before; it never waits."""
        with suppress(queue.Full):
            self._waiting.put_nowait(_Order.CLOSE)

    def ask_to_end(self, timeout_s: float) -> None:
        """Has the thread end once the subscriber took what was offered before; waits for room in the queue."""
        with suppress(queue.Full):
            self._waiting.put(_Order.END, timeout=timeout_s)

    def wait_for_end(self, timeout_s: float) -> None:
        """Waits until the thread ended; one that hangs is left behind."""
        if self._thread.is_alive():
            self._thread.join(timeout_s)

    def _give_all(self) -> None:
        order, told = None, ""
        while order is not _Order.END:
            batch, order = self._batch()
            failure = self._give(batch) if batch else told
            if failure and batch:
                self.lost_in_failures += len(batch)
                if failure != told:
                    log.error("events: %s: %s; going on without it", self._trouble, failure)
            told = failure
            if order is not None:
                self._close()

    def _give(self, batch: list[Recorded]) -> str:
        """Returns the reason why the subscriber could not take these events; empty when it did."""
        try:
            self._subscriber.take(batch)
        except OSError as error:
            self._close()  # once it works again, what was open may be another one
            return error.strerror or str(error)
        except Exception as error:
            log.exception("events: %s, because of an internal error: %d are lost", self._trouble, len(batch))
            return f"{type(error).__name__}: {error}"
        return ""

    def _close(self) -> None:
        try:
            self._subscriber.close()
        except OSError:  # a disk that was full or remote tells so at the end; what it took was counted
            pass
        except Exception:
            log.exception("events: the %s cannot be closed because of an internal error", self.name)

    def _batch(self) -> tuple[list[Recorded], _Order | None]:
        """Waits for an event or an order, and takes the events up to the next order."""
        batch: list[Recorded] = []
        while True:
            item = self._waiting.get()
            if isinstance(item, _Order):
                return batch, item
            batch.append(item)
            if len(batch) == MAX_BATCH or self._waiting.empty():
                return batch, None
