"""The event log of a running node: events in, from any thread, without ever waiting; lines on disk and news out.

    record -> recent (memory) -> GET /v1/events
           -> queue -> thread -> journal (gtm/node/events/files.py)

A disk that is slow, full or read-only costs lines, which are counted as `events_lost{reason=...}`, and never a query or
a check. So does a flood: what a peer says can turn as often as it likes, and must not push out what happened before.
Each kind of event has room for an outage of everything at once, and then for one a second.
"""

import logging
import math
import queue
import threading
from collections import deque
from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from enum import Enum
from itertools import count
from typing import Protocol

from gtm.clock import Clock
from gtm.counters import Counters, series
from gtm.event import UNRECORDED, Event, EventId, EventKind, Recorded, compose_line, recorded
from gtm.ids import NodeName
from gtm.token_bucket import TokenBucket

MAX_WAITING = 10_000
"""Events that wait for the disk: some 5 MB, and more than an outage of everything makes."""
MAX_RECENT = 2_000
"""Events in memory, for who asks over the admin API."""
MAX_AT_ONCE = 10_000
"""Of one kind: more than an outage of everything makes, and a tenth of what the journal keeps."""
MAX_ODD_AT_ONCE = 500
"""Of what changes no answer, and any single probe can bring about; a quarter of what is in memory."""
EVERY_S = 1.0
"""Between two of one kind after that: a day of a flood is what the journal keeps."""
TELL_EVERY_S = 3600.0

ODD = frozenset({EventKind.ENDPOINT_DEGRADED, EventKind.ENDPOINT_FLAPPING})

MAX_BATCH = 500
"""Lines of one write."""
CLOSE_LIMIT_S = 2.0
"""A disk that hangs does not keep a node from stopping."""

log = logging.getLogger(__name__)


class Lines(Protocol):
    """Where lines are kept: gtm/node/events/files.py."""

    def write(self, lines: bytes) -> None:
        """Adds whole lines; may raise OSError."""

    def close(self) -> None:
        """Closes the file; the next write opens it again. May raise OSError."""


class _Order(Enum):
    """What the thread that writes is to do once it has written what was recorded before."""

    REOPEN = "reopen"
    END = "end"


class EventLog:
    """Records events. It has state: the recent ones, those that wait for the disk, and the thread that writes."""

    def __init__(self, journal: Lines, node: NodeName, *, clock: Clock, counters: Counters) -> None:
        self._journal = journal
        self._node = node
        self._clock = clock
        self._boot = int(clock.wall() * 1000)
        self._numbers = count(1)
        self._recent: deque[Recorded] = deque(maxlen=MAX_RECENT)
        self._waiting: queue.Queue[Recorded | _Order] = queue.Queue(MAX_WAITING)
        self._allowed: dict[EventKind, TokenBucket] = {}
        self._told_at: dict[EventKind, float] = {}
        self._lost_in_flood = 0
        self._lost_in_queue = 0
        self._lost_on_disk = 0
        self._thread = threading.Thread(target=self._write_all, name="events", daemon=True)
        counters.include(self._counts)

    def start(self) -> None:
        """Starts to write; what was recorded before is written too."""
        self._thread.start()

    def record(self, event: Event) -> EventId:
        """Takes an event, from any thread, and returns its id; it never waits, and never raises."""
        wall = self._clock.wall()
        if not self._has_room_for(event.kind):
            return event.id or UNRECORDED
        line = recorded(
            event,
            next(self._numbers),
            node=self._node,
            boot=self._boot,
            monotonic=self._clock.monotonic(),
            wall=wall,
            at=_text(wall),
        )
        self._recent.append(line)
        try:
            self._waiting.put_nowait(line)
        except queue.Full:
            self._lost_in_queue += 1
        return EventId(line.id)

    def _has_room_for(self, kind: EventKind) -> bool:
        """Returns whether this is no flood of its kind; else it is counted, and told now and then."""
        now = self._clock.monotonic()
        allowed = self._allowed.get(kind)
        if allowed is None:
            most = MAX_ODD_AT_ONCE if kind in ODD else MAX_AT_ONCE
            allowed = self._allowed.setdefault(kind, TokenBucket(most, EVERY_S))
        if allowed.take(now):
            return True
        self._lost_in_flood += 1
        if now - self._told_at.get(kind, -math.inf) >= TELL_EVERY_S:
            self._told_at[kind] = now
            log.warning("events: a flood of %s; most of them are only counted until it is over", kind.value)
        return False

    def recent(self, *, since: float, kinds: frozenset[str] = frozenset(), after: str = "") -> Sequence[Recorded]:
        """Returns events of memory, oldest first: from a wall time on, of these kinds (none: all), after an id."""
        events = list(self._recent)
        places = [place for place, event in enumerate(events) if event.id == after] if after else []
        if places:
            events = events[places[-1] + 1 :]
        return [event for event in events if event.wall >= since and (not kinds or event.type in kinds)]

    def reopen(self) -> None:
        """Has the file let go that is written, which somebody moved or removed maybe; it never waits."""
        with suppress(queue.Full):  # then the next write looks by itself where the file is
            self._waiting.put_nowait(_Order.REOPEN)

    def close(self) -> None:
        """Writes what waits, and ends; a disk that hangs is left behind."""
        try:
            self._waiting.put(_Order.END, timeout=CLOSE_LIMIT_S)
        except queue.Full:
            return
        if self._thread.is_alive():
            self._thread.join(CLOSE_LIMIT_S)

    def _counts(self) -> Mapping[str, int]:
        lost = {"queue_full": self._lost_in_queue, "disk": self._lost_on_disk, "flood": self._lost_in_flood}
        return {series("events_lost", {"reason": reason}): number for reason, number in lost.items() if number}

    def _write_all(self) -> None:
        order, told = None, ""
        while order is not _Order.END:
            batch, order = self._batch()
            failure = self._write(batch) if batch else told
            if failure and batch:
                self._lost_on_disk += len(batch)
                if failure != told:
                    log.error("events: the log cannot be written: %s; going on without it", failure)
            told = failure
            if order is not None:
                self._close()

    def _close(self) -> None:
        with suppress(OSError):  # a disk that was full or remote tells so at the end; what it took was counted
            self._journal.close()

    def _write(self, batch: list[Recorded]) -> str:
        """Returns the reason why these events could not be written; empty when they are."""
        try:
            self._journal.write(b"".join(compose_line(event) for event in batch))
        except OSError as error:
            self._close()  # once it can be written again, the folder may be another one
            return error.strerror or str(error)
        except Exception as error:
            log.exception("events: %d cannot be written by a mistake of this program", len(batch))
            return f"{type(error).__name__}: {error}"
        return ""

    def _batch(self) -> tuple[list[Recorded], _Order | None]:
        """Waits for an event or an order, and takes the events up to the next order."""
        batch: list[Recorded] = []
        while True:
            event = self._waiting.get()
            if isinstance(event, _Order):
                return batch, event
            batch.append(event)
            if len(batch) == MAX_BATCH or self._waiting.empty():
                return batch, None


def _text(wall: float) -> str:
    try:
        return datetime.fromtimestamp(wall, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    except (OverflowError, ValueError, OSError):  # a clock beyond the year 9999
        return str(wall)
