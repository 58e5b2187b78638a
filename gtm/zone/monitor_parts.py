"""The parts of calculated monitors: names -> monitors, for monitors that are known.

In come the monitors of a zone and what each calculated one combines, by name; out go the same monitors with their
parts in them, and what is wrong: names that nobody has, and monitors that come back to themselves. A monitor is the
same object wherever it is a part.
"""

from collections.abc import Iterator, Mapping
from dataclasses import replace

from gtm.config.suggestions import suggestion
from gtm.errors import MAX_PROBLEMS
from gtm.zone.graph import way_text
from gtm.zone.model import Monitor
from gtm.zone.monitors.kinds.calculated import CalculatedSettings


def with_parts(monitors: Mapping[str, Monitor]) -> tuple[dict[str, Monitor], dict[str, str]]:
    """Returns the monitors with their parts, and by the name of a monitor what is wrong with its parts."""
    completing = _Completing(monitors)
    for name in monitors:
        completing.complete(name)
    return {name: completing.done.get(name, monitor) for name, monitor in monitors.items()}, completing.wrong


class _Completing:
    """A depth-first search. Its state is what has its parts, what cannot have them, and what is wrong."""

    def __init__(self, monitors: Mapping[str, Monitor]) -> None:
        self._monitors = monitors
        self.done: dict[str, Monitor] = {}
        self._failed: set[str] = set()
        self.wrong: dict[str, str] = {}

    def complete(self, start: str) -> None:
        """Gives a monitor its parts, and all that it is made of theirs."""
        trail: dict[str, Iterator[str]] = {}
        following: str | None = start
        while following is not None or trail:
            if following is not None and self._is_open(following, trail):
                trail[following] = iter(_named(self._monitors[following]))
            here = next(reversed(trail), None)
            if here is None:
                return
            following = next(trail[here], None)
            if following is None:
                del trail[here]
                self._close(here)
            elif following not in self._monitors:
                self._tell_unknown(here, following)
                following = None

    def _is_open(self, name: str, trail: Mapping[str, Iterator[str]]) -> bool:
        """Returns whether a monitor waits for parts; one that waits for itself is told of."""
        if name in trail:
            self._tell_circle(name, trail)
            return False
        return name not in self.done and name not in self._failed

    def _close(self, name: str) -> None:
        """Makes a monitor of its parts, if all of them are there."""
        monitor = self._monitors[name]
        parts = [self.done.get(part) for part in _named(monitor)]
        complete = tuple(part for part in parts if part is not None)
        if name in self._failed or len(complete) < len(parts):
            self._failed.add(name)
        else:
            self.done[name] = replace(monitor, parts=complete) if complete else monitor

    def _tell_circle(self, name: str, trail: Mapping[str, Iterator[str]]) -> None:
        self._failed.add(name)
        if name not in self.wrong:
            names = list(trail) if len(self.wrong) < MAX_PROBLEMS else [name]  # it is as long as the file
            self.wrong[name] = f"this monitor combines itself: {way_text([*names[names.index(name) :], name])}"

    def _tell_unknown(self, name: str, part: str) -> None:
        self._failed.add(name)
        if name not in self.wrong:
            near = suggestion(part, self._monitors, or_all=True) if len(self.wrong) < MAX_PROBLEMS else ""
            self.wrong[name] = f'unknown monitor "{part}"{near}'


def _named(monitor: Monitor) -> tuple[str, ...]:
    """Returns the names of the parts that a monitor waits for.

    A shared monitor has its parts already, and they are the shared file's whatever a zone calls its own.
    """
    if monitor.parts or not isinstance(monitor.settings, CalculatedSettings):
        return ()
    return monitor.settings.monitors
