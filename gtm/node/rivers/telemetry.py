"""The metrics of this node: answers GET /metrics, and sends OTLP to a collector.

    scrape (admin listener) -> thread: present -> families -> text
    telemetry thread, each interval:   present -> families -> collector

Both read immutable snapshots, so that neither delays the event loop for longer than it takes to switch threads.
"""

import logging
import math
import os
from collections.abc import Callable, Iterator, Mapping
from collections.abc import Set as AbstractSet
from typing import TYPE_CHECKING

from aiohttp import web

from gtm import __version__
from gtm.clock import Clock
from gtm.counters import Counters
from gtm.ids import NodeName
from gtm.metrics.measurements import Tallies
from gtm.metrics.model import Family
from gtm.metrics.snapshot import ExpectedProbe, GeoSource, Reloads, Snapshot, families
from gtm.metrics.zero_counters import births
from gtm.node.config.current import CurrentConfig
from gtm.node.config.model import NodeConfig, Role
from gtm.node.events.zone_changes import last_push
from gtm.node.planner import Planner
from gtm.node.rivers.zones import ZoneRiver
from gtm.plan.model import Plan
from gtm.plan.safety.minimums import Refusal
from gtm.share.report_store import ReportStore
from gtm.threads import Pool

if TYPE_CHECKING:
    from gtm.metrics.otlp import Telemetry

DEFAULT_INTERVAL_S = 60.0
"""The seconds between exports by OpenTelemetry's default; OTEL_METRIC_EXPORT_INTERVAL (milliseconds) replaces it."""

log = logging.getLogger(__name__)


class Measures:
    """Collects the metric families of a node. Its only state is when the node started."""

    def __init__(
        self,
        current: CurrentConfig,
        planner: Planner,
        zones: ZoneRiver,
        report_store: ReportStore,
        *,
        engine: str,
        clock: Clock,
        counters: Counters,
        is_ready: Callable[[], bool],
        tallies: Tallies,
        fresh: Callable[[], AbstractSet[NodeName]] = frozenset,
        voting: Callable[[], AbstractSet[NodeName]] = frozenset,
        filters: AbstractSet[str] = frozenset(),
        expiries: Callable[[], Mapping[str, float]] = dict,
        unsaved: Callable[[], int] = int,
        refused: Callable[[], tuple[Refusal, ...]] = tuple,
    ) -> None:
        self._current = current
        self._planner = planner
        self._zones = zones
        self._report_store = report_store
        self._engine = engine
        self._clock = clock
        self._counters = counters
        self._is_ready = is_ready
        self._fresh = fresh
        self._voting = voting
        self._tallies = tallies
        self._filters = filters
        self._expiries = expiries
        self._unsaved = unsaved
        self._refused = refused
        self._threads = Pool("metrics", threads=1)
        self.started_at = clock.wall()
        self._started = clock.monotonic()

    def families(self) -> Iterator[Family]:
        """Yields all metric families with their present values. Any thread may call it."""
        return families(self._snapshot())

    def include(self, source: Callable[[], Mapping[str, int]]) -> None:
        """Adds a source of counters, which returns values by series name, to the metrics of this node."""
        self._counters.include(source)

    async def scrape(self, request: web.Request) -> web.Response:
        """Returns the answer to GET /metrics."""
        from gtm.metrics.exposition import expose  # noqa: PLC0415  # the module says why

        accept = request.headers.get("Accept", "")
        shown = await self._threads.run(lambda: expose(self.families(), accept))
        answer = web.Response(body=shown.body, headers={"Content-Type": shown.content_type})
        answer.enable_compression()
        return answer

    def _snapshot(self) -> Snapshot:
        present, config = self._planner.present, self._current.config
        return Snapshot(
            node=config.node,
            version=__version__,
            engine=self._engine,
            roles=tuple(sorted(role.value for role in config.roles)),
            started_at=self.started_at,
            plan=present.plan,
            status=present.status,
            overlay=present.overlay,
            probes=self._probes(),
            reloads=Reloads(
                not present.catalogue.problems and not present.failure,
                self._zones.loaded_at,
                present.catalogue.losing,
            ),
            push=last_push(self._planner.applied),
            refusals=self._refused(),
            geo=tuple(
                GeoSource(source.path.name, source.built_at)
                for source in present.geo.sources
                if source.built_at is not None
            ),
            ready=self._is_ready(),
            measured=self._tallies.families(),
            expiries=self._expiries(),
            unsaved=self._unsaved(),
            counters={**self._unmoved(present.plan), **self._counters.snapshot()},
            wrong_keys=self._wrong_keys(),
            skew=self._report_store.clocks.skew,
        )

    def _probes(self) -> tuple[ExpectedProbe, ...]:
        """Returns the nodes whose votes are expected here: the peers that are probes, and this node if it is one."""
        config, now = self._current.config, self._clock.monotonic()
        names = {peer.node for peer in config.peers if peer.listed.probes}
        if Role.PROBE in config.roles:
            names.add(config.node)
        fresh, voting = self._fresh(), self._voting()
        return tuple(
            ExpectedProbe(
                node,
                is_peer=node != config.node,
                age_s=max(0.0, now - self._report_store.heard_at.get(node, self._started)),
                is_fresh=node in fresh,
                is_voting=node in voting,
            )
            for node in sorted(names)
        )

    def _wrong_keys(self) -> Mapping[NodeName, bool]:
        wrong = {wrong_key.node for wrong_key in self._report_store.refusals.wrong_keys}
        return {peer.node: peer.node in wrong for peer in self._current.config.peers}

    def _unmoved(self, plan: Plan) -> Mapping[str, int]:
        """Returns every counter that may be counted here, with the value 0."""
        return births(
            plan,
            engine=self._engine,
            peers=[peer.node for peer in self._current.config.peers],
            filters=self._filters,
            by_etcd=self._current.config.share.etcd is not None,
        )


