"""Counters, named after what happened: `reports_refused{reason="forged"}`.

What comes in: an event's name and its labels. What goes out: a snapshot for the admin API. Labels are closed sets
(reasons, RCODEs, transports), never a client's address or an arbitrary query name.
"""

from collections import Counter
from collections.abc import Mapping


class Counters:
    """Counts of what happened in this process. It has state: one lives in a node and is passed to what counts."""

    def __init__(self) -> None:
        self._counts: Counter[str] = Counter()

    def add(self, name: str, amount: int = 1, **labels: str) -> None:
        """Adds `amount` to the counter `name` with these labels."""
        self._counts[_series(name, labels)] += amount

    def count(self, name: str, **labels: str) -> int:
        """Returns the counter `name` with these labels; 0 if it never moved."""
        return self._counts[_series(name, labels)]

    def snapshot(self) -> Mapping[str, int]:
        """Returns every counter that moved, by series name in the Prometheus notation, sorted."""
        return dict(sorted(self._counts.items()))


def _series(name: str, labels: Mapping[str, str]) -> str:
    if not labels:
        return name
    inside = ",".join(f'{key}="{value}"' for key, value in sorted(labels.items()))
    return f"{name}{{{inside}}}"
