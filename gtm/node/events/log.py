"""The event log of a running node: events come in, from any thread, without a wait; lines on disk and news go out.

    record -> recent (memory) -> GET /v1/events
           -> each subscriber: queue -> thread -> the event files (gtm/node/events/files.py), and other subscribers

A disk that is slow, full or read-only costs lines of the log, never a query or a check. Lost lines are counted as
`events_lost{reason=...}`. A flood of events costs lines too: the votes of a peer can change very often, and their
events must not push out older ones. Each kind of event has room for an outage of everything at once, and then for one
event a second.
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
"""The size of a subscriber's queue in events: about 5 MB, and more events than an outage of everything makes."""
MAX_RECENT = 2_000
"""The events that are kept in memory, for the admin API."""
MAX_AT_ONCE = 10_000
"""Events of one kind at once: more than an outage of everything makes, and a tenth of what the event files keep."""
MAX_ODD_AT_ONCE = 500
"""The same for each kind in ODD: a quarter of the events in memory."""
EVERY_S = 1.0
"""The seconds between two events of one kind after that: the event files can keep one day of a flood."""
TELL_EVERY_S = 3600.0
"""The least seconds between two log lines about a flood of one kind."""

ODD = frozenset({EventKind.ENDPOINT_DEGRADED, EventKind.ENDPOINT_FLAPPING})
"""The kinds of event that change no answer and that any single probe can cause."""

CLOSE_LIMIT_S = 2.0
"""The most seconds that `EventLog.close` takes: a disk that hangs does not keep a node from stopping."""

log = logging.getLogger(__name__)


class Lines(Protocol):
    """A place that keeps lines of the event log, such as the event files (gtm/node/events/files.py)."""

    def write(self, lines: bytes) -> None:
        """Appends whole lines; may raise OSError."""

    def close(self) -> None:
        """Closes the file; the next write opens it again. May raise OSError."""


class _FileWriter:
    """A subscriber that writes events to the event files, one line each."""

    def __init__(self, files: Lines) -> None:
        self._files = files

    def take(self, events: Sequence[Recorded]) -> None:
        self._files.write(b"".join(compose_line(event) for event in events))

    def close(self) -> None:
        self._files.close()


class EventLog:
    """Records events and passes them to subscribers. Its state: the recent events, and the subscriptions."""

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
        """Adds a subscriber, which gets every event from now on, in a thread of its own.

        Its queue holds at most `most_waiting` events. `trouble` is the begin of the log line about a failure.
        """
        subscription = Subscription(name, subscriber, trouble=trouble, most_waiting=most_waiting)
        self._others = (*self._others, subscription)
        if self._is_started:
            subscription.start()

    @property
    def _subscriptions(self) -> tuple[Subscription, ...]:
        return (self._files, *self._others)

    def start(self) -> None:
        """Starts to pass events to the subscribers, also the events that were recorded before."""
        self._is_started = True
        for subscription in self._subscriptions:
            subscription.start()

    def record(self, event: Event) -> EventId:
        """Records an event and returns its id. Any thread may call it; it never waits and never raises.

        An event beyond the limit of its kind is only counted; its id is UNRECORDED then, unless it brings one.
        """
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
        """Returns whether the limit of this kind allows one more event.

        If not, counts the event as lost, and logs the flood at most once in TELL_EVERY_S.
        """
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
        """Returns events in memory, oldest first.

        `since` is the wall time of the first event. No `kinds` means all kinds. `after` is the id of an event: only
        later events are returned, or all if that event is not in memory.
        """
        events = list(self._recent)
        places = [place for place, event in enumerate(events) if event.id == after] if after else []
        if places:
            events = events[places[-1] + 1 :]
        return [event for event in events if event.wall >= since and (not kinds or event.type in kinds)]

    def reopen(self) -> None:
        """Orders the thread of the event files to close the open file, which may have been moved. Never waits."""
        self._files.close_soon()  # a full queue does no harm: each write checks which file is at the path

    def close(self) -> None:
        """Passes the waiting events to the subscribers and ends their threads, within CLOSE_LIMIT_S.

        A thread that hangs is left running.
        """
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
