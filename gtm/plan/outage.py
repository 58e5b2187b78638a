"""Outages: which regions of a service are down by its checks, and what its clients get instead.

What comes in: a service, the status, its decisions, and the overlay. What goes out: its outage, and texts that say what
clients get. A region is down for a service when all the endpoints that the service has in it are down. The clients of a
region are those who would get it if all were up.

It runs when something changed, never for a query.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from gtm.health.belief import Belief
from gtm.health.consensus.status import CheckStatus, Status
from gtm.health.override.override import Action
from gtm.health.verdict.reading import Reason
from gtm.ids import RegionName
from gtm.plan.clients import Clients
from gtm.plan.model import SteeredService
from gtm.plan.outcome import Decisions, Selected
from gtm.plan.overlay import Overlay, beliefs, effective
from gtm.steer.decide import ALL_DOWN, State

MAX_NAMED = 3
"""The most regions, or reasons, that one text names."""


@dataclass(frozen=True, slots=True)
class Outage:
    """The regions of a service that are down, and whether its answers show it."""

    regions: frozenset[RegionName] = frozenset()
    """The regions in which all endpoints of the service are down."""
    is_everything: bool = False
    """Whether all endpoints of the service are down."""
    fails: bool = False
    """Whether some clients have no endpoint left: all are down, or taken out by overrides."""


NO_OUTAGE = Outage()


def outage_of(steered: SteeredService, status: Status, decisions: Decisions) -> Outage:
    """Returns the outage of a service: its regions that are down by their checks, and whether its decisions show it."""
    believed, fails = beliefs(steered, status), decisions.is_all_down
    if Belief.DOWN not in believed:
        return Outage(fails=True) if fails else NO_OUTAGE
    ends = steered.service.endpoints
    alive = {pair.region for pair, belief in zip(ends, believed, strict=True) if belief is not Belief.DOWN}
    return Outage(frozenset(end.region for end in ends) - alive, is_everything=not alive, fails=fails)


def is_failing_everywhere(decisions: Decisions) -> bool:
    """Returns whether no client has an endpoint that is up: every outcome fails open or fails closed."""
    return decisions.states <= ALL_DOWN


def why_down(steered: SteeredService, status: Status, region: RegionName | None = None) -> str:
    """Returns the number of endpoints that are down, and the reasons: `3 of 3 endpoints: timeout`.

    It counts the endpoints of one region, or of the whole service when `region` is None.
    """
    ends = steered.service.endpoints
    numbers = [number for number, endpoint in enumerate(ends) if region is None or endpoint.region == region]
    known = [status.checks.get(check) for number in numbers if (check := steered.checks[number]) is not None]
    down = [endpoint for endpoint in known if endpoint is not None and endpoint.belief is Belief.DOWN]
    reasons = Counter(_why(endpoint) for endpoint in down).most_common()
    if len(reasons) > 1:
        shown = [f"{reason} ({count})" for reason, count in reasons[:MAX_NAMED]]
        message = ", ".join(shown) + (", and others" if len(reasons) > MAX_NAMED else "")
    else:
        message = "".join(reason for reason, _ in reasons)
    return f"{len(down)} of {len(numbers)} {'endpoint' if len(numbers) == 1 else 'endpoints'}: {message}"


_CLEAR = frozenset({Reason.TIMEOUT, Reason.REFUSED, Reason.RESET})
"""Reasons that need no detail after their word."""


def _why(status: CheckStatus) -> str:
    if status.reason is Reason.OK:
        return "answers again, not up yet"
    word: str = status.reason.value
    if status.reason in _CLEAR:
        return word
    is_http = status.reason is Reason.STATUS and status.detail.startswith("HTTP ")
    return status.detail.partition(",")[0] if is_http else f"{word} {status.detail}".strip()


def why_not_down(steered: SteeredService, status: Status, region: RegionName | None = None) -> str:
    """Returns the number of endpoints that are up: `2 of 3 endpoints are up`.

    It counts the endpoints of one region, or of the whole service when `region` is None.
    """
    ends = steered.service.endpoints
    all_beliefs = beliefs(steered, status)
    counted = [
        all_beliefs[number] for number, endpoint in enumerate(ends) if region is None or endpoint.region == region
    ]
    ups = counted.count(Belief.UP)
    endpoints = "endpoint" if len(counted) == 1 else "endpoints"
    return f"{ups} of {len(counted)} {endpoints} {'is' if ups == 1 else 'are'} up"


def answered_instead(
    steered: SteeredService,
    region: RegionName,
    decisions: Decisions,
    clients: Clients,
    *,
    status: Status,
    overlay: Overlay,
) -> str:
    """Returns a text that says what the clients of a down region get: `its clients get us-east`.

    Empty when that takes too much work (`Clients`).
    """
    cells = clients.of(steered, region)
    if cells is not None and not cells:
        return "no client is sent to it while all is up"
    got = clients.answers(steered, decisions, None if cells is None else region)
    if got is None:
        return ""
    if cells is None:
        return f"the answers have {_named(got.regions)}" if got.regions else _nothing(got.failed, "clients")
    if not got.regions:
        return _nothing(got.failed, "its clients")
    if region not in got.regions:
        return f"its clients get {_named(got.regions)}"
    return f"its clients get it all the same{_why_kept(steered, region, status, overlay, decisions)}"


def answered_again(steered: SteeredService, region: RegionName, decisions: Decisions, clients: Clients) -> str:
    """Returns a text that says what the clients of a region get that is up again: `its clients get it again`.

    Empty when that takes too much work (`Clients`).
    """
    cells = clients.of(steered, region)
    if cells is not None and not cells:
        return "no client is sent to it while all is up"
    got = clients.answers(steered, decisions, None if cells is None else region)
    if got is None:
        return ""
    if cells is None:
        return f"the answers have {_named(got.regions)}" if got.regions else _nothing(got.failed, "clients")
    if region in got.regions:
        return "its clients get it again"
    return f"its clients still get {_named(got.regions)}" if got.regions else _nothing(got.failed, "its clients")


def all_instead(steered: SteeredService, decisions: Decisions, clients: Clients, overlay: Overlay) -> str:
    """Returns a text that says what clients get while no endpoint of a service is up: `fail open: clients get us-east`.

    Empty when that takes too much work (`Clients`).
    """
    got = clients.answers(steered, decisions)
    if got is None:
        return ""
    if not got.regions:
        return _nothing(got.failed, "clients")
    if State.FAIL_OPEN in decisions.states:
        return f"fail open: clients get {_named(got.regions)} as if up"
    rules = _rules(steered, overlay)
    return f"clients get {_named(got.regions)}" + (f": held by the safety rule {rules}" if rules else "")


def _rules(steered: SteeredService, overlay: Overlay, region: RegionName | None = None) -> str:
    """Returns the names of the safety rules that keep an endpoint up, joined by `and`.

    It looks at the endpoints of one region, or of the whole service when `region` is None.
    """
    held = overlay.held.get(steered.id, {})
    endpoint_refs = [
        endpoint_ref for endpoint_ref in steered.endpoint_refs if region is None or endpoint_ref.region == region
    ]
    return " and ".join(
        sorted({held[endpoint_ref.endpoint].value for endpoint_ref in endpoint_refs if endpoint_ref.endpoint in held})
    )


def _why_kept(
    steered: SteeredService, region: RegionName, status: Status, overlay: Overlay, decisions: Decisions
) -> str:
    if rules := _rules(steered, overlay, region):
        return f": held by the safety rule {rules}"
    actions = effective(steered, status, overlay).said
    ends = steered.service.endpoints
    if any(action is Action.UP for pair, action in zip(ends, actions, strict=False) if pair.region == region):
        return ": a person says that it is up"
    return ": nothing else is up for them" if decisions.is_all_down else ""


def _nothing(failed: Sequence[Selected], whose: str) -> str:
    rcode = next((check.rcode for check in failed), 0)
    return f"fail closed: {whose} get {'SERVFAIL' if rcode else 'no record (NODATA)'}"


def _named(regions: Sequence[RegionName]) -> str:
    if len(regions) > MAX_NAMED:
        return f"{', '.join(regions[:MAX_NAMED])} and {len(regions) - MAX_NAMED} more regions"
    *most, last = regions
    return f"{', '.join(most)} or {last}" if most else last
