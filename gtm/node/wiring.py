"""Builds a node: each part is made here, once, and gets all other parts that it needs when it is made.

    join_core  the parts that turn reports into answers: overrides, planner, overlay, health   every node, tests, scenes
    build      a whole node from its node file                                                 node.py, which runs it

Nothing runs here; a part that needs another part is made after it.
"""

import asyncio
import logging
from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from gtm.admin.routes import Route
from gtm.admin.write_access import Doorkeeper
from gtm.clock import Clock
from gtm.counters import Counters
from gtm.engine.protocol import Engine
from gtm.health.consensus.quorum import Quorum
from gtm.health.consensus.status import Status
from gtm.health.report.signature import Keys, PrivateKey
from gtm.ids import NodeName
from gtm.metrics.measurements import Tallies
from gtm.node.admin_routes import admin_routes
from gtm.node.api import NodeApi
from gtm.node.config.changes import NodeFileReread
from gtm.node.config.current import CurrentConfig
from gtm.node.config.model import NodeConfig, Role
from gtm.node.events.files import EventFiles
from gtm.node.events.log import EventLog
from gtm.node.events.recorder import EventRecorder
from gtm.node.node_file_reload import NodeFile
from gtm.node.notices.outages import Outages
from gtm.node.notices.safety import SafetyNotices
from gtm.node.notices.swaps import SwapNotices
from gtm.node.overrides.overlay import OverlayBuilder
from gtm.node.overrides.requests import OverrideRequests
from gtm.node.overrides.store import OverrideStore
from gtm.node.planner import Planner
from gtm.node.plugins.filters import vocabulary
from gtm.node.readiness import Readiness
from gtm.node.renaming import Renaming
from gtm.node.rivers.certificates import Certificates
from gtm.node.rivers.health import HealthRiver
from gtm.node.rivers.sharing import Sharing
from gtm.node.rivers.telemetry import Measures
from gtm.node.rivers.zones import ZoneRiver
from gtm.node.state.folder import StateFolder
from gtm.node.state.lock import StateLock
from gtm.node.stopping import Stop
from gtm.node.taking import ConfigTaking, Takers
from gtm.node.trust import key_problem, keys_of, make_report_store
from gtm.plan.overlay import Overlay
from gtm.probe.permits import Permits
from gtm.probe.push_handler import PushHandler
from gtm.share.handler import handle_reports
from gtm.share.keys import generate_key, load_key
from gtm.share.report_store import ReportStore
from gtm.steer.vocabulary import STEERING, SteeringVocabulary
from gtm.tls.peers import server_tls
from gtm.tls.renewal import LiveTls

if TYPE_CHECKING:
    from gtm.node.rivers.places import ClientPlaces

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class CoreInputs:
    """The settings and parts that `join_core` needs."""

    node: NodeName
    key: PrivateKey
    peers: Mapping[NodeName, Keys]
    accepted: AbstractSet[NodeName] | None
    """The peers whose overrides count; None for all peers."""
    quorum: Quorum
    permits: Permits
    answers: bool
    """Whether this node answers queries (role `dns`)."""
    vocabulary: SteeringVocabulary
    engine: Engine
    clock: Clock
    counters: Counters
    recorder: EventRecorder
    state: StateFolder
    status: Status
    """The status at the start: the beliefs of the run before."""
    report_store: ReportStore


@dataclass(frozen=True, slots=True)
class NodeCore:
    """The parts of a node that turn reports and overrides into plans."""

    planner: Planner
    overrides: OverrideStore
    overlays: OverlayBuilder
    health: HealthRiver
    requests: OverrideRequests
    notices: SafetyNotices
    tallies: Tallies


def join_core(inputs: CoreInputs) -> NodeCore:
    """Returns the core of a node: the joined parts from its report store to its engine."""
    clock, counters, recorder = inputs.clock, inputs.counters, inputs.recorder
    tallies, outages = Tallies(), Outages(answers=inputs.answers)
    overrides = OverrideStore(
        inputs.node,
        inputs.key,
        inputs.peers,
        accepted=inputs.accepted,
        report_store=inputs.report_store,
        state=inputs.state,
        clock=clock,
        counters=counters,
        recorder=recorder,
    )
    planner = Planner(
        inputs.engine,
        vocabulary=inputs.vocabulary,
        state=inputs.state,
        status=inputs.status,
        overlay=Overlay(overrides.in_force()),
        wall=clock.wall,
        counters=counters,
        recorder=recorder,
        swaps=SwapNotices(recorder=recorder, counters=counters, tallies=tallies, outages=outages, clock=clock),
        renaming=Renaming(overrides),
    )
    notices = SafetyNotices(counters=counters, recorder=recorder)
    overlays = OverlayBuilder(overrides, notices, clock=clock, counters=counters, holds=inputs.answers)
    health = HealthRiver(
        planner,
        inputs.report_store,
        overlays,
        quorum=inputs.quorum,
        permits=inputs.permits,
        state=inputs.state,
        clock=clock,
        counters=counters,
        recorder=recorder,
        tallies=tallies,
        outages=outages,
    )
    if overrides.known:
        health.publish_soon()
    requests = OverrideRequests(planner, overrides, notices, applied=health.merge, publish=health.publish_soon)
    return NodeCore(planner, overrides, overlays, health, requests, notices, tallies)


