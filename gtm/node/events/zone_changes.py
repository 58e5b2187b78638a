"""The changes of zones by a new plan (gtm/zone/changes.py) -> an event, log lines, and a label for monitoring.

The event lists the zones, and some of the names in them. The log gets one line for each of the first zones, and a
warning for names that are not answered any more. A reload returns the lines of the plans that it led to. Monitoring
gets the time of the last change and its zones, so that an alert about a change reports each change once.
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
"""The most zones that get a line each."""
MAX_APPLIED = 8
"""The changes that are remembered, for a reload just after a look at the zone folder has taken them up."""

ONE_PUSH_S = 60.0
"""Changes within so many seconds count as one push: files arrive one after another, and a scrape is once a minute."""
MAX_LABELLED = 3
"""The most zones that the label of the last push names."""

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Applied:
    """One change of the zones: a plan whose zones differ from those of the plan before."""

    generation: Generation
    at: float
    """When that plan began to serve, in wall seconds."""
    lines: tuple[str, ...]
    fates: Mapping[str, Fate] = field(default_factory=dict)
    """The zones that changed, by name, and whether each was added, changed or removed."""


def last_push(applied: Iterable[Applied]) -> Push:
    """Returns the time of the last change, and the zones of all changes at most ONE_PUSH_S before it.

    `applied` has the oldest change first; without any, the push is empty.
    """
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
    """Returns the text of a metric label with the zones by name; the same changes make the same text."""
    told = [f"{name} {fate.value}" for name, fate in sorted(fates.items())]
    more = len(told) - MAX_LABELLED
    return ", ".join(told[:MAX_LABELLED]) + (f" and {more} more" if more > 0 else "")


def find_changes(before: Sequence[Zone], after: Sequence[Zone]) -> tuple[ZoneChanges, ...]:
    """Returns the changes between two lists of zones.

    After an internal error it logs that and returns no changes. It may take long, so call it in a thread.
    """
    try:
        return changes(before, after)
    except Exception:
        log.exception("plan: what changed in the zones cannot be told; they serve all the same")
        return ()


def lines_of(zone_changes: Sequence[ZoneChanges]) -> tuple[str, ...]:
    """Returns lines for people about changes of zones, the warnings first; at most MAX_ZONES lines of each sort."""
    warnings = [each.warning for each in zone_changes if each.warning]
    return (*_some(warnings, "more zones lost names"), *_some([str(each) for each in zone_changes], "more zones"))


def log_changes(zone_changes: Sequence[ZoneChanges]) -> None:
    """Logs changes of zones: warnings about names that are gone, and one line for each of the first zones."""
    for line in _some([each.warning for each in zone_changes if each.warning], "more zones lost names"):
        log.warning("%s", line)
    for line in _some([str(each) for each in zone_changes], "more zones"):
        log.info("%s", line)


def applied_event(before: Plan, after: Plan, zone_changes: Sequence[ZoneChanges]) -> Event | None:
    """Returns the event about zones that a plan added, changed or removed; None when no zone differs by its content."""
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
