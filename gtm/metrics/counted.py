"""Counters -> families. A counter that is not in COUNTED is also exported, under a name made from its own name.

What comes in: a snapshot of gtm/counters.py, series by series. What goes out: a family for each counter; the buckets of
the engine's times (dns_engine_nanoseconds_*, powers of two) become one histogram in seconds, with the same bounds in
every scrape.
"""

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping

from gtm.metrics.model import Distribution, Family, Metric, MetricKind, Point


def _counter(prometheus: str, otel: str, unit: str, text: str, labels: tuple[str, ...] = ()) -> Metric:
    return Metric(f"gtm_{prometheus}", f"gtm.{otel}", MetricKind.COUNTER, text, unit, labels)


COUNTED: Mapping[str, Metric] = {
    "dns_responses": _counter(
        "dns_queries",
        "dns.server.queries",
        "{query}",
        "Queries answered, by RCODE and transport.",
        labels=("rcode", "transport"),
    ),
    "dns_ignored": _counter(
        "dns_ignored", "dns.server.ignored", "{message}", "Messages that got silence.", labels=("transport",)
    ),
    "dns_questions": _counter(
        "dns_questions", "dns.server.questions", "{query}", "Queries answered, by type.", labels=("qtype",)
    ),
    "dns_zone_responses": _counter(
        "dns_zone_queries", "dns.server.zone.queries", "{query}", "Queries answered, by zone.", labels=("zone",)
    ),
    "dns_service_responses": _counter(
        "dns_service_answers", "answer.service", "{answer}", "Steered answers, by service.", labels=("service",)
    ),
    "dns_region_responses": _counter(
        "dns_region_answers",
        "answer.region",
        "{answer}",
        "Steered answers, by the region of the first record.",
        labels=("region",),
    ),
    "dns_failed_open": _counter(
        "dns_fail_open_answers",
        "answer.fail_open",
        "{answer}",
        "Answers of services that have nothing up.",
        labels=("transport",),
    ),
    "dns_engine_failures": _counter(
        "dns_engine_failures",
        "dns.server.engine.failures",
        "{failure}",
        "Queries on which the engine failed: SERVFAIL.",
    ),
    "udp_receive_errors": _counter(
        "udp_receive_errors", "dns.server.udp.receive_errors", "{error}", "Reads from a UDP socket that failed."
    ),
    "udp_send_errors": _counter(
        "udp_send_errors", "dns.server.udp.send_errors", "{error}", "Answers over UDP that could not be sent."
    ),
    "tcp_accept_errors": _counter(
        "tcp_accept_errors", "dns.server.tcp.accept_errors", "{error}", "TCP connections that could not be accepted."
    ),
    "tcp_connections_evicted": _counter(
        "tcp_connections_evicted",
        "dns.server.tcp.connections_evicted",
        "{connection}",
        "TCP connections of resolvers that made room for others, as their network had its share or all were taken.",
        labels=("reason",),
    ),
    "readings": _counter(
        "probe_attempts",
        "probe.attempts",
        "{attempt}",
        "Checks that this probe made, by kind of monitor and outcome.",
        labels=("kind", "outcome"),
    ),
    "local_changes": _counter(
        "local_changes",
        "endpoint.local_changes",
        "{change}",
        "Vantages that began or ceased to see a check otherwise.",
        labels=("to",),
    ),
    "reports_heard": _counter("reports_heard", "report.heard", "{report}", "New reports of other probes."),
    "reports_refused": _counter(
        "reports_refused",
        "report.refused",
        "{report}",
        "Reports that were not taken, by who gave them and why.",
        labels=("peer", "reason"),
    ),
    "quarantines": _counter(
        "quarantines", "probe.quarantines", "{change}", "Probes that went into quarantine, or came out.", labels=("to",)
    ),
    "etcd": _counter(
        "etcd_exchanges",
        "etcd.exchanges",
        "{exchange}",
        "What was written to etcd, or heard from it.",
        labels=("task", "outcome"),
    ),
    "polls": _counter("peer_polls", "peer.polls", "{poll}", "Polls of peers, by outcome.", labels=("outcome",)),
    "zone_changes": _counter(
        "zone_changes",
        "zone.changes",
        "{zone}",
        "Zones that were added, changed or removed since the start.",
        labels=("change",),
    ),
    "zone_loads": _counter(
        "zone_loads", "zone.loads", "{load}", "Readings of the zone folder, by outcome.", labels=("outcome",)
    ),
    "starts_from_kept_zones": _counter(
        "starts_from_kept_zones",
        "zone.starts_from_kept",
        "{start}",
        "Starts with the last good zones, for the zone folder was broken or gone.",
    ),
    "filter_failures": _counter(
        "filter_failures",
        "filter.failures",
        "{failure}",
        "How often a filter of another package failed, by filter.",
        labels=("filter",),
    ),
    "plan_failures": _counter(
        "plan_failures", "plan.failures", "{failure}", "Changes that no plan could be made of.", labels=("cause",)
    ),
    "state_errors": _counter(
        "state_errors",
        "state.errors",
        "{error}",
        "Reads and writes of the state folder that failed, by file.",
        labels=("file",),
    ),
    "events_lost": _counter(
        "events_lost", "event.lost", "{event}", "Events that are not in the event log's files.", labels=("reason",)
    ),
    "telemetry_exports": _counter(
        "telemetry_exports",
        "telemetry.exports",
        "{export}",
        "Sendings of metrics to a collector, by outcome.",
        labels=("outcome",),
    ),
    "admin_connections_refused": _counter(
        "admin_connections_refused",
        "admin.connections_refused",
        "{connection}",
        "Connections to the admin listener beyond its limit.",
    ),
    "admin_connections_dropped": _counter(
        "admin_connections_dropped",
        "admin.connections_dropped",
        "{connection}",
        "Connections to the admin listener that were ended: no end of the handshake, answers unread, room for others.",
        labels=("reason",),
    ),
    "admin_requests_refused": _counter(
        "admin_requests_refused",
        "admin.requests_refused",
        "{request}",
        "Requests that the admin API refused, by path and status.",
        labels=("path", "status"),
    ),
    "health_port_connections_refused": _counter(
        "health_port_connections_refused",
        "health_port.connections_refused",
        "{connection}",
        "Connections to the health port beyond its limit.",
    ),
    "health_port_connections_dropped": _counter(
        "health_port_connections_dropped",
        "health_port.connections_dropped",
        "{connection}",
        "Connections to the health port that were ended: answers unread, room for others.",
        labels=("reason",),
    ),
    "health_port_requests_refused": _counter(
        "health_port_requests_refused",
        "health_port.requests_refused",
        "{request}",
        "Requests that the health port refused, by path and status.",
        labels=("path", "status"),
    ),
    "certificate_renewals": _counter(
        "certificate_renewals",
        "certificate.renewals",
        "{renewal}",
        "Renewed TLS files of this node, by side and whether they were taken or refused.",
        labels=("side", "outcome"),
    ),
    "heartbeats": _counter(
        "heartbeats", "heartbeat.heard", "{heartbeat}", "Heartbeats of endpoints, by what they say.", labels=("ok",)
    ),
    "heartbeats_refused": _counter(
        "heartbeats_refused",
        "heartbeat.refused",
        "{heartbeat}",
        "Heartbeats that were not taken, by reason.",
        labels=("reason",),
    ),
    "safety_blocks": _counter(
        "safety_blocks", "safety.blocks", "{block}", "Changes that a safety rule refused, by rule.", labels=("rule",)
    ),
    "safety_breaches": _counter(
        "safety_breaches",
        "safety.breaches",
        "{breach}",
        "How often people together took more than a rule allows.",
        labels=("rule",),
    ),
    "safety_failures": _counter(
        "safety_failures",
        "safety.failures",
        "{failure}",
        "How often the safety rules themselves failed; the checks were followed without them.",
    ),
    "overrides": _counter(
        "overrides",
        "override.changes",
        "{change}",
        "Overrides that were set or ended, by which, and by action.",
        labels=("kind", "action"),
    ),
    "overrides_refused": _counter(
        "overrides_refused",
        "override.refused",
        "{override}",
        "Overrides carried by other nodes that were not taken, by who carried them and why.",
        labels=("peer", "reason"),
    ),
    "overrides_put_off": _counter(
        "overrides_put_off",
        "override.put_off",
        "{override}",
        "How often a new override had to wait because its giver carried too many, by giver.",
        labels=("peer",),
    ),
    "overrides_ahead": _counter(
        "overrides_ahead",
        "override.ahead",
        "{override}",
        "Overrides that waited because they were made in the future by this node's clock, by who made them.",
        labels=("peer",),
    ),
}
"""The metric of each counter, by the counter's name in gtm/counters.py."""

