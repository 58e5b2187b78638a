"""Counters, named after what happened: `reports_refused{reason="forged"}`.

What comes in: an event's name and its labels. What goes out: a snapshot for the admin API. Labels are closed sets
(reasons, RCODEs, transports), never a client's address or an arbitrary query name.
"""

from collections import Counter
from collections.abc import Callable, Mapping


class Counters:
    """Counts of what happened in this process. It has state: one lives in a node and is passed to what counts."""

    def __init__(self) -> None:
        self._counts: Counter[str] = Counter()
        self._sources: list[Callable[[], Mapping[str, int]]] = []

    def add(self, name: str, amount: int = 1, **labels: str) -> None:
        """Adds `amount` to the counter `name` with these labels."""
        self._counts[series(name, labels)] += amount

    def count(self, name: str, **labels: str) -> int:
        """Returns the counter `name` with these labels; 0 if it never moved."""
        return self.snapshot().get(series(name, labels), 0)

    def snapshot(self) -> Mapping[str, int]:
        """Returns every counter that moved, by series name in the Prometheus notation, sorted."""
        counts = Counter(self._counts)
        for source in self._sources:
            counts.update(source())
        return dict(sorted(counts.items()))

    def include(self, source: Callable[[], Mapping[str, int]]) -> None:
        """Has every snapshot show too what another part of this process counts by itself, by series name."""
        self._sources.append(source)


def series(name: str, labels: Mapping[str, str]) -> str:
    """Returns the name of one series in the Prometheus notation."""
    if not labels:
        return name
    inside = ",".join(f'{key}="{value}"' for key, value in sorted(labels.items()))
    return f"{name}{{{inside}}}"
