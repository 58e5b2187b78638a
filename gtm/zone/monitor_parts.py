"""The parts of calculated monitors: names -> monitors, for monitors that are known.

In come the monitors of a zone and the names that each calculated monitor combines; out go the same monitors with their
parts in them, and the mistakes: unknown names, and monitors that combine themselves. A monitor is the same object
wherever it is a part.
"""

from collections.abc import Iterator, Mapping
from dataclasses import replace

from gtm.config.suggestions import suggestion
from gtm.errors import MAX_PROBLEMS
from gtm.zone.graph import way_text
from gtm.zone.model import Monitor
from gtm.zone.monitors.kinds.calculated import CalculatedSettings


def with_parts(monitors: Mapping[str, Monitor]) -> tuple[dict[str, Monitor], dict[str, str]]:
    """Returns the monitors with their parts by name, and a message for each monitor whose parts have a mistake."""
    completing = _Completing(monitors)
    for name in monitors:
        completing.complete(name)
    return {name: completing.done.get(name, monitor) for name, monitor in monitors.items()}, completing.wrong


class _Completing:
    """A depth-first search. Its state: the monitors that have their parts, those that cannot, and the messages."""

    def __init__(self, monitors: Mapping[str, Monitor]) -> None:
        self._monitors = monitors
        self.done: dict[str, Monitor] = {}
        self._failed: set[str] = set()
        self.wrong: dict[str, str] = {}

    def complete(self, start: str) -> None:
        """Gives a monitor its parts, after each of its parts has its own."""
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
        """Returns whether a monitor still needs its parts; reports one that is on the trail, so combines itself."""
        if name in trail:
            self._tell_circle(name, trail)
            return False
        return name not in self.done and name not in self._failed

    def _close(self, name: str) -> None:
        """Stores a monitor with its parts in `done`, if all of them are there; otherwise marks it as failed."""
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
    """Returns the names of the parts that a monitor still needs.

    A monitor of the shared file (_shared.yaml) has its parts already. They stay those of the shared file, even where a
    zone has monitors of the same names.
    """
    if monitor.parts or not isinstance(monitor.settings, CalculatedSettings):
        return ()
    return monitor.settings.monitors
