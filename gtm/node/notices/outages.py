"""Notices of outages: a log line for each region or service that goes down, fails open, or is up again.

What comes in: the checks whose belief changed, and the plans that serve. What goes out: log lines for the person on
call, each with the answers that clients get instead:

    WARNING api.gtm.example.com: region eu-west is down (3 of 3 endpoints: timeout); its clients get us-east
    INFO    api.gtm.example.com: region eu-west is up again after 4m (3 of 3 endpoints are up); its clients get it again
    WARNING api.gtm.example.com: everything is down (6 of 6 endpoints: timeout); fail open: clients get ... as if up

A node without the role dns does not know what clients get, or whether a safety rule holds an endpoint, so its lines do
not say it. They have the level INFO: the nodes that answer queries alert people. When very many services change at
once, some lines leave out what clients get: it would take too long to find out, and the event loop waits for it.

Each line has the difference between the present outage and the last one that was logged. So a service that changes
often is logged less often, and its last state is always logged. A line waits for the plan that follows, but not long.
"""

import logging
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from functools import partial
from typing import NamedTuple

from gtm.health.consensus.status import Status
from gtm.ids import CheckId, RegionName, ServiceId
from gtm.plan.clients import MAX_WORK, Clients
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
from gtm.plan.outcome import Decisions
from gtm.plan.overlay import Overlay
from gtm.spans import span
from gtm.token_bucket import Allowances

TOLD_AT_ONCE = 6
"""Changes of one region of a service, or of the whole service, that are logged at once; then one in TOLD_EVERY_S, which
is also how late the last of them may be. A region that flaps must not keep an outage of another one out of the log."""
TOLD_EVERY_S = 60.0
LINES_AT_ONCE = 100
"""Lines about one zone at once; then one in LINE_EVERY_S: a zone of thousands of services must not fill the log."""
LINE_EVERY_S = 10.0
MAX_STORIES = 5
"""Different lines about the same change at once; all further services share one line."""
MAX_NAMED = 3
"""The services that one line names."""
PATIENCE_S = 5.0
"""The seconds that a change waits for the plan that follows it; then it is logged without that plan."""

ALL = RegionName("")
"""The key that stands for the whole service among its regions."""

log = logging.getLogger(__name__)


@dataclass(slots=True)
class _Known:
    """The outage of one service: as it was logged, and as it is."""

    told: Outage = NO_OUTAGE
    seen: Outage = NO_OUTAGE
    """The outage at the last look."""
    untold: Counter[RegionName] = field(default_factory=Counter)
    """The number of changes without a line, by region; for the whole service under ALL."""
    since: dict[RegionName, float] = field(default_factory=dict)
    """When each region was logged as down, in monotonic seconds."""


@dataclass(frozen=True, slots=True)
class _Present:
    """The plan that serves, and the status and overlay that it was made of."""

    plan: Plan
    status: Status
    overlay: Overlay
    clients: Clients | None
    """None where this node does not know what clients get."""


class _Head(NamedTuple):
    """The parts that lines about one kind of change share: level, zone, and the words after the services."""

    level: int
    zone: str
    words: str
    """Such as `region eu-west is down`."""


@dataclass(frozen=True, slots=True)
class _Change:
    """One change of a service that is to be logged."""

    steered: SteeredService
    decisions: Decisions
    why: str
    """Such as ` (3 of 3 endpoints: timeout)`."""
    answers: Callable[[Clients], str] | None = None
    """Returns the words for the answers that clients get; None where the line leaves them out."""
    rest: str = ""


