"""A node's present -> families: plan, status, reports, configuration, as they are at the moment of a scrape.

Everything that comes in is a frozen snapshot, so that a scrape may run in a thread while the node goes on. Labels are
names that the operator gave: zones, services, endpoints, checks, probes.
"""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from gtm.health.belief import Belief
from gtm.health.book import Book
from gtm.health.status import CheckStatus, Status
from gtm.ids import NodeName
from gtm.metrics.counted import counter_families
from gtm.metrics.endpoints import endpoint_families
from gtm.metrics.model import Family, Kind, Metric, Point
from gtm.plan.guidance import Guidance
from gtm.plan.model import Plan


@dataclass(frozen=True, slots=True)
class GeoSource:
    """One geo database that serves."""

    file: str
    built_at: int


@dataclass(frozen=True, slots=True)
class Reloads:
    """How the last reading of the zone folder went."""

    successful: bool
    """Every file was read, and serves."""
    at: float | None
    """Unix time of it; None before the first."""
    held: frozenset[str] = frozenset()
    """The zones that serve as they were, as their files would lose too much (gtm/watch/loss.py)."""


@dataclass(frozen=True, slots=True)
class Present:
    """Everything that is measured, at one moment."""

    node: NodeName
    version: str
    engine: str
    started_at: float
    now: float
    """Monotonic seconds."""
    plan: Plan
    status: Status
    book: Book
    guidance: Guidance
    silent: frozenset[NodeName]
    """Probes none of whose votes is fresh."""
    reloads: Reloads
    geo: tuple[GeoSource, ...]
    ready: bool
    measured: tuple[Family, ...]
    """What this node measures by itself (tallies.py)."""
    expiries: Mapping[str, float]
    """When the certificate of each side of this node that shows one expires, Unix time."""
    unsaved: int
    """Files of the state folder whose newest content is not on disk."""
    counters: Mapping[str, int]


def _gauge(prometheus: str, otel: str, text: str, unit: str = "") -> Metric:
    return Metric(f"gtm_{prometheus}", f"gtm.{otel}", Kind.GAUGE, text, unit)


BUILD = Metric("gtm_build", "gtm.build", Kind.INFO, "What runs here.")
READY = _gauge("ready", "ready", "Whether this node should get queries.")
STARTED = _gauge("start_timestamp_seconds", "start.timestamp", "Unix time of the start of this node.", "s")
GENERATION = _gauge("config_generation", "config.generation", "The number of the plan that serves; it only grows.")
RELOADED = _gauge(
    "config_last_reload_successful", "config.last_reload.successful", "Whether every zone file was good when last read."
)
RELOADED_AT = _gauge(
    "config_last_reload_timestamp_seconds",
    "config.last_reload.timestamp",
    "Unix time of the last reading of them.",
    "s",
)
HELD = _gauge(
    "zone_held", "zone.held", "Whether a zone serves as it was, for its file would lose most of it; see `gtm status`."
)
SERIAL = _gauge("zone_serial", "zone.serial", "The SOA serial of a zone.")
FAIL_OPEN = _gauge(
    "fail_open_active", "fail_open.active", "Whether a service has nothing up, for some clients at least."
)
VOTES = _gauge("votes", "votes", "Vantages by what they say of a check: up, down, unknown, or stale.", "{vote}")
FROZEN = _gauge(
    "quorum_frozen_checks",
    "quorum.frozen_checks",
    "Checks whose last belief stands for want of fresh voices.",
    "{check}",
)
OVERRIDE = _gauge("override_active", "override.active", "1 for every override in force, by scope and action.")
OVERRIDE_UNTIL = _gauge(
    "override_expires_timestamp_seconds", "override.expires.timestamp", "Unix time at which an override ends.", "s"
)
REPORT_AGE = _gauge("probe_report_age_seconds", "probe.report.age", "Time since the last report of a probe.", "s")
SILENT = _gauge("probe_silent", "probe.silent", "Whether none of the votes of a probe is fresh.")
GEO_BUILT = _gauge(
    "geoip_build_timestamp_seconds", "geoip.build.timestamp", "Unix time of a geo database's making.", "s"
)

