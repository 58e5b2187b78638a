"""The recorder: turns changes in this node into events, each with the ids of the events that caused it.

    read, judged     a probe's reading and verdict          prober
    unread           a check that a probe could not make    prober
    expiring         a certificate that a probe saw         health river
    believed         beliefs of this node, and regions      health river; the plan has the services concerned
    planned          the plan, and who fails open           planner; caused by what was believed, loaded or located
    rejected         zone files with mistakes               zone river
    damaged          a state file is of no use or unwritten checksummed files, from the thread that writes, too
    refused          the first report refused of a kind     store

It decides nothing and waits for nothing. Its state: the last reading, the regions of the plan, and the silent probes.
"""

import logging
from collections.abc import Callable, Iterable, Mapping, Sequence

from gtm.checks.model import Check
from gtm.errors import ReportInvalid
from gtm.event import MAX_LIST, Event, EventId, EventKind, Fact, NoRecorder, Recorder, verdict_id
from gtm.health.belief import Belief
from gtm.health.certificate import Certificate
from gtm.health.consensus.delta import Change, LocalChange, StatusDelta
from gtm.health.consensus.silence import silent_probes
from gtm.health.consensus.status import CheckStatus, Status
from gtm.health.consensus.voices import Voice
from gtm.health.regions import RegionState, region_state
from gtm.health.report.book import Book
from gtm.health.verdict.reading import Reading
from gtm.health.verdict.verdict import Verdict, VerdictState
from gtm.ids import CheckId, NodeName, RegionName, ServiceId
from gtm.node.events.log_fields import fields_of
from gtm.node.events.zone_changes import applied_event
from gtm.plan.clients import Clients
from gtm.plan.model import Plan
from gtm.plan.moved_cells import Move, moves
from gtm.plan.outage import all_instead, is_failing_everywhere
from gtm.plan.overlay import NO_OVERLAY
from gtm.watch.folder import Catalogue
from gtm.zone.changes import ZoneChanges

MAX_REJECTED = 50
"""The most zone files that get an event after one reading of the folder; `gtm check` reports all."""
MAX_REJECTED_PROBLEMS = 20
"""The most problems of one zone file that its event lists."""
MAX_MOVES_SHOWN = 2
"""The most moves of clients in the message of a plan's event; its facts list more."""
SILENCE_LOOK_S = 2.0
"""The least seconds between two searches for silent probes: each search reads all votes."""

_Region = tuple[str, RegionName]
"""A zone's name and one of its regions."""

_BY_BELIEF = {
    Belief.UP: EventKind.ENDPOINT_UP,
    Belief.DOWN: EventKind.ENDPOINT_DOWN,
    Belief.UNKNOWN: EventKind.ENDPOINT_UNKNOWN,
}
_BY_STATE = {
    VerdictState.DEGRADED: EventKind.ENDPOINT_DEGRADED,
    VerdictState.FLAPPING: EventKind.ENDPOINT_FLAPPING,
}


_LOGGED = {
    EventKind.CERTIFICATE_EXPIRING: logging.WARNING,
    EventKind.PROBE_SILENT: logging.WARNING,
    EventKind.PROBE_HEARD: logging.INFO,
}
"""The kinds of event whose message is logged here, and at which level. Callers log the other kinds themselves."""

log = logging.getLogger(__name__)


