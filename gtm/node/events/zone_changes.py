"""What a new plan changed of the zones: what came, went and changed (gtm/zone/changes.py), as it is told.

The event has the zones by name, and some of the names in them; the log has a line for each of some zones, and a warning
for names that nobody answers any more; a reload tells the lines of the plans that it led to. Monitoring is given when
the last one was, and of which zones: an alert about a change tells each change once.
"""

import logging
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from gtm.event import MAX_LIST, Event, EventKind, Fact
from gtm.ids import Generation
from gtm.metrics.snapshot import Push
from gtm.plan.model import Plan
from gtm.zone.changes import Fate, NameTally, ZoneChanges, changes
from gtm.zone.model import Zone

MAX_ZONES = 10
"""That get a line."""
MAX_APPLIED = 8
"""Changes that are remembered, for who reloads just after a look at the folder has taken them up."""

ONE_PUSH_S = 60.0
"""Changes that follow so soon upon each other are one to who scrapes once a minute: files come one after the other."""
MAX_LABELLED = 3
"""Zones that a label names."""

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Applied:
    """One plan with other zones than the one before."""

    generation: Generation
    at: float
    """Wall seconds."""
    lines: tuple[str, ...]
    fates: Mapping[str, Fate] = field(default_factory=dict)
    """What became of each zone that is not as it was."""


def last_push(applied: Iterable[Applied]) -> Push:
    """Returns the last of these, the oldest first, with the zones of those just before it."""
    several = tuple(applied)
    if not several:
        return Push()
    last = several[-1]
    fates: dict[str, Fate] = {}
    for push in several:
        if last.at - push.at <= ONE_PUSH_S:
            fates |= push.fates
    return Push(last.at, _zones_words(fates))


def _zones_words(fates: Mapping[str, Fate]) -> str:
    """Returns the same words for the same changes: they are a label."""
    told = [f"{name} {fate.value}" for name, fate in sorted(fates.items())]
    more = len(told) - MAX_LABELLED
    return ", ".join(told[:MAX_LABELLED]) + (f" and {more} more" if more > 0 else "")


def find_changes(before: Sequence[Zone], after: Sequence[Zone]) -> tuple[ZoneChanges, ...]:
    """Returns the changes; nothing where it cannot be told because of an internal error. It is for threads."""
    try:
        return changes(before, after)
    except Exception:
        log.exception("plan: what changed in the zones cannot be told; they serve all the same")
        return ()


def lines_of(zone_changes: Sequence[ZoneChanges]) -> tuple[str, ...]:
    """Returns a line for each of some zones, with the warnings first."""
    warnings = [each.warning for each in zone_changes if each.warning]
    return (*_some(warnings, "more zones lost names"), *_some([str(each) for each in zone_changes], "more zones"))


def log_changes(zone_changes: Sequence[ZoneChanges]) -> None:
    """Logs them."""
    for line in _some([each.warning for each in zone_changes if each.warning], "more zones lost names"):
        log.warning("%s", line)
    for line in _some([str(each) for each in zone_changes], "more zones"):
        log.info("%s", line)


def applied_event(before: Plan, after: Plan, zone_changes: Sequence[ZoneChanges]) -> Event | None:
    """Returns the event of what is new in the zones of a plan; None when only their objects are."""
    was = {zone.zone.origin.to_text(omit_final_dot=True): zone for zone in before.zones.values()}
    now = {zone.zone.origin.to_text(omit_final_dot=True): zone for zone in after.zones.values()}
    added, removed = sorted(now.keys() - was.keys()), sorted(was.keys() - now.keys())
    changed = sorted(name for name in now.keys() & was.keys() if now[name].zone.digest != was[name].zone.digest)
    touched = [*added, *changed, *removed]
    if not touched:
        return None
    subject = touched[0] if len(touched) == 1 else f"{len(touched)} zones"
    message = "; ".join(lines_of(zone_changes)) or "they serve as before this start"
    if len(touched) > 1:
        message = f"zones added: {len(added)}, changed: {len(changed)}, removed: {len(removed)}; {message}"
    serials = tuple(f"{name} {now[name].serial}" for name in (*added, *changed))
    facts: dict[str, Fact] = {
        "added": tuple(added),
        "changed": tuple(changed),
        "removed": tuple(removed),
        "serials": serials,
        **_fact("things_removed", (each.found.removed for each in zone_changes)),
        **_fact("things_added", (each.found.added for each in zone_changes)),
        **_fact("things_changed", (each.found.changed for each in zone_changes)),
        **_fact("names_gone", (each.gone for each in zone_changes)),
    }
    return Event(EventKind.CONFIG_APPLIED, subject, message, facts)


def _fact(name: str, tallies: Iterable[NameTally]) -> dict[str, Fact]:
    kept = tuple(tallies)
    some = tuple(text for tally in kept for text in tally.some)
    return {name: some[:MAX_LIST], f"{name}_count": sum(tally.count for tally in kept)}


def _some(told: list[str], noun: str) -> list[str]:
    more = len(told) - MAX_ZONES
    return [*told[:MAX_ZONES], f"and {more} {noun}"] if more > 0 else told
