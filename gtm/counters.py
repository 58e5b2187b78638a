"""Counters, named after what happened: `reports_refused{reason="forged"}`.

What comes in: an event's name and its labels. What goes out: a snapshot for the admin API. Labels are closed sets
(reasons, RCODEs, transports), never a client's address or an arbitrary query name. Should one be open all the same, its
counter stays bounded: beyond MAX_SERIES everything is counted as OTHER.
"""

from collections import Counter
from collections.abc import Callable, Mapping

from gtm.escape import escaped

MAX_SERIES = 2_000
"""The most series of one counter: a hundred peers times every reason to refuse a report are half of it."""
MAX_VALUE = 200
OTHER = "other"


class Counters:
    """The counters of this process. It has state: the node makes one, and passes it to every part that counts."""

    def __init__(self) -> None:
        self._counts: Counter[str] = Counter()
        self._series: Counter[str] = Counter()
        self._sources: list[Callable[[], Mapping[str, int]]] = []

    def add(self, name: str, amount: int = 1, **labels: str) -> None:
        """Adds `amount` to the counter `name` with these labels."""
        counted = series(name, labels)
        if counted not in self._counts:
            self._series[name] += 1
            if self._series[name] > MAX_SERIES:
                counted = series(name, dict.fromkeys(labels, OTHER))
        self._counts[counted] += amount

    def count(self, name: str, **labels: str) -> int:
        """Returns the value of the counter `name` with these labels; 0 if nothing was ever added to it."""
        return self.snapshot().get(series(name, labels), 0)

    def snapshot(self) -> Mapping[str, int]:
        """Returns the value of every counter that was ever added to, by series name (Prometheus notation), sorted."""
        counts = Counter(self._counts)
        for source in self._sources:
            counts.update(source())
        return dict(sorted(counts.items()))

    def include(self, source: Callable[[], Mapping[str, int]]) -> None:
        """Adds a source to every snapshot: a function that returns the counters of another part, by series name."""
        self._sources.append(source)


def series(name: str, labels: Mapping[str, str]) -> str:
    """Returns the name of one series in the Prometheus notation: the counter's name and its labels, sorted."""
    if not labels:
        return name
    inside = ",".join(f'{key}="{_value(value)}"' for key, value in sorted(labels.items()))
    return f"{name}{{{inside}}}"


def _value(text: str) -> str:
    """Returns the value of a label with its quotes and unprintable characters escaped."""
    return escaped(text, limit=MAX_VALUE).replace('"', r"\x22")
