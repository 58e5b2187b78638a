"""The state of a node at the moment of a scrape -> families: plan, status, reports, configuration.

Everything that comes in is a frozen snapshot, so that a scrape may run in a thread while the node goes on. Labels are
names that the operator gave: zones, services, endpoints, checks, probes.
"""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from gtm.health.belief import Belief
from gtm.health.consensus.status import CheckStatus, Status
from gtm.health.report.clocks import NO_SKEW, Skew
from gtm.ids import NodeName
from gtm.metrics.counted import counter_families
from gtm.metrics.endpoints import endpoint_families
from gtm.metrics.model import Family, Metric, MetricKind, Point
from gtm.metrics.safety import safety_families
from gtm.plan.model import Plan
from gtm.plan.overlay import Overlay
from gtm.plan.safety.minimums import Refusal


@dataclass(frozen=True, slots=True)
class GeoSource:
    """One geo database that serves."""

    file: str
    built_at: int


@dataclass(frozen=True, slots=True)
class Reloads:
    """The result of the last reading of the zone folder."""

    successful: bool
    """Whether every file was read without problems, and serves."""
    at: float | None
    """Unix time in seconds of the last reading; None before the first."""
    held: frozenset[str] = frozenset()
    """The zones that keep their last version, as their files would lose too much (gtm/watch/zone_loss.py)."""


@dataclass(frozen=True, slots=True)
class Push:
    """The last change of the serving zones since the node started; the defaults mean none."""

    at: float = 0.0
    """Unix time in seconds of the change; 0 before the first."""
    zones: str = ""
    """Which zones changed then or just before, and how, in words."""


@dataclass(frozen=True, slots=True)
class ExpectedProbe:
    """A node that should vote here: a peer that is listed as a probe, or this node itself."""

    node: NodeName
    is_peer: bool
    age_s: float
    """Seconds since its last report, or since the start of this node if there was no report."""
    is_fresh: bool
    """Whether any of its votes on watched checks is fresh."""
    is_voting: bool
    """Whether its votes are fresh and count: it is not in quarantine."""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Everything that is exported, at one moment."""

    node: NodeName
    version: str
    engine: str
    roles: tuple[str, ...]
    """The roles of the node, sorted."""
    started_at: float
    plan: Plan
    status: Status
    overlay: Overlay
    probes: tuple[ExpectedProbe, ...]
    """Every node that should vote here, whether it has sent a report or not."""
    reloads: Reloads
    push: Push
    refusals: tuple[Refusal, ...]
    """The present refusals of safety rules."""
    geo: tuple[GeoSource, ...]
    ready: bool
    measured: tuple[Family, ...]
    """The families that this node measures while it runs (measurements.py)."""
    expiries: Mapping[str, float]
    """Unix time in seconds when the node's own certificates expire, by the side of the node that shows them."""
    unsaved: int
    """The number of state folder files whose newest content is not on disk."""
    counters: Mapping[str, int]
    wrong_keys: Mapping[NodeName, bool] = field(default_factory=dict)
    """Whether each peer signs with another key than the listed one, by peer."""
    skew: Skew = NO_SKEW


def _gauge(prometheus: str, otel: str, text: str, unit: str = "", labels: tuple[str, ...] = ()) -> Metric:
    return Metric(f"gtm_{prometheus}", f"gtm.{otel}", MetricKind.GAUGE, text, unit, labels)


BUILD = Metric(
    "gtm_build", "gtm.build", MetricKind.INFO, "What runs here.", labels=("node", "version", "engine", "roles")
)
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
APPLIED_AT = _gauge(
    "config_applied_timestamp_seconds",
    "config.applied.timestamp",
    "Unix time at which the zone files last changed what serves while this node ran, with the zones; else 0.",
    "s",
    labels=("zones",),
)
HELD = _gauge(
    "zone_held",
    "zone.held",
    "Whether a zone serves as it was, for its file would lose most of it; see `gtm status`.",
    labels=("zone",),
)
SERIAL = _gauge("zone_serial", "zone.serial", "The SOA serial of a zone.", labels=("zone",))
FAIL_OPEN = _gauge(
    "fail_open_active",
    "fail_open.active",
    "Whether a service has nothing up, for some clients at least.",
    labels=("service",),
)
VOTES = _gauge(
    "votes",
    "votes",
    "Vantages by what they say of a check: up, down, unknown, or stale.",
    "{vote}",
    labels=("check", "vote"),
)
FROZEN = _gauge(
    "quorum_frozen_checks",
    "quorum.frozen_checks",
    "Checks whose last belief stands for want of fresh voices.",
    "{check}",
)
OVERRIDE = _gauge(
    "override_active",
    "override.active",
    "1 for every override in force, by scope and action.",
    labels=("scope", "action"),
)
OVERRIDE_UNTIL = _gauge(
    "override_expires_timestamp_seconds",
    "override.expires.timestamp",
    "Unix time at which an override ends.",
    "s",
    labels=("scope",),
)
REPORT_AGE = _gauge(
    "probe_report_age_seconds",
    "probe.report.age",
    "Time since the last report of a probe; of one that was never heard, since the start of this node.",
    "s",
    labels=("probe",),
)
SILENT = _gauge(
    "probe_silent",
    "probe.silent",
    "Whether no vote of a probe is fresh; also of one that was never heard.",
    labels=("probe",),
)
PEERS_EXPECTED = _gauge(
    "peers_expected", "peer.expected", "Peers that should vote here: those that check something.", "{peer}"
)
PEERS_VOTING = _gauge(
    "peers_voting", "peer.voting", "Peers of which some vote counts; this node itself is none of them.", "{peer}"
)
KEY_WRONG = _gauge(
    "peer_key_wrong",
    "peer.key.wrong",
    "Whether a peer signs with another key than share.peers lists for it, so that nothing that it says is believed.",
    labels=("peer",),
)
PEER_CLOCK = _gauge(
    "peer_clock_offset_seconds",
    "peer.clock.offset",
    "How far the clock of a peer is ahead of this node's, as its reports tell.",
    "s",
    labels=("peer",),
)
OWN_CLOCK = _gauge(
    "node_clock_offset_seconds",
    "node.clock.offset",
    "How far the clock of this node is ahead of most others, where it is the odd one out; else 0.",
    "s",
)
GEO_BUILT = _gauge(
    "geoip_build_timestamp_seconds",
    "geoip.build.timestamp",
    "Unix time of a geo database's making.",
    "s",
    labels=("file",),
)