class EventRecorder:
    """Records the changes in this node as events."""

    def __init__(self, events: Recorder, node: NodeName, *, answers: bool = True) -> None:
        """Makes the recorder of a node; `answers` is whether it answers queries, and so knows what clients get."""
        self._answers = answers
        self._events = events
        self._node = node
        self._last: tuple[CheckId, Reading] | None = None
        self._index = _Index(None)
        self._silent: frozenset[NodeName] = frozenset()
        self._looked_at = float("-inf")

    def record(self, event: Event) -> EventId:
        """Records an event and returns its id; logs its message too if its kind is in _LOGGED."""
        level = _LOGGED.get(event.kind)
        if level is not None:
            log.log(level, "%s", event.message, extra=fields_of(event))
        return self._events.record(event)

    def read(self, check: Check, reading: Reading) -> None:
        """Remembers the last reading: it becomes the cause of the verdict's event if it changes the verdict."""
        self._last = (check.id, reading)

    def judged(self, check: Check, verdict: Verdict, *, detected_s: float | None = None) -> EventId:
        """Records a changed verdict of this node's probe, and the reading that decided it.

        `detected_s` is the seconds from the first bad reading to this verdict; None unless it turned from up to down.
        """
        causes = () if self._last is None or self._last[0] != check.id else (self._decisive(*self._last),)
        facts: dict[str, Fact] = {
            "belief": verdict.belief.value,
            "good_run": verdict.good_run,
            "bad_run": verdict.bad_run,
            **({} if detected_s is None else {"detected_s": round(detected_s, 3)}),
        }
        message = (
            f"{self._node} believes {check.id} {verdict.belief.value}: {_why(verdict.reason.value, verdict.detail)}"
        )
        identifier = verdict_id(self._node, check.id, verdict.since)
        return self.record(Event(EventKind.VERDICT, check.id, message, facts, causes, identifier))

    def unread(self, check: Check, reading: Reading) -> None:
        """Records that this node's probe cannot make a check, by a fault of the probe and not of the endpoint."""
        message = f"{self._node} cannot check {check.id}: {reading.detail}"
        self.record(Event(EventKind.PROBE_UNREAD, check.id, message, {"detail": reading.detail}))

    def expiring(self, check: Check, certificate: Certificate, *, wall: float) -> None:
        """Records that the certificate of an endpoint expires soon, or has expired; `wall` is the time now."""
        days = certificate.days_left(wall)
        ends = f"expires in {days:.1f} days" if days > 0 else "has expired"
        message = f"{self._node} sees that the certificate of {check.id} {ends}"
        facts = {"expires_at": certificate.ends_at, "days": round(days, 1)}
        self.record(Event(EventKind.CERTIFICATE_EXPIRING, check.id, message, facts))

    def _decisive(self, check: CheckId, reading: Reading) -> EventId:
        message = f"{check} read {_why(reading.reason.value, reading.detail)} in {reading.took_s:.3f} s"
        facts = {"reason": reading.reason.value, "detail": reading.detail, "took_s": round(reading.took_s, 6)}
        return self.record(Event(EventKind.READING, check, message, facts))

    def believed(self, delta: StatusDelta, book: Book, plan: Plan) -> tuple[EventId, ...]:
        """Records the checks whose belief changed, and the regions that went down or up by that.

        Returns the ids of the events about checks and local truths, which are the causes of the next plan.
        """
        told = {change.check: self._endpoint(change, book, plan) for change in delta.changes}
        local = [self._local(change, book, plan) for change in delta.local_changes]
        for check in delta.turned_odd:
            self._odd(check, delta.after.checks[check], book, plan)
        if told:
            self._regions(delta.before, delta.after, told, plan)
        return (*told.values(), *local)

    def _endpoint(self, change: Change, book: Book, plan: Plan) -> EventId:
        services = plan.watchers.get(change.check, ())
        facts = {
            "before": change.before.value,
            "after": change.after.belief.value,
            "reason": change.after.reason.value,
            "detail": change.after.detail,
            "regions": self._indexed(plan).regions_of(change.check),
            "services": tuple(services),
            "services_count": len(services),
        }
        causes = tuple(_verdicts(change, book))
        return self.record(Event(_BY_BELIEF[change.after.belief], change.check, str(change), facts, causes))

    def _odd(self, check: CheckId, status: CheckStatus, book: Book, plan: Plan) -> None:
        """Records that a check became degraded or flapping. No answer changes by that, so it causes no plan."""
        services = plan.watchers.get(check, ())
        counted = [voice for voice in status.votes if voice.counts]
        saying = [voice for voice in counted if voice.state is status.state]
        facts: dict[str, Fact] = {
            "belief": status.belief.value,
            "regions": self._indexed(plan).regions_of(check),
            "services": tuple(services),
            "services_count": len(services),
        }
        message = f"check {check}: {status.belief.name}, {status.state.value} ({len(saying)} of {len(counted)} voices)"
        causes = tuple(_verdicts_of(saying, check, book))
        self.record(Event(_BY_STATE[status.state], check, message, facts, causes))

    def _local(self, change: LocalChange, book: Book, plan: Plan) -> EventId:
        services = plan.watchers.get(change.check, ())
        facts = {
            "vantage": change.vantage,
            "seen": change.belief.value,
            "elsewhere": change.after.belief.value,
            "is_over": change.is_over,
            "regions": self._indexed(plan).regions_of(change.check),
            "services": tuple(services),
            "services_count": len(services),
        }
        voices = [voice for voice in change.after.votes if voice.vantage == change.vantage]
        causes = tuple(_verdicts_of(voices, change.check, book))
        return self.record(Event(EventKind.ENDPOINT_LOCAL, change.check, str(change), facts, causes))

    def _indexed(self, plan: Plan) -> "_Index":
        if self._index.plan is None or self._index.plan.zones is not plan.zones:
            self._index = _Index(plan)
        return self._index

    def _regions(self, before: Status, after: Status, told: Mapping[CheckId, EventId], plan: Plan) -> None:
        for (zone, region), checks in self._indexed(plan).touched(told):
            was, now = (region_state([_belief(status, check) for check in checks]) for status in (before, after))
            if (was is RegionState.DOWN) is (now is RegionState.DOWN):
                continue
            kind = EventKind.REGION_DOWN if now is RegionState.DOWN else EventKind.REGION_UP
            services = self._index.services((zone, region))
            facts: dict[str, Fact] = {
                "before": was.value,
                "after": now.value,
                "zone": zone,
                "checks": len(checks),
                "services": services,
                "services_count": len(services),
            }
            causes = tuple(told[check] for check in checks if check is not None and check in told)
            message = f"region {region} of {zone}: {was.value} -> {now.value}"
            self.record(Event(kind, f"{zone}/{region}", message, facts, causes))

    def planned(
        self, before: Plan, after: Plan, causes: tuple[EventId, ...], *, changes: Sequence[ZoneChanges] = ()
    ) -> EventId:
        """Records that a plan serves, which zones it changed, and which services fail open or recover by it.

        `causes` are the ids of the events that led to the plan. Returns the id of the plan's event.
        """
        applied = None if after.zones is before.zones else applied_event(before, after, changes)
        if applied is not None:
            causes = (*causes, self.record(applied))
        changed = [name for name, now in after.decisions.items() if now is not before.decisions.get(name)]
        # a node that answers no queries moves no clients
        moved = moves(before, after, changed) if applied is None and self._answers else ()
        facts: dict[str, Fact] = {
            "generation": int(after.generation),
            "services_changed": len(changed),
            "zones": len(after.zones),
            **({} if moved is None else {"moved": tuple(map(str, moved[:MAX_LIST])), "moved_count": len(moved)}),
        }
        message = f"generation {after.generation} serves; services decided anew: {len(changed)}{_in_short(moved or ())}"
        plan = self.record(Event(EventKind.PLAN, str(after.generation), message, facts, causes))
        if self._answers:
            self._fail_open(before, after, changed, plan)
        return plan

    def _fail_open(self, before: Plan, after: Plan, changed: Iterable[ServiceId], plan: EventId) -> None:
        clients = Clients()
        for name in changed:
            was, now = nothing_up(before, name), nothing_up(after, name)
            if was is not now:
                kind = EventKind.NAME_FAIL_OPEN if now else EventKind.NAME_RECOVERED
                message = _answers(after, name, clients) if now else "something is up again"
                self.record(Event(kind, name, f"{name}: {message}", {}, (plan,)))

    def plan_failed(self, message: str, causes: tuple[EventId, ...]) -> None:
        """Records that no new plan can be made; the last good plan continues to serve."""
        self.record(Event(EventKind.PLAN_FAILED, self._node, message, {}, causes))

    def rejected(self, before: Catalogue, after: Catalogue) -> None:
        """Records the zone files whose problems are new, one event each; `before` and `after` are two readings."""
        was, now = before.by_file(), after.by_file()
        fresh = [file for file in sorted(now) if now[file] != was.get(file)]
        for file in fresh[:MAX_REJECTED]:
            problems = now[file]
            told = tuple(map(str, problems[:MAX_REJECTED_PROBLEMS]))
            facts: dict[str, Fact] = {"problems": told, "problems_count": len(problems)}
            self.record(Event(EventKind.CONFIG_REJECTED, file, str(problems[0]), facts))

    def damaged(self, file: str, problem: str) -> None:
        """Records that a file of the state folder is damaged, or cannot be read or written. Any thread may call it."""
        self.record(Event(EventKind.STATE_DAMAGED, file, f"state: {file} {problem}", {"problem": problem}))

    def refused(self, giver: NodeName, refused: ReportInvalid) -> None:
        """Records that a report was refused; `giver` is the peer that sent it, `refused` has the reason."""
        facts = {"reason": refused.reason, "in_the_name_of": refused.node, "key": refused.key}
        self.record(Event(EventKind.REPORT_REFUSED, giver, f"report from {giver} refused: {refused}", facts))

    def quorum(self, message: str, *, frozen: int, of: int, is_lost: bool) -> None:
        """Records that the quorum is lost or found again; `frozen` is how many checks lack it, out of `of`."""
        kind = EventKind.QUORUM_LOST if is_lost else EventKind.QUORUM_FOUND
        self.record(Event(kind, self._node, message, {"frozen_checks": frozen, "checks": of}))

    def quarantine(self, node: NodeName, message: str, *, is_in: bool) -> None:
        """Records that a probe is put in quarantine (`is_in`) or released: whether its votes count."""
        self.record(Event(EventKind.PROBE_QUARANTINED if is_in else EventKind.PROBE_RELEASED, node, message))

    def heard(
        self, book: Book, status: Status, *, now: float, spared: Callable[[], frozenset[NodeName]] = frozenset
    ) -> None:
        """Records which probes fell silent, and which are heard again; at most once in SILENCE_LOOK_S.

        `now` is monotonic seconds. Probes that `spared` returns do not count as silent.
        """
        if now - self._looked_at < SILENCE_LOOK_S:
            return
        self._looked_at = now
        before, self._silent = self._silent, silent_probes(book, status) - spared()
        for node in sorted(before ^ self._silent):
            is_silent = node in self._silent
            kind = EventKind.PROBE_SILENT if is_silent else EventKind.PROBE_HEARD
            message = "is silent: none of its votes is fresh" if is_silent else _why_not_silent(node, book, status)
            self.record(Event(kind, node, f"probe {node} {message}"))