class Outages:
    """Logs outages. Its state: what was logged of each service, and the services to look at next."""

    def __init__(self, *, answers: bool, work: int = MAX_WORK) -> None:
        """Makes the notices of a node.

        `answers` is whether it answers queries, and so knows what clients get; `work` limits how much work goes into
        finding that out.
        """
        self._answers, self._work = answers, work
        self._known: dict[ServiceId, _Known] = {}
        self._touched: dict[ServiceId, float] = {}
        """The services to look at, and when each changed first since the last look, in monotonic seconds."""
        self._services = Allowances(TOLD_AT_ONCE, TOLD_EVERY_S)
        self._lines = Allowances(LINES_AT_ONCE, LINE_EVERY_S)

    def believed(self, checks: Iterable[CheckId], plan: Plan, *, now: float) -> None:
        """Notes the services whose checks have a changed belief, for the next `tell`."""
        for check in checks:
            for name in plan.watchers.get(check, ()):
                self._touched.setdefault(name, now)

    def swapped(self, before: Plan, after: Plan, *, now: float) -> None:
        """Notes the services that are new in a plan, or that it answers differently, for the next `tell`."""
        was = before.decisions
        for name, decided in after.decisions.items():
            if (old := was.get(name)) is not decided and (old is None or old.spread is not decided.spread):
                self._touched.setdefault(name, now)
        if before.services is not after.services:
            self._known = {name: service for name, service in self._known.items() if name in after.services}

    def tell(self, plan: Plan, status: Status, overlay: Overlay, *, now: float, is_behind: bool) -> None:
        """Logs the outages of the services noted since the last look, and which of them are over.

        `is_behind` is whether the plan does not follow `status` yet; then changes wait, at most PATIENCE_S.
        """
        if not self._touched:
            return
        present = _Present(plan, status, overlay, Clients(self._work) if self._answers else None)
        news: dict[_Head, list[_Change]] = {}
        for name, touched_at in list(self._touched.items()):
            if is_behind and now - touched_at < PATIENCE_S:
                continue
            if (steered := plan.services.get(name)) is None:
                del self._touched[name]
                continue
            known = self._known.setdefault(name, _Known())
            seen = outage_of(steered, status, plan.decisions[name])
            seen = seen if self._answers else replace(seen, fails=False)
            known.untold.update(_differences(known.seen, seen))
            known.seen = seen
            telling = self._telling(name, known.told, seen, now=now)
            if telling != known.told:
                for head, change in _changes(steered, known, telling, present, now=now):
                    news.setdefault(head, []).append(change)
            if telling == seen:
                del self._touched[name]
        for head, changes in news.items():
            self._log(head, changes, present.clients, now=now)

    def _telling(self, name: ServiceId, told: Outage, seen: Outage, *, now: float) -> Outage:
        """Returns the outage that may be logged now: `seen`, without the changes that are beyond the rate limit.

        `told` is the outage that was logged last.
        """
        if (told.is_everything, told.fails) != (seen.is_everything, seen.fails):
            return seen if self._services.take(name, now) else told
        differing = [region for region in _differences(told, seen) if self._services.take(f"{name}/{region}", now)]
        return replace(seen, regions=told.regions ^ frozenset(differing))

    def _log(self, head: _Head, changes: list[_Change], clients: Clients | None, *, now: float) -> None:
        lines: dict[str, list[ServiceId]] = {}
        rest: list[ServiceId] = []
        for change in changes:
            is_shared = len(lines) == MAX_STORIES
            if is_shared and clients is not None and not clients.is_known(change.steered, change.decisions):
                rest.append(change.steered.id)  # its line would most likely be one too many, and takes work to make
                continue
            message = _words(change, clients)
            (rest if is_shared and message not in lines else lines.setdefault(message, [])).append(change.steered.id)
        for message, names in lines.items():
            self._line(head, f"{_named(names)}: {head.words}{message}", names=names, now=now)
        if rest:
            self._line(head, f"{_named(rest)}: {head.words}; `gtm status` has the rest", names=rest, now=now)

    def _line(self, head: _Head, line: str, *, names: list[ServiceId], now: float) -> None:
        if not self._lines.take(head.zone, now):
            return
        if more := self._lines.refused(head.zone):
            log.warning("%d lines about outages in %s were left out: there are too many", more, head.zone)
        log.log(head.level, "%s", line, extra={"zone": head.zone, "services": names, "services_count": len(names)})


def _differences(before: Outage, after: Outage) -> list[RegionName]:
    whole = (before.is_everything, before.fails) != (after.is_everything, after.fails)
    return [ALL] * whole + sorted(before.regions ^ after.regions)


def _changes(
    steered: SteeredService, known: _Known, seen: Outage, present: _Present, *, now: float
) -> Iterable[tuple[_Head, _Change]]:
    """Yields the changes of a service that are to be logged, and notes `seen` as logged."""
    was, known.told, decisions = known.told, seen, present.plan.decisions[steered.id]
    status, overlay = present.status, present.overlay
    bad = logging.WARNING if present.clients is not None else logging.INFO
    there = {endpoint.region for endpoint in steered.service.endpoints}
    fresh, back = sorted(seen.regions - was.regions), sorted((was.regions - seen.regions) & there)
    after = {region: span(now - known.since.pop(region, now)) for region in back}
    known.since |= dict.fromkeys(fresh, now)

    def change(
        level: int,
        head: str,
        why: str,
        answers: Callable[[Clients], str] | None,
        *,
        region: RegionName = ALL,
        rest: str = "",
    ) -> tuple[_Head, _Change]:
        missed = max(0, known.untold.pop(region, 0) - 1)
        often = f"; {missed} more {'change' if missed == 1 else 'changes'} had no line" if missed else ""
        return _Head(level, steered.zone, head), _Change(steered, decisions, why, answers, rest + often)

    def everywhere(clients: Clients) -> str:
        return all_instead(steered, decisions, clients, overlay)

    def instead(region: RegionName, clients: Clients) -> str:
        return answered_instead(steered, region, decisions, clients, status=status, overlay=overlay)

    def again(region: RegionName, clients: Clients) -> str:
        return answered_again(steered, region, decisions, clients)

    if seen.is_everything:
        yield change(bad, "everything is down", f" ({why_down(steered, status)})", everywhere)
        known.untold.clear()
        return
    for region in fresh:
        why = f" ({why_down(steered, status, region)})"
        yield change(bad, f"region {region} is down", why, partial(instead, region), region=region)
    left = f"; still down: {', '.join(sorted(seen.regions))}" if was.is_everything and seen.regions else ""
    for region in back:
        head = f"region {region} is {_back(steered, status, region)}"
        why = f" after {after[region]} ({why_not_down(steered, status, region)})"
        yield change(logging.INFO, head, why, partial(again, region), region=region, rest=left)
    if seen.fails and not was.fails:
        whom = "any client" if is_failing_everywhere(decisions) else "some clients"
        why = ": the rest is down, or was taken out by people"
        yield change(bad, f"nothing is left for {whom}", why, everywhere)
    elif was.fails and not seen.fails and not back:
        yield change(logging.INFO, "something is left for every client again", "", None)


def _words(change: _Change, clients: Clients | None) -> str:
    answers = change.answers(clients) if clients is not None and change.answers is not None else ""
    return change.why + (f"; {answers}" if answers else "") + change.rest


def _back(steered: SteeredService, status: Status, region: RegionName) -> str:
    return "up again" if not why_not_down(steered, status, region).startswith("0 ") else "not known to be down any more"


def _named(names: list[ServiceId]) -> str:
    if len(names) <= MAX_NAMED + 1:
        return ", ".join(names)
    return f"{', '.join(names[:MAX_NAMED])} and {len(names) - MAX_NAMED} more"
