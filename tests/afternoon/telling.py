"""What a person on call could read, and when: lines of the logs and events of every node, and alerts.

What comes in: the files that the nodes write. What goes out: messages with the time at which they could be read, which
is not the time in them: a node's clock may be wrong.
"""

import json
import re
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path

PACE_S = 0.03


class Way(Enum):
    """How something is told."""

    LOG = "log"
    EVENT = "event"
    ALERT = "alert"


@dataclass(frozen=True, slots=True)
class Message:
    """Something that was told."""

    at: float
    """Monotonic seconds, when it could be read."""
    way: Way
    node: str
    """Whose log or events; empty for an alert."""
    text: str
    level: str = ""
    """Of a line of the log: INFO, WARNING, ERROR. Of an event its type, of an alert its severity."""

    @property
    def is_aside(self) -> bool:
        """Returns whether it is a line of the log that asks nobody to look: where there is another, that one tells."""
        return self.way is Way.LOG and self.level in {"DEBUG", "INFO"}

    @property
    def is_alarm(self) -> bool:
        """Returns whether it asks somebody to look: a warning of the log, or an alert that is more than information."""
        return self.level in {"WARNING", "ERROR", "warning", "critical"}

    def names(self, expression: str) -> bool:
        """Returns whether an expression is in it, as people read it."""
        return re.search(expression, str(self)) is not None

    def __str__(self) -> str:
        return " ".join(part for part in (self.node, self.level, self.text) if part)


@dataclass(slots=True)
class _Tail:
    file: Callable[[], Path]
    way: Way
    node: str
    read: int = 0
    rest: str = ""


@dataclass
class Listening:
    """Reads what is added to files, in a thread of its own. Its state is the messages so far."""

    messages: list[Message] = field(default_factory=list)
    _tails: list[_Tail] = field(default_factory=list)
    _ending: threading.Event = field(default_factory=threading.Event)

    def follow(self, way: Way, node: str, file: Callable[[], Path]) -> None:
        """Has a file followed, which may be another later; before the start."""
        self._tails.append(_Tail(file, way, node))

    def start(self) -> None:
        """Begins to read."""
        self._thread = threading.Thread(target=self._run, name="listening")
        self._thread.start()

    def end(self) -> None:
        """Reads no more."""
        self._ending.set()
        self._thread.join()

    def since(self, at: float) -> list[Message]:
        """Returns what was told from a moment on."""
        return [message for message in self.messages if message.at >= at]

    def _run(self) -> None:
        while not self._ending.wait(PACE_S):
            for tail in self._tails:
                try:
                    self._look(tail)
                except OSError:
                    continue  # it is not there yet, or not any more

    def _look(self, tail: _Tail) -> None:
        with tail.file().open("rb") as opened:
            if opened.seek(0, 2) < tail.read:
                tail.read, tail.rest = 0, ""
            opened.seek(tail.read)
            added = opened.read()
        tail.read += len(added)
        *lines, tail.rest = (tail.rest + added.decode(errors="replace")).split("\n")
        at = time.monotonic()
        self.messages += [each for line in lines if (each := _message(tail, line, at)) is not None]


_LINE = re.compile(r"\S+Z (?P<level>[A-Z]+) (?P<text>.*)")


def _message(tail: _Tail, line: str, at: float) -> Message | None:
    if tail.way is Way.LOG:
        found = _LINE.match(line)
        return None if found is None else Message(at, tail.way, tail.node, found["text"], found["level"])
    try:
        event: Mapping[str, str] = json.loads(line)
    except ValueError:
        return None
    return Message(at, tail.way, tail.node, f"{event['subject']}: {event['message']}", event["type"])
