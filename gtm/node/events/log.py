"""The event log of a running node: events in, from any thread, without ever waiting; lines on disk and news out.

    record -> recent (memory) -> GET /v1/events
           -> each subscriber: queue -> thread -> the event files (gtm/node/events/files.py), and whoever subscribed

A disk that is slow, full or read-only costs lines, which are counted as `events_lost{reason=...}`, and never a query or
a check. So does a flood: what a peer says can turn as often as it likes, and must not push out what happened before.
Each kind of event has room for an outage of everything at once, and then for one a second.
"""

import logging
import math
import time
from collections import deque
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from itertools import count
from typing import Protocol

from gtm.clock import Clock
from gtm.counters import Counters, series
from gtm.event import UNRECORDED, Event, EventId, EventKind, Recorded, compose_line, recorded
from gtm.ids import NodeName
from gtm.node.events.subscription import Subscriber, Subscription
from gtm.token_bucket import TokenBucket

MAX_WAITING = 10_000
"""Events that wait for a subscriber: some 5 MB, and more than an outage of everything makes."""
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

CLOSE_LIMIT_S = 2.0
"""A disk that hangs does not keep a node from stopping."""

log = logging.getLogger(__name__)


class Lines(Protocol):
    """Where lines are kept: gtm/node/events/files.py."""

    def write(self, lines: bytes) -> None:
        """Adds whole lines; may raise OSError."""

    def close(self) -> None:
        """Closes the file; the next write opens it again. May raise OSError."""


class _FileWriter:
    """Writes events to the files as lines."""

    def __init__(self, files: Lines) -> None:
        self._files = files

    def take(self, events: Sequence[Recorded]) -> None:
        self._files.write(b"".join(compose_line(event) for event in events))

    def close(self) -> None:
        self._files.close()


class EventLog:
    """Records events. It has state: the recent ones, and who subscribed."""

    def __init__(self, journal: Lines, node: NodeName, *, clock: Clock, counters: Counters) -> None:
        self._node = node
        self._clock = clock
        self._boot = int(clock.wall() * 1000)
        self._numbers = count(1)
        self._recent: deque[Recorded] = deque(maxlen=MAX_RECENT)
        self._allowed: dict[EventKind, TokenBucket] = {}
        self._told_at: dict[EventKind, float] = {}
        self._lost_in_flood = 0
        self._is_started = False
        self._others: tuple[Subscription, ...] = ()
        self._files = Subscription(
            "event files", _FileWriter(journal), trouble="the log cannot be written", most_waiting=MAX_WAITING
        )
        counters.include(self._counts)

    def subscribe(self, name: str, subscriber: Subscriber, *, trouble: str, most_waiting: int = MAX_WAITING) -> None:
        """Has a subscriber get every event from now on, in a thread of its own.

        At most `most_waiting` events wait for it; `trouble` begins the line of the log about a failure.
        """
        subscription = Subscription(name, subscriber, trouble=trouble, most_waiting=most_waiting)
        self._others = (*self._others, subscription)
        if self._is_started:
            subscription.start()

    @property
    def _subscriptions(self) -> tuple[Subscription, ...]:
        return (self._files, *self._others)

    def start(self) -> None:
        """Starts to give events to subscribers; what was recorded before is given too."""
        self._is_started = True
        for subscription in self._subscriptions:
            subscription.start()

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
        for subscription in self._subscriptions:
            subscription.offer(line)
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
        self._files.close_soon()  # where the queue is full, the next write looks by itself where the file is

    def close(self) -> None:
        """Gives what waits to the subscribers, and ends; a disk that hangs is left behind."""
        subscriptions, until = self._subscriptions, time.monotonic() + CLOSE_LIMIT_S
        for subscription in subscriptions:
            subscription.ask_to_end(max(0.0, until - time.monotonic()))
        for subscription in subscriptions:
            subscription.wait_for_end(max(0.0, until - time.monotonic()))

    def _counts(self) -> Mapping[str, int]:
        files = self._files
        lost = {"queue_full": files.lost_in_queue, "disk": files.lost_in_failures, "flood": self._lost_in_flood}
        counts = {series("events_lost", {"reason": reason}): number for reason, number in lost.items()}
        for other in self._others:
            counts |= {
                series("events_undelivered", {"subscriber": other.name, "reason": reason}): number
                for reason, number in (("queue_full", other.lost_in_queue), ("failure", other.lost_in_failures))
            }
        return {name: number for name, number in counts.items() if number}


def _text(wall: float) -> str:
    try:
        return datetime.fromtimestamp(wall, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    except (OverflowError, ValueError, OSError):  # a clock beyond the year 9999
        return str(wall)