CERTIFICATE_ENDS = _gauge(
    "certificate_expiry_timestamp_seconds",
    "certificate.expiry.timestamp",
    "Unix time at which a certificate that this node shows expires, by side: listen, share.",
    "s",
    labels=("side",),
)
UNSAVED = _gauge(
    "state_unsaved_files",
    "state.unsaved_files",
    "Files of the state folder whose newest content could not be written yet.",
    "{file}",
)

_STALE = "stale"
_SAYINGS = (*(belief.value for belief in Belief), _STALE)


def families(snapshot: Snapshot) -> Iterator[Family]:
    """Yields all metric families of a node."""
    build = {
        "node": snapshot.node,
        "version": snapshot.version,
        "engine": snapshot.engine,
        "roles": ",".join(snapshot.roles),
    }
    yield Family(BUILD, (Point(build, 1),))
    yield _single(READY, int(snapshot.ready))
    yield _single(STARTED, snapshot.started_at)
    yield _single(GENERATION, int(snapshot.plan.generation))
    yield _single(RELOADED, int(snapshot.reloads.successful))
    if snapshot.reloads.at is not None:
        yield _single(RELOADED_AT, snapshot.reloads.at)
    yield Family(APPLIED_AT, (Point({"zones": snapshot.push.zones}, int(snapshot.push.at)),))
    yield Family(SERIAL, tuple(_serials(snapshot.plan)))
    yield Family(HELD, tuple(_held(snapshot.plan, snapshot.reloads)))
    yield Family(FAIL_OPEN, tuple(_fail_open(snapshot.plan)) if "dns" in snapshot.roles else ())
    yield from endpoint_families(snapshot.plan, snapshot.status, snapshot.overlay, answers="dns" in snapshot.roles)
    yield from safety_families(snapshot.plan, snapshot.overlay.held, snapshot.refusals)
    yield Family(VOTES, tuple(_votes(snapshot.status)))
    yield _single(FROZEN, sum(check.frozen for check in snapshot.status.checks.values()))
    yield Family(OVERRIDE, tuple(_overrides(snapshot.overlay)))
    yield Family(OVERRIDE_UNTIL, tuple(_ends(snapshot.overlay)))
    yield from _probes(snapshot)
    yield Family(KEY_WRONG, tuple(_peer(node, int(wrong)) for node, wrong in sorted(snapshot.wrong_keys.items())))
    yield Family(PEER_CLOCK, tuple(_peer(node, ahead_s) for node, ahead_s in sorted(snapshot.skew.ahead.items())))
    yield _single(OWN_CLOCK, snapshot.skew.own_s)
    yield Family(GEO_BUILT, tuple(Point({"file": source.file}, source.built_at) for source in snapshot.geo))
    yield Family(CERTIFICATE_ENDS, tuple(Point({"side": side}, at) for side, at in sorted(snapshot.expiries.items())))
    yield _single(UNSAVED, snapshot.unsaved)
    yield from snapshot.measured
    yield from counter_families(snapshot.counters)


def _single(metric: Metric, value: float) -> Family:
    return Family(metric, (Point({}, value),))


def _probe(node: NodeName, value: float) -> Point:
    return Point({"probe": node}, value)


def _peer(node: NodeName, value: float) -> Point:
    return Point({"peer": node}, value)


def _probes(snapshot: Snapshot) -> Iterator[Family]:
    """Yields the families about probes that should vote; without checks, no probe is expected to vote."""
    probes, is_checking = snapshot.probes, bool(snapshot.status.checks)
    yield Family(REPORT_AGE, tuple(_probe(probe.node, probe.age_s) for probe in probes))
    yield Family(SILENT, tuple(_probe(probe.node, int(is_checking and not probe.is_fresh)) for probe in probes))
    peers = [probe for probe in probes if probe.is_peer]
    yield _single(PEERS_EXPECTED, len(peers) if is_checking else 0)
    yield _single(PEERS_VOTING, sum(peer.is_voting for peer in peers))


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
    for check, check_status in status.checks.items():
        counts = _sayings(check_status)
        for saying in _SAYINGS:
            yield Point({"check": check, "vote": saying}, counts[saying])


def _sayings(status: CheckStatus) -> Counter[str]:
    return Counter(voice.belief.value if voice.fresh else _STALE for voice in status.votes)


def _overrides(overlay: Overlay) -> Iterator[Point]:
    for scope, override in overlay.said.by_scope.items():
        yield Point({"scope": str(scope), "action": override.action.value}, 1)


def _ends(overlay: Overlay) -> Iterator[Point]:
    for scope, override in overlay.said.by_scope.items():
        yield Point({"scope": str(scope)}, override.until)
