"""Counters that start at 0, before their first event, so that `rate()` sees the first increment.

What comes in: the plan and configuration of this node. What goes out: the series that it may count, at 0, by the names
of gtm/counters.py: each counter without labels, and each counter whose label values are known.

    always                  reasons, rules, files, outcomes: fixed in this program
    peers, filters          from the node file and the installation
    kinds of monitor        from the zones
    zones, services, ...    from the plan, where the engine counts by them

Not here, for their labels are not known: `admin_requests_refused` and `health_port_requests_refused` (path and
status), `dns_questions` (types).
"""

from collections.abc import Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from itertools import product

from gtm.counters import series
from gtm.health.belief import Belief
from gtm.health.override.override import Action, SafetyRule
from gtm.health.verdict.reading import Reason
from gtm.ids import NodeName
from gtm.plan.model import Plan
from gtm.zone.model import Monitor

REPORT_REASONS = (
    "oversized",
    "malformed",
    "unknown_reporter",
    "forged",
    "skewed",
    "edition",
    "equivocated",
    "replayed",
    "baseless",
    "vantage",
)
"""The reasons for refusing a report (gtm/health/report/); some also apply to an override
(gtm/health/override/signed.py)."""

_Axes = Mapping[str, Sequence[str]]
"""The values of each label, by label."""

_TRANSPORTS = ("udp", "tcp")

ALWAYS: Mapping[str, _Axes] = {
    "admin_connections_dropped": {"reason": ("handshake", "unread", "room")},
    "admin_connections_refused": {},
    "health_port_connections_dropped": {"reason": ("unread", "room")},
    "health_port_connections_refused": {},
    "certificate_renewals": {"side": ("listen", "share"), "outcome": ("taken", "refused")},
    "dns_engine_failures": {},
    "dns_ignored": {"transport": _TRANSPORTS},
    "dns_responses": {
        "rcode": ("NOERROR", "FORMERR", "SERVFAIL", "NXDOMAIN", "NOTIMP", "REFUSED", "BADVERS"),
        "transport": _TRANSPORTS,
    },
    "events_lost": {"reason": ("queue_full", "disk", "flood")},
    "heartbeats": {"ok": ("true", "false")},
    "heartbeats_refused": {
        "reason": ("unknown_check", "bad_token", "no_secret", "slow", "oversized", "malformed"),
    },
    "local_changes": {"to": (*(belief.value for belief in Belief), "over")},
    "overrides": {
        "kind": ("set", "followed", "expired", "ended"),
        "action": [one.value for one in Action if one is not Action.CLEAR],
    },
    "plan_failures": {"cause": ("health", "zone_too_costly", "zones_or_geo_data")},
    "polls": {"outcome": ("news", "quiet", "failed")},
    "quarantines": {"to": ("in", "out")},
    "reports_heard": {},
    "safety_blocks": {"rule": [rule.value for rule in SafetyRule]},
    "safety_breaches": {"rule": [SafetyRule.AT_LEAST.value]},
    "safety_failures": {},
    "starts_from_kept_zones": {},
    "state_errors": {
        "file": (
            "state.json",
            "status.json",
            "last-heard.json",
            "verdicts.json",
            "heard.json",
            "zones.json",
            "overrides.json",
            "override-names.json",
            "vantages.json",
            "claims.json",
            "plan-names.bin",
            "plan-decisions.bin",
        )
    },
    "tcp_accept_errors": {},
    "tcp_connections_evicted": {"reason": ("network", "full")},
    "telemetry_exports": {"outcome": ("taken", "failed", "redirected", "rejected")},
    "udp_receive_errors": {},
    "udp_send_errors": {},
    "zone_changes": {"change": ("added", "changed", "removed")},
    "zone_loads": {"outcome": ("clean", "with_problems", "failed")},
}
"""The labels and values of each counter that every node may count, by counter name."""

_ETCD: _Axes = {"task": ("writing", "hearing"), "outcome": ("ok", "failed")}
_ETCD_TOO_LARGE: _Axes = {"task": ("writing",), "outcome": ("too_large",)}
_ETCD_STRANGER: _Axes = {"task": ("hearing",), "outcome": ("stranger",)}


def births(
    plan: Plan, *, engine: str, peers: Sequence[NodeName], filters: AbstractSet[str], by_etcd: bool
) -> Mapping[str, int]:
    """Returns the series that this node may count, at 0.

    `filters` are the filters of other packages; `by_etcd` is whether the node uses etcd.
    """
    all_series = [*_always(), *_of("filter_failures", {"filter": sorted(filters)})]
    all_series += _of("readings", {"kind": _kinds(plan), "outcome": [reason.value for reason in Reason]})
    all_series += _of("reports_refused", {"peer": peers, "reason": REPORT_REASONS})
    all_series += _of("overrides_refused", {"peer": peers, "reason": (*REPORT_REASONS, "not_accepted")})
    all_series += [*_of("overrides_ahead", {"peer": peers}), *_of("overrides_put_off", {"peer": peers})]
    if by_etcd:
        all_series += [*_of("etcd", _ETCD), *_of("etcd", _ETCD_TOO_LARGE), *_of("etcd", _ETCD_STRANGER)]
    if engine == "rust":
        all_series += _by_the_rust_engine(plan)
    return dict.fromkeys(all_series, 0)


def _always() -> Iterator[str]:
    for name, axes in ALWAYS.items():
        yield from _of(name, axes)


def _kinds(plan: Plan) -> list[str]:
    """Returns the kinds of monitor in the zones of a plan."""
    asked = [steered.service.monitor for steered in plan.services.values() if steered.service.monitor is not None]
    known: set[Monitor] = set()
    stack = list(dict.fromkeys(asked))
    while stack:
        monitor = stack.pop()
        if monitor not in known:
            known.add(monitor)
            stack += monitor.parts
    return sorted({monitor.type.value for monitor in known})


def _by_the_rust_engine(plan: Plan) -> Iterator[str]:
    regions = sorted({region.name for steered in plan.services.values() for region in steered.regions})
    zones = [zone.zone.origin.to_text(omit_final_dot=True) for zone in plan.zones.values()]
    yield from _of("dns_failed_open", {"transport": _TRANSPORTS})
    yield from _of("dns_zone_responses", {"zone": zones})
    yield from _of("dns_service_responses", {"service": tuple(plan.services)})
    yield from _of("dns_region_responses", {"region": regions})


def _of(name: str, axes: _Axes) -> Iterator[str]:
    """Yields every series of a counter, one for each combination of label values."""
    for values in product(*axes.values()):
        yield series(name, dict(zip(axes, values, strict=True)))
