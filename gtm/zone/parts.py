"""The parts of calculated monitors: names -> monitors, for monitors that are known.

In come the monitors of a zone and what each calculated one combines, by name; out go the same monitors with their
parts in them, and what is wrong: names that nobody has, and monitors that come back to themselves.
"""

from collections.abc import Mapping
from dataclasses import replace

from gtm.zone.fields import suggestion
from gtm.zone.model import Monitor
from gtm.zone.settings import CalculatedSettings


def with_parts(monitors: Mapping[str, Monitor]) -> tuple[dict[str, Monitor], dict[str, str]]:
    """Returns the monitors with their parts, and by the name of a monitor what is wrong with its parts."""
    done: dict[str, Monitor] = {}
    wrong: dict[str, str] = {}
    for name in monitors:
        _complete(name, monitors, done, wrong, ())
    return {name: done.get(name, monitor) for name, monitor in monitors.items()}, wrong


def _complete(
    name: str, monitors: Mapping[str, Monitor], done: dict[str, Monitor], wrong: dict[str, str], above: tuple[str, ...]
) -> Monitor | None:
    """Returns a monitor with its parts; None when it cannot have them, which is told once."""
    monitor = monitors[name]
    # a shared monitor has its parts already, and they are the shared file's whatever a zone calls its own
    if name in done or monitor.parts or not isinstance(monitor.settings, CalculatedSettings):
        return done.setdefault(name, monitor)
    if name in above:
        wrong.setdefault(name, f"this monitor combines itself: {' -> '.join((*above[above.index(name) :], name))}")
        return None
    parts = []
    for part in monitor.settings.monitors:
        if part not in monitors:
            wrong.setdefault(name, f'unknown monitor "{part}"{suggestion(part, monitors, or_all=True)}')
            return None
        found = _complete(part, monitors, done, wrong, (*above, name))
        if found is None:
            return None
        parts.append(found)
    done[name] = replace(monitor, parts=tuple(parts))
    return done[name]