def _why_not_silent(node: NodeName, book: Book, status: Status) -> str:
    if node not in book.by_node:
        return "is no longer waited for: it is no peer, or its last report is forgotten"
    is_heard = any(voice.fresh and node in voice.nodes for check in status.checks.values() for voice in check.votes)
    return "is heard" if is_heard else "is no longer waited for: nothing that it voted on is checked here any more"


def _in_short(moved: Sequence[Move]) -> str:
    more = f", and {len(moved) - MAX_MOVES_SHOWN} more moves" if len(moved) > MAX_MOVES_SHOWN else ""
    return f"; {', '.join(map(str, moved[:MAX_MOVES_SHOWN]))}{more}" if moved else ""


def _answers(plan: Plan, name: ServiceId, clients: Clients) -> str:
    decided = plan.decisions[name]
    answers = all_instead(plan.services[name], decided, clients, NO_OVERLAY)
    whom = "any client" if is_failing_everywhere(decided) else "some clients"
    return f"nothing of it is up for {whom}" + (f"; {answers}" if answers else "")


def nothing_up(plan: Plan, name: ServiceId) -> bool:
    """Returns whether a plan has clients for whom no endpoint of a service is up; False without the service."""
    decided = plan.decisions.get(name)
    return decided is not None and decided.is_all_down