@dataclass(frozen=True, slots=True)
class NodeParts:
    """All parts of a node that does not run yet."""

    current: CurrentConfig
    clock: Clock
    engine: Engine
    counters: Counters
    events: EventLog
    state: StateFolder
    report_store: ReportStore
    core: NodeCore
    sharing: Sharing
    zones: ZoneRiver
    places: "ClientPlaces | None"
    """None on a node without the role `dns`: it need not know where clients are."""
    certificates: Certificates
    admin_tls: LiveTls | None
    door: Doorkeeper
    pushes: PushHandler
    routes: tuple[Route, ...]
    readiness: Readiness
    measures: Measures
    taking: ConfigTaking
    api: NodeApi
    warm: asyncio.Event
    """Set once the health of all endpoints is known, or the time for that is over: queries may be answered."""
    stop: Stop


def build(
    config: NodeConfig,
    clock: Clock,
    engine: Engine,
    *,
    counters: Counters,
    lock: StateLock,
    rereading: NodeFileReread | None,
) -> NodeParts:
    """Returns the parts of a node, joined.

    `rereading` says how to read the node file again; None when there is no node file. Raises StateInvalid when the key
    file or a TLS file is unusable.
    """
    answers, current = Role.DNS in config.roles, CurrentConfig(config)
    events = EventLog(EventFiles(config.state), config.node, clock=clock, counters=counters)
    recorder = EventRecorder(events, config.node, answers=answers)
    state = StateFolder(config.state, counters, zones=config.zones, on_complaint=recorder.damaged, lock=lock)
    filters = vocabulary(counters)
    key = load_key(config.key) if config.key else generate_key()
    report_store = make_report_store(config, key, state, clock=clock, counters=counters, on_refused=recorder.refused)
    if problem := key_problem(config, key.public):
        log.error("%s", problem)
    core = join_core(
        CoreInputs(
            config.node,
            key,
            keys_of(config),
            config.overrides_from,
            config.quorum,
            config.permitted,
            answers,
            filters,
            engine,
            clock,
            counters,
            recorder,
            state,
            state.load_status(),
            report_store,
        )
    )
    planner, health = core.planner, core.health
    sharing = Sharing(config, report_store, clock=clock, counters=counters)
    listen_tls = config.admin_tls if Role.ADMIN in config.roles else None
    admin_tls = None if listen_tls is None else LiveTls("listen", listen_tls, server_tls)
    sides = [live for live in (sharing.tls, admin_tls) if live is not None and live.has_files]
    certificates = Certificates(sides, clock=clock, counters=counters, events=events)
    zones = ZoneRiver(
        config.zones,
        filters,
        planner,
        watch=health.watch,
        counters=counters,
        recorder=recorder,
        state=state,
        wall=clock.wall,
        settle_s=config.settle_s,
        most_lost=config.most_lost,
    )
    warm, stop = asyncio.Event(), Stop()
    readiness = Readiness(
        planner,
        is_warm=warm.is_set,
        is_stopping=lambda: stop.is_told,
        is_blind=lambda: answers and current.config.is_unready_when_blind and health.blindness.is_cut_off,
    )
    places = None
    if answers:
        places = _client_places(config, core, state=state, report_store=report_store, recorder=recorder, clock=clock)
    measures = Measures(
        current,
        planner,
        zones,
        report_store,
        engine=engine.name,
        clock=clock,
        counters=counters,
        is_ready=lambda: readiness.is_ready,
        fresh=lambda: health.fresh,
        voting=lambda: health.voting,
        tallies=core.tallies,
        expiries=lambda: certificates.expiries,
        filters=filters.filters - STEERING.filters,
        unsaved=lambda: len(state.unsaved),
        refused=lambda: core.overlays.refusals,
    )
    door = Doorkeeper(config.credentials, clock=clock)
    pushes = PushHandler(health.heartbeats, config.permitted, clock=clock, counters=counters)
    taking = ConfigTaking(
        current, Takers(report_store, state, sharing, core.overrides, pushes, places, zones, door, health)
    )
    api = NodeApi(
        current,
        planner,
        zones,
        report_store,
        engine=engine,
        clock=clock,
        counters=counters,
        unready=readiness.why_not,
        peers=lambda: sharing.peers,
        troubles=lambda: sharing.troubles,
        standings=lambda: health.standings,
        following=health.following,
        events=events,
        state=state,
        refused=lambda: core.overlays.refusals,
        breached=lambda: (*_blind(health, answers=answers), *core.overlays.problems),
        withheld=health.withheld.summary,
        file=NodeFile(config, rereading, key=key.public, take=taking.take, recorder=recorder, clock=clock),
    )
    routes = admin_routes(
        subject=api,
        overriding=core.requests,
        door=door,
        zones=lambda: planner.present.catalogue.zones,
        pushes=pushes,
        takes_pushes=Role.PROBE in config.roles,
        reports=partial(handle_reports, report_store=report_store),
        metrics=measures.scrape,
    )
    return NodeParts(
        current,
        clock,
        engine,
        counters,
        events,
        state,
        report_store,
        core,
        sharing,
        zones,
        places,
        certificates,
        admin_tls,
        door,
        pushes,
        routes,
        readiness,
        measures,
        taking,
        api,
        warm,
        stop,
    )


def _blind(health: HealthRiver, *, answers: bool) -> tuple[str, ...]:
    """Returns the problem that this node answers queries and hears no vote that counts, if so; else nothing."""
    problem = health.blindness.problem if answers else ""
    return (problem,) if problem else ()


def _client_places(
    config: NodeConfig,
    core: NodeCore,
    *,
    state: StateFolder,
    report_store: ReportStore,
    recorder: EventRecorder,
    clock: Clock,
) -> "ClientPlaces":
    """Returns the part that locates clients: geo data and vantages. Imports it only now."""
    from gtm.node.rivers.places import ClientPlaces  # noqa: PLC0415  # see there

    return ClientPlaces(
        config,
        core.planner,
        report_store=report_store,
        state=state,
        voting=lambda: core.health.voting,
        clock=clock,
        recorder=recorder,
    )
