"""`gtm failovers`: what went down after it was up, one line each, and how soon the answers followed; from the events.

converged    the first probe's verdict -> the plan that follows it, by the clocks of both; "-": no plan followed,
             for a rule of safety or a person holds it, or the window ends before
"""

import json as jsonlib
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass

from gtm.admin.client import fetch_events
from gtm.cli.console import print_json, print_table
from gtm.cli.events import SinceOption, UntilOption, span_of
from gtm.cli.options import AdminOption, ConfigOption, JsonOption, admin_address, read_config
from gtm.health.event import EventKind, Recorded
from gtm.node.journal import read_events

MAX_SHOWN = 5
"""Services that a line names."""


@dataclass(frozen=True, slots=True)
class Failover:
    """One check that went down."""

    at: str
    check: str
    converged_s: float | None
    services: tuple[str, ...]
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
    """List what went down after it was up: when, how soon the answers followed, whose answers, and why.

    It reads the node's files, as `gtm events` does, or asks the node of --admin.
    """
    begin, end = span_of(since, until)
    if admin is None:
        events: Iterable[Recorded] = read_events(read_config(config).state, since=begin)
    else:
        events = fetch_events(admin_address(admin, config), since=begin, after="")
    found = list(failovers_in(event for event in events if event.wall <= end))
    if json:
        print_json(jsonlib.dumps({"failovers": [asdict(one) for one in found]}, indent=2))
        return
    rows = [(one.at, one.check, _seconds(one.converged_s), _services(one), one.cause) for one in found]
    print_table("failovers", ("when", "what", "converged", "services", "cause"), rows)


def failovers_in(events: Iterable[Recorded]) -> Iterator[Failover]:
    """Yields the failovers among events, oldest first."""
    known = list(events)
    plans: dict[str, float] = {}
    for event in known:
        if event.type == EventKind.PLAN.value:
            for cause in event.causes:
                plans.setdefault(cause, event.wall)
    for event in known:
        if event.type == EventKind.ENDPOINT_DOWN.value and event.facts.get("before") == "up":
            planned_at = plans.get(event.id)
            began_at = min((at for cause in event.causes if (at := _verdict_at(cause))), default=event.wall)
            converged_s = None if planned_at is None else round(max(0.0, planned_at - began_at), 3)
            services = event.facts.get("services", ())
            named = tuple(services) if isinstance(services, tuple | list) else ()
            count = event.facts.get("services_count", len(named))
            why = f"{event.facts.get('reason', '')} {event.facts.get('detail', '')}".strip()
            size = count if isinstance(count, int) else len(named)
            yield Failover(event.at, event.subject, converged_s, named, size, why, event.id)


def _verdict_at(cause: str) -> float:
    """Returns when a verdict was made, which its id says; 0 for any other event."""
    if ":verdict:" not in cause:
        return 0.0
    try:
        return float(cause.rpartition(":")[2])
    except ValueError:
        return 0.0


def _seconds(seconds: float | None) -> str:
    return "-" if seconds is None else f"{seconds:.1f} s"


def _services(one: Failover) -> str:
    shown = one.services[:MAX_SHOWN]
    more = one.services_count - len(shown)
    return ", ".join(shown) + (f" and {more} more" if more > 0 else "")