def start_telemetry(
    config: NodeConfig, measures: Measures, environment: Mapping[str, str], wall: Callable[[], float]
) -> "Telemetry | None":
    """Starts and returns the sender of metrics to a collector.

    Returns None if no collector is named, if sending is disabled, or if the extra `otlp` is not installed.
    """
    if not is_wanted(config.otlp, environment):
        return None
    try:
        from gtm.metrics import otlp  # noqa: PLC0415  # an optional extra
        from gtm.metrics.otlp_replies import Replies  # noqa: PLC0415  # likewise
    except ImportError as error:
        log.error("telemetry: nothing is sent: %s; `pip install 'gtm[otlp]'` brings it", error)  # noqa: TRY400
        return None
    replies = Replies(wall)
    telemetry = otlp.Telemetry(
        measures.families,
        otlp.make_exporter(config.otlp, replies),
        otlp.make_resource(config.node, __version__),
        interval_s=interval_s(environment),
        started_at=measures.started_at,
        wall=wall,
        replies=replies,
    )
    measures.include(telemetry.counted)
    telemetry.start()
    log.info("telemetry: metrics go to %s", config.otlp or "the collector that the environment names")
    return telemetry


def is_wanted(endpoint: str, environment: Mapping[str, str]) -> bool:
    """Returns whether to send metrics: a collector is named, and the environment does not disable it.

    `endpoint` is the collector of the node file, or empty; the environment may name one instead.
    """
    if environment.get("OTEL_SDK_DISABLED", "").lower() == "true" or environment.get("OTEL_METRICS_EXPORTER") == "none":
        return False
    names = ("OTEL_EXPORTER_OTLP_METRICS_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT")
    return bool(endpoint) or any(environment.get(name) for name in names)


def interval_s(environment: Mapping[str, str]) -> float:
    """Returns the seconds between exports, from OTEL_METRIC_EXPORT_INTERVAL; the default if that is not valid."""
    try:
        milliseconds = float(environment.get("OTEL_METRIC_EXPORT_INTERVAL", ""))
    except ValueError:
        return DEFAULT_INTERVAL_S
    return milliseconds / 1000 if math.isfinite(milliseconds) and milliseconds >= 1 else DEFAULT_INTERVAL_S


def environment() -> Mapping[str, str]:
    """Returns the environment variables of this process."""
    return os.environ