CERTIFICATE_ENDS = _gauge(
    "certificate_expiry_timestamp_seconds",
    "certificate.expiry.timestamp",
    "Unix time at which a certificate that this node shows expires, by side: listen, share.",
    "s",
)
UNSAVED = _gauge(
    "state_unsaved_files",
    "state.unsaved_files",
    "Files of the state folder whose newest content could not be written yet.",
    "{file}",
)

_STALE = "stale"
_SAYINGS = (*(belief.value for belief in Belief), _STALE)


def families(present: Present) -> Iterator[Family]:
    """Yields every family of a node."""
    build = {"node": present.node, "version": present.version, "engine": present.engine}
    yield Family(BUILD, (Point(build, 1),))
    yield _single(READY, int(present.ready))
    yield _single(STARTED, present.started_at)
    yield _single(GENERATION, int(present.plan.generation))
    yield _single(RELOADED, int(present.reloads.successful))
    if present.reloads.at is not None:
        yield _single(RELOADED_AT, present.reloads.at)
    yield Family(SERIAL, tuple(_serials(present.plan)))
    yield Family(HELD, tuple(_held(present.plan, present.reloads)))
    yield Family(FAIL_OPEN, tuple(_fail_open(present.plan)))
    yield from endpoint_families(present.plan, present.status, present.guidance)
    yield Family(VOTES, tuple(_votes(present.status)))
    yield _single(FROZEN, sum(one.frozen for one in present.status.checks.values()))
    yield Family(OVERRIDE, tuple(_overrides(present.guidance)))
    yield Family(OVERRIDE_UNTIL, tuple(_ends(present.guidance)))
    yield Family(REPORT_AGE, tuple(_ages(present)))
    yield Family(SILENT, tuple(_probe(node, int(node in present.silent)) for node in sorted(present.book.by_node)))
    yield Family(GEO_BUILT, tuple(Point({"file": source.file}, source.built_at) for source in present.geo))
    yield Family(CERTIFICATE_ENDS, tuple(Point({"side": side}, at) for side, at in sorted(present.expiries.items())))
    yield _single(UNSAVED, present.unsaved)
    yield from present.measured
    yield from counter_families(present.counters)


def _single(metric: Metric, value: float) -> Family:
    return Family(metric, (Point({}, value),))


def _probe(node: NodeName, value: float) -> Point:
    return Point({"probe": node}, value)


def _serials(plan: Plan) -> Iterator[Point]:
    for zone in plan.zones.values():
        yield Point({"zone": zone.zone.origin.to_text(omit_final_dot=True)}, zone.serial)


def _held(plan: Plan, reloads: Reloads) -> Iterator[Point]:
    for zone in plan.zones.values():
        name = zone.zone.origin.to_text(omit_final_dot=True)
        yield Point({"zone": name}, int(name in reloads.held))


def _fail_open(plan: Plan) -> Iterator[Point]:
    for name, decided in plan.decisions.items():
        yield Point({"service": name}, int(decided.is_all_down))


def _votes(status: Status) -> Iterator[Point]:
    for check, one in status.checks.items():
        counts = _sayings(one)
        for saying in _SAYINGS:
            yield Point({"check": check, "vote": saying}, counts[saying])


def _sayings(one: CheckStatus) -> Counter[str]:
    return Counter(voice.belief.value if voice.fresh else _STALE for voice in one.votes)


def _overrides(guidance: Guidance) -> Iterator[Point]:
    for scope, override in guidance.said.by_scope.items():
        yield Point({"scope": str(scope), "action": override.action.value}, 1)


def _ends(guidance: Guidance) -> Iterator[Point]:
    for scope, override in guidance.said.by_scope.items():
        yield Point({"scope": str(scope)}, override.until)


def _ages(present: Present) -> Iterator[Point]:
    for node, heard in sorted(present.book.by_node.items()):
        yield _probe(node, max(0.0, present.now - heard.heard_at))
