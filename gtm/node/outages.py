"""Outages told: a line of the log for each region or service that goes down, fails open, or is up again.

What comes in: which checks changed and which plans serve. What goes out: lines for the person on call, each with what
clients get instead:

    WARNING api.gtm.example.com: region eu-west is down (3 of 3 endpoints: timeout); its clients get us-east
    INFO    api.gtm.example.com: region eu-west is up again after 4m (3 of 3 endpoints are up); its clients get it again
    WARNING api.gtm.example.com: everything is down (6 of 6 endpoints: timeout); fail open: clients get ... as if up

What is told is the difference between what is and what was told last. So what changes too often is told less often,
and how it ended is told always. It waits for the plan that follows, but not for long.
"""

import logging
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from gtm.allowance import Allowances
from gtm.health.status import Status
from gtm.ids import CheckId, RegionName, ServiceId
from gtm.plan.guidance import Guidance
from gtm.plan.model import Plan, SteeredService
from gtm.plan.outage import (
    NO_OUTAGE,
    Outage,
    all_instead,
    answered_again,
    answered_instead,
    is_failing_everywhere,
    outage_of,
    why_down,
    why_not_down,
)
from gtm.plan.shape import Shapes
from gtm.spans import span

TOLD_AT_ONCE = 6
"""Changes of one region of a service, or of all of it; then one in TOLD_EVERY_S, which is also how late the last of
them may be told. A region that flaps must not keep the death of another one from being told."""
TOLD_EVERY_S = 60.0
LINES_AT_ONCE = 100
"""Of one zone; then one in LINE_EVERY_S: a zone of thousands of services must not fill the log."""
LINE_EVERY_S = 10.0
MAX_STORIES = 5
"""Different lines about one region at once; the services of all further ones share a line."""
MAX_NAMED = 3
"""Services in one line."""
PATIENCE_S = 5.0
"""So long a change waits for the plan that follows it; then it is told without."""

ALL = RegionName("")
"""What stands for all of a service among its regions."""

log = logging.getLogger(__name__)


@dataclass(slots=True)
class _Known:
    """What was told of one service."""

    told: Outage = NO_OUTAGE
    seen: Outage = NO_OUTAGE
    """As it was at the last look."""
    untold: Counter[RegionName] = field(default_factory=Counter)
    """Changes that had no line, by region; those of all of the service under ALL."""
    since: dict[RegionName, float] = field(default_factory=dict)
    """When each region was told to be down, in monotonic seconds."""


@dataclass(frozen=True, slots=True)
class _Present:
    """What serves, and what it was made of."""

    plan: Plan
    status: Status
    guidance: Guidance
    shapes: Shapes


@dataclass(frozen=True, slots=True)
class _Story:
    """One line but for the services that it is about."""

    level: int
    zone: str
    head: str
    """`region eu-west is down`."""
    why: str


