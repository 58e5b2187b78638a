"""An event log's disk that the test can fill, hold up and read; and a recorder that keeps events as they came."""

import threading

from gtm.event import Event, EventId, Recorded, parse_line


class FakeJournal:
    """Keeps the lines, or fails with `error`; while `held` is clear a write waits, as a hanging disk's does."""

    def __init__(self) -> None:
        self.written = b""
        self.error: OSError | None = None
        self.held = threading.Event()
        self.held.set()
        self.tried = threading.Event()
        self.closed = 0

    def write(self, lines: bytes) -> None:
        self.tried.set()
        self.held.wait(30)
        if self.error is not None:
            raise self.error
        self.written += lines

    def close(self) -> None:
        self.closed += 1

    @property
    def events(self) -> list[Recorded]:
        """What was written."""
        return [parse_line(line) for line in self.written.splitlines()]


class KeptEvents:
    """A recorder that numbers events and keeps them."""

    def __init__(self) -> None:
        self.events: list[Event] = []
        self.ids: list[EventId] = []

    def record(self, event: Event) -> EventId:
        self.events.append(event)
        self.ids.append(event.id or EventId(f"e{len(self.events)}"))
        return self.ids[-1]

    @property
    def kinds(self) -> list[str]:
        return [event.kind.value.removeprefix("gtm.") for event in self.events]

    def id_of(self, kind: str) -> EventId:
        """The id of the only event of a kind."""
        [found] = [identifier for identifier, name in zip(self.ids, self.kinds, strict=True) if name == kind]
        return found

    def one(self, kind: str) -> Event:
        """The only event of a kind."""
        [found] = [event for event, name in zip(self.events, self.kinds, strict=True) if name == kind]
        return found
