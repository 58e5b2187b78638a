"""`gtm failovers`: what went down after it was up, one line each: how soon, and whose answers moved; from the events.

detected     the first bad reading -> the verdict, of this node's own probe; "-": none here decided, others did
converged    the first probe's verdict -> the plan by which answers moved, by the clocks of both; "-": none moved, for
             nothing was answered with it, a rule of safety or a person holds it, the node has not the role dns, or
             the time asked for ends before
who moved    shares of the cells of services, from one region to another (gtm/plan/moved_cells.py)

Where a rule of safety holds something first, the answers move with what it lets go, and it took as long.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass

from gtm.cli.console import print_fields, print_table
from gtm.cli.events import SinceOption, UntilOption, events_folder, span_of
from gtm.cli.options import AdminOption, ConfigOption, JsonOption, admin_address
from gtm.event import EventKind, Fact, Recorded
from gtm.node.events.files import read_events
from gtm.plan.moved_cells import Move, parse_move

MAX_SHOWN = 3
"""The most moves, and the most services, that a line names."""


@dataclass(frozen=True, slots=True)
class Failover:
    """One check that went down, with the times until it was detected and until the answers moved, in seconds."""

    at: str
    check: str
    detected_s: float | None
    converged_s: float | None
    moved: tuple[Move, ...]
    services: tuple[str, ...]
    """Services with an endpoint of this check: the first of them."""
    services_count: int
    cause: str
    event: str
    """The id of the event, for `gtm events`."""


def failovers(
    *,
    since: SinceOption = None,
    until: UntilOption = None,
    admin: AdminOption = None,
    config: ConfigOption = None,
    json: JsonOption = False,
) -> None:
    """List what went down after it was up: when, how soon it was detected and the answers followed, who moved, and why.

    It reads the node's files, as `gtm events` does, or asks the node of --admin.
    """
    begin, end = span_of(since, until)
    if admin is None:
        events: Iterable[Recorded] = read_events(events_folder(config), since=begin)
    else:
        from gtm.admin.client import fetch_events  # noqa: PLC0415

        events = fetch_events(admin_address(admin, config), since=begin, after="")
    rows = failovers_in(event for event in events if event.wall <= end)
    if json:
        print_fields({"failovers": [asdict(row) for row in rows]})
        return
    columns = ("when", "what", "detected", "converged", "who moved", "cause")
    print_table("failovers", columns, map(_cells, rows))


def failovers_in(events: Iterable[Recorded]) -> tuple[Failover, ...]:
    """Returns the failovers that these events tell of, oldest first; the events must be oldest first, too."""
    cases, detected = list[_Case](), dict[str, Fact]()
    down: dict[str, _Case] = {}
    followed: defaultdict[str, list[_Case]] = defaultdict(list)
    for event in events:
        if event.type == EventKind.VERDICT.value and "detected_s" in event.facts:
            detected[event.id] = event.facts["detected_s"]
        elif event.type in _BELIEFS:
            down.pop(event.subject, None)
            if event.type == EventKind.ENDPOINT_DOWN.value and event.facts.get("before") == "up":
                case = down[event.subject] = _Case(event)
                followed[event.id].append(case)
                cases.append(case)
        elif event.type == EventKind.SAFETY_RELEASED.value:
            followed[event.id] += [case for case in down.values() if case.is_let_go(event)]
        elif event.type == EventKind.PLAN.value:
            for case in {id(case): case for cause in event.causes for case in followed.get(cause, ())}.values():
                case.plans.append(event)
    return tuple(case.failover(detected) for case in cases)


_BELIEFS = frozenset(
    {EventKind.ENDPOINT_UP.value, EventKind.ENDPOINT_DOWN.value, EventKind.ENDPOINT_UNKNOWN.value},
)


class _Case:
    """The event of a check that went down, and the events of plans after it. It is mutable: plans are added."""

    def __init__(self, event: Recorded) -> None:
        self._event = event
        self.plans: list[Recorded] = []
        self._services = _texts(event.facts.get("services"))
        count = event.facts.get("services_count")
        self._services_count = count if isinstance(count, int) else len(self._services)
        self._regions = frozenset(name.rpartition("/")[2] for name in _texts(event.facts.get("regions")))

    def is_let_go(self, released: Recorded) -> bool:
        """Returns whether the event tells that a safety rule released an endpoint of this check."""
        target = self._event.subject.rpartition("/")[2]
        ends = (name.split(" ", 1) for name in _texts(released.facts.get("released")))
        return any(self._has(end[0]) and end[-1].rpartition("/")[2] == target for end in ends)

    def failover(self, detected: Mapping[str, Fact]) -> Failover:
        """Returns the failover; `detected` has the seconds that each verdict of this node took, by the event's id."""
        event = self._event
        took = [took_s for cause in event.causes if isinstance(took_s := detected.get(cause), float | int)]
        began_at = min((at for cause in event.causes if (at := _verdict_at(cause))), default=event.wall)
        by_plan = [(plan.wall, self._moved(plan)) for plan in self.plans]
        planned_at = next((wall for wall, moved in by_plan if moved or moved is None), None)
        return Failover(
            at=event.at,
            check=event.subject,
            detected_s=min(took, default=None),
            converged_s=None if planned_at is None else round(max(0.0, planned_at - began_at), 3),
            moved=tuple(move for _, moved in by_plan for move in moved or ()),
            services=self._services,
            services_count=self._services_count,
            cause=f"{event.facts.get('reason', '')} {event.facts.get('detail', '')}".strip(),
            event=event.id,
        )

    def _moved(self, plan: Recorded) -> tuple[Move, ...] | None:
        """Returns the moves of clients away from this check in a plan's event; None where it does not list moves."""
        if "moved" not in plan.facts:
            return None
        moved = (parse_move(text) for text in _texts(plan.facts["moved"]))
        return tuple(move for move in moved if move and move.origin in self._regions and self._is_about(move))

    def _is_about(self, move: Move) -> bool:
        return move.services > 1 or self._has(move.service)

    def _has(self, service: str) -> bool:
        return service in self._services or self._services_count > len(self._services)


def _verdict_at(cause: str) -> float:
    """Returns the Unix time in the id of a verdict's event; 0 for the id of any other event."""
    if ":verdict:" not in cause:
        return 0.0
    try:
        return float(cause.rpartition(":")[2])
    except ValueError:
        return 0.0


def _texts(fact: Fact | None) -> tuple[str, ...]:
    return tuple(map(str, fact)) if isinstance(fact, tuple | list) else ()


def _cells(row: Failover) -> Sequence[str]:
    return (row.at, row.check, _seconds(row.detected_s), _seconds(row.converged_s), _who_moved(row), row.cause)


def _seconds(seconds: float | None) -> str:
    return "-" if seconds is None else f"{seconds:.1f} s"


def _who_moved(row: Failover) -> str:
    if row.moved:
        return _some([str(move) for move in row.moved], len(row.moved))
    return "-" if row.converged_s is None else _some(row.services, row.services_count)


def _some(names: Sequence[str], count: int) -> str:
    more = count - len(names[:MAX_SHOWN])
    return ", ".join(names[:MAX_SHOWN]) + (f" and {more} more" if more > 0 else "")