RENAMED = {"rcode": "rcode", "type": "qtype", "reason": "reason"}
"""The exported names of labels that the Rust engine calls otherwise."""

LATENCY = Metric(
    "gtm_dns_query_duration_seconds",
    "gtm.dns.server.query.duration",
    MetricKind.HISTOGRAM,
    "Time that the engine took for a query; the Rust engine times the queries of one batch in 64.",
    "s",
)
_NANOSECONDS = "dns_engine_nanoseconds_"
_BOUNDS_NS = tuple(2**power - 1 for power in range(7, 34))
"""The bounds of the engine's buckets in nanoseconds, 127 ns to 8.6 s; every scrape has all of them."""

_SERIES = re.compile(r"(?P<name>[A-Za-z_][A-Za-z0-9_]*)(?:\{(?P<labels>.*)\})?", re.DOTALL)
_LABEL = re.compile(r'([A-Za-z_][A-Za-z0-9_]*)="(.*?)"(?:,(?=[A-Za-z_][A-Za-z0-9_]*=")|$)', re.DOTALL)


def counter_families(counters: Mapping[str, int]) -> Iterator[Family]:
    """Yields a family for each counter of a snapshot, and the histogram of the engine's times if the snapshot has it.

    `counters` has the values by series, as gtm/counters.py writes them.
    """
    points: defaultdict[str, list[Point]] = defaultdict(list)
    buckets: dict[str, int] = {}
    for series, count in counters.items():
        name, labels = parse_series(series)
        if name.startswith(_NANOSECONDS):
            buckets[labels.get("le", name.removeprefix(_NANOSECONDS))] = count
        else:
            points[name].append(Point(labels, count))
    for name, values in points.items():
        yield Family(COUNTED.get(name) or _unknown(name), tuple(values))
    if "count" in buckets:
        yield Family(LATENCY, (Point({}, _distribution(buckets)),))


def parse_series(series: str) -> tuple[str, Mapping[str, str]]:
    """Returns the name and the labels of a series as gtm/counters.py writes it, without escapes."""
    parts = _SERIES.fullmatch(series)
    if parts is None:
        return series, {}
    labels = {RENAMED.get(name, name): value for name, value in _LABEL.findall(parts["labels"] or "")}
    return parts["name"], labels


def _unknown(name: str) -> Metric:
    text = name.replace("_", " ")
    return _counter(
        name.removesuffix("_total"), name.replace("_", "."), "{event}", f"How often this was counted: {text}."
    )


def _distribution(buckets: Mapping[str, int]) -> Distribution:
    known = sorted((int(bound), count) for bound, count in buckets.items() if bound.isdecimal())
    at_most = []
    below, place = 0, 0
    for bound in _BOUNDS_NS:
        while place < len(known) and known[place][0] <= bound:
            below = known[place][1]  # each bucket of the engine also counts the smaller values
            place += 1
        at_most.append(below)
    bounds = tuple(bound / 1e9 for bound in _BOUNDS_NS)
    return Distribution(bounds, tuple(at_most), buckets["count"], buckets.get("sum", 0) / 1e9)