def _verdicts(change: Change, book: Book) -> Iterable[EventId]:
    """Returns the event ids of the verdicts, of this and other nodes, that agree with a changed belief and count."""
    agreeing = [voice for voice in change.after.votes if voice.counts and voice.belief is change.after.belief]
    return _verdicts_of(agreeing, change.check, book)


def _verdicts_of(voices: Iterable[Voice], check: CheckId, book: Book) -> Iterable[EventId]:
    for voice in voices:
        for node in voice.nodes:
            heard = book.by_node.get(node)
            vote = None if heard is None else heard.report.votes.get(check)
            if vote is not None:
                yield verdict_id(node, check, vote.since)


def _why(reason: str, detail: str) -> str:
    return f"{reason} {detail}".strip()


def _belief(status: Status, check: CheckId | None) -> Belief:
    return Belief.UP if check is None else status.belief(check)


UNTOLD = NodeName("")


def no_recorder() -> EventRecorder:
    """Returns a recorder that keeps no events, for code that runs without a node."""
    return EventRecorder(NoRecorder(), UNTOLD)


class _Index:
    """The checks and the services of each region, from the zones of one plan; empty without a plan."""

    def __init__(self, plan: Plan | None) -> None:
        self.plan = plan
        self._members: dict[_Region, dict[CheckId | None, None]] = {}
        self._regions: dict[CheckId, dict[_Region, None]] = {}
        self._services: dict[_Region, dict[ServiceId, None]] = {}
        for zone in plan.zones.values() if plan is not None else ():
            name = zone.zone.origin.to_text(omit_final_dot=True)
            for service in zone.zone.services:
                for endpoint in service.endpoints:
                    self._add((name, endpoint.region), service.check_of(endpoint))
                    self._services.setdefault((name, endpoint.region), {})[service.id] = None

    def services(self, region: _Region) -> tuple[ServiceId, ...]:
        """Returns the services that have endpoints in a region."""
        return tuple(self._services.get(region, ()))

    def touched(self, checks: Iterable[CheckId]) -> Iterable[tuple[_Region, tuple[CheckId | None, ...]]]:
        """Yields each region that has one of these checks, with all checks of that region.

        None among the checks is an endpoint without a check.
        """
        regions = {region: None for check in checks for region in self._regions.get(check, ())}
        return ((region, tuple(self._members[region])) for region in regions)

    def regions_of(self, check: CheckId) -> tuple[str, ...]:
        """Returns the regions that have endpoints with this check, as `ZONE/REGION`."""
        return tuple(f"{zone}/{region}" for zone, region in self._regions.get(check, ()))

    def _add(self, region: _Region, check: CheckId | None) -> None:
        self._members.setdefault(region, {})[check] = None
        if check is not None:
            self._regions.setdefault(check, {})[region] = None