class Outages:
    """Tells of outages. It has state: what was told of each service, and which are to be looked at."""

    def __init__(self) -> None:
        self._known: dict[ServiceId, _Known] = {}
        self._touched: dict[ServiceId, float] = {}
        """When each was touched first since it was looked at."""
        self._services = Allowances(TOLD_AT_ONCE, TOLD_EVERY_S)
        self._lines = Allowances(LINES_AT_ONCE, LINE_EVERY_S)

    def believed(self, checks: Iterable[CheckId], plan: Plan, *, now: float) -> None:
        """Notes that these checks are believed otherwise than before."""
        for check in checks:
            for name in plan.watchers.get(check, ()):
                self._touched.setdefault(name, now)

    def swapped(self, before: Plan, after: Plan, *, now: float) -> None:
        """Notes which services a new plan has, or answers otherwise."""
        was = before.decisions
        for name, decided in after.decisions.items():
            if (old := was.get(name)) is not decided and (old is None or old.spread is not decided.spread):
                self._touched.setdefault(name, now)
        if before.services is not after.services:
            self._known = {name: one for name, one in self._known.items() if name in after.services}

    def tell(self, plan: Plan, status: Status, guidance: Guidance, *, now: float, is_behind: bool) -> None:
        """Tells what became of the services that were touched; `is_behind`: the plan does not follow `status` yet."""
        if not self._touched:
            return
        present = _Present(plan, status, guidance, Shapes())
        stories: dict[_Story, list[ServiceId]] = {}
        for name, touched_at in list(self._touched.items()):
            if is_behind and now - touched_at < PATIENCE_S:
                continue
            if (steered := plan.services.get(name)) is None:
                del self._touched[name]
                continue
            known = self._known.setdefault(name, _Known())
            seen = outage_of(steered, status, plan.decisions[name])
            known.untold.update(_differences(known.seen, seen))
            known.seen = seen
            telling = self._telling(name, known.told, seen, now=now)
            if telling != known.told:
                for story in _stories(steered, known, telling, present, now=now):
                    stories.setdefault(story, []).append(name)
            if telling == seen:
                del self._touched[name]
        self._log(stories, now=now)

    def _telling(self, name: ServiceId, told: Outage, seen: Outage, *, now: float) -> Outage:
        """Returns what may be told by now of what became of a service."""
        if (told.is_everything, told.fails) != (seen.is_everything, seen.fails):
            return seen if self._services.take(name, now) else told
        differing = [region for region in _differences(told, seen) if self._services.take(f"{name}/{region}", now)]
        return replace(seen, regions=told.regions ^ frozenset(differing))

    def _log(self, stories: dict[_Story, list[ServiceId]], *, now: float) -> None:
        heads: dict[tuple[int, str, str], list[tuple[str, list[ServiceId]]]] = {}
        for story, names in stories.items():
            heads.setdefault((story.level, story.zone, story.head), []).append((story.why, names))
        for (level, zone, head), lines in heads.items():
            for why, names in lines[:MAX_STORIES]:
                self._line(level, zone, f"{_named(names)}: {head}{why}", names=names, now=now)
            rest = [name for _, names in lines[MAX_STORIES:] for name in names]
            if rest:
                self._line(level, zone, f"{_named(rest)}: {head}; `gtm status` has the rest", names=rest, now=now)

    def _line(self, level: int, zone: str, line: str, *, names: list[ServiceId], now: float) -> None:
        if not self._lines.take(zone, now):
            return
        if more := self._lines.refused(zone):
            log.warning("%d lines about outages in %s were left out: there are too many", more, zone)
        log.log(level, "%s", line, extra={"zone": zone, "services": names, "services_count": len(names)})


def _differences(before: Outage, after: Outage) -> list[RegionName]:
    whole = (before.is_everything, before.fails) != (after.is_everything, after.fails)
    return [ALL] * whole + sorted(before.regions ^ after.regions)


def _stories(
    steered: SteeredService, known: _Known, seen: Outage, present: "_Present", *, now: float
) -> Iterable[_Story]:
    """Returns what to tell of a service, and takes it as told."""
    was, known.told, decisions = known.told, seen, present.plan.decisions[steered.id]
    status, guidance, shapes = present.status, present.guidance, present.shapes
    there = {one.region for one in steered.service.endpoints}
    fresh, back = sorted(seen.regions - was.regions), sorted((was.regions - seen.regions) & there)
    after = {region: span(now - known.since.pop(region, now)) for region in back}
    known.since |= dict.fromkeys(fresh, now)

    def story(level: int, head: str, why: str, region: RegionName = ALL) -> _Story:
        missed = max(0, known.untold.pop(region, 0) - 1)
        often = f"; {missed} more {'change' if missed == 1 else 'changes'} had no line" if missed else ""
        return _Story(level, steered.zone, head, why + often)

    if seen.is_everything:
        why = f" ({why_down(steered, status)}); {all_instead(steered, decisions, guidance)}"
        yield story(logging.WARNING, "everything is down", why)
        known.untold.clear()
        return
    for region in fresh:
        answers = answered_instead(steered, region, decisions, shapes, status=status, guidance=guidance)
        why = f" ({why_down(steered, status, region)}); {answers}"
        yield story(logging.WARNING, f"region {region} is down", why, region)
    left = f"; still down: {', '.join(sorted(seen.regions))}" if was.is_everything and seen.regions else ""
    for region in back:
        answers = answered_again(steered, region, decisions, shapes) + left
        why = f" after {after[region]} ({why_not_down(steered, status, region)}); {answers}"
        yield story(logging.INFO, f"region {region} is {_back(steered, status, region)}", why, region)
    if seen.fails and not was.fails:
        whom = "any client" if is_failing_everywhere(decisions) else "some clients"
        why = f": the rest is down, or was taken out by people; {all_instead(steered, decisions, guidance)}"
        yield story(logging.WARNING, f"nothing is left for {whom}", why)
    elif was.fails and not seen.fails and not back:
        yield story(logging.INFO, "something is left for every client again", "")


def _back(steered: SteeredService, status: Status, region: RegionName) -> str:
    return "up again" if not why_not_down(steered, status, region).startswith("0 ") else "not known to be down any more"


def _named(names: list[ServiceId]) -> str:
    if len(names) <= MAX_NAMED + 1:
        return ", ".join(names)
    return f"{', '.join(names[:MAX_NAMED])} and {len(names) - MAX_NAMED} more"
