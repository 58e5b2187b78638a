"""A subscriber of the event log, its bounded queue, and the thread that passes the events to it in batches.

    offer (any thread, never waits) -> queue -> thread -> subscriber

A subscriber that is slow or fails loses events, and delays nobody else. Events that do not fit its queue, and events
that it failed to take, are counted and logged. The event files are one subscriber (log.py); others join with
`EventLog.subscribe`.
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
"""The most events that one call of `Subscriber.take` gets."""
TELL_EVERY_S = 3600.0
"""The least seconds between two log lines about a full queue."""

log = logging.getLogger(__name__)


class Subscriber(Protocol):
    """Takes recorded events, in a thread of its own. The node may record more events before `take` returns."""

    def take(self, events: Sequence[Recorded]) -> None:
        """Takes a batch of events, oldest first. If it raises, the error is logged and the batch counts as lost."""

    def close(self) -> None:
        """Closes open files or connections; the next `take` opens them again. If it raises, no event counts as lost."""


class _Order(Enum):
    """What the thread does after it passed on all events that were offered before this order."""

    CLOSE = "close"
    END = "end"


class Subscription:
    """Passes events to one subscriber. Its state: the queue of events, the thread, and the counts of lost events."""

    def __init__(self, name: str, subscriber: Subscriber, *, trouble: str, most_waiting: int) -> None:
        """Makes a subscription; `start` starts its thread.

        `trouble` is the begin of the log line about a failure, such as `the log cannot be written`. `most_waiting` is
        the size of the queue, in events.
        """
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
        """Starts the thread that passes events to the subscriber, also those that were offered before."""
        self._thread.start()

    def offer(self, event: Recorded) -> None:
        """Puts an event into the queue of the subscriber; counts it as lost if the queue is full. Never waits."""
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
        """Orders the thread to close the subscriber after the events offered so far.

        Never waits. Does nothing if the queue is full.
        """
        with suppress(queue.Full):
            self._waiting.put_nowait(_Order.CLOSE)

    def ask_to_end(self, timeout_s: float) -> None:
        """Orders the thread to end after the events offered so far.

        Waits at most `timeout_s` seconds for room in the queue; then gives up.
        """
        with suppress(queue.Full):
            self._waiting.put(_Order.END, timeout=timeout_s)

    def wait_for_end(self, timeout_s: float) -> None:
        """Waits until the thread has ended, at most `timeout_s` seconds. A thread that hangs is left running."""
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
        """Passes a batch to the subscriber; returns why that failed, or an empty string on success."""
        try:
            self._subscriber.take(batch)
        except OSError as error:
            self._close()  # once the subscriber works again, the open file may be another one
            return error.strerror or str(error)
        except Exception as error:
            log.exception("events: %s, because of an internal error: %d are lost", self._trouble, len(batch))
            return f"{type(error).__name__}: {error}"
        return ""

    def _close(self) -> None:
        try:
            self._subscriber.close()
        except OSError:  # a full or remote disk may report its error only at close; the events were counted
            pass
        except Exception:
            log.exception("events: the %s cannot be closed because of an internal error", self.name)

    def _batch(self) -> tuple[list[Recorded], _Order | None]:
        """Waits for an event or an order; returns the events up to the next order, and that order.

        The order is None when the batch is full or the queue is empty.
        """
        batch: list[Recorded] = []
        while True:
            item = self._waiting.get()
            if isinstance(item, _Order):
                return batch, item
            batch.append(item)
            if len(batch) == MAX_BATCH or self._waiting.empty():
                return batch, None
