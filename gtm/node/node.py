"""A node: one process that runs the rivers its roles ask for, until it is told to stop.

    start    sockets -> state -> geo data -> zones -> plan -> admin API -> rivers -> first health -> queries
    SIGHUP   read the node file and the zone folder now, and let go of files that others may have moved: the event log,
             the lock
    SIGTERM, SIGINT   stop: beliefs are saved, sockets closed

Without the role dns it loads no geo data, and its plan has one cell for all clients: what people and safety rules say
needs the services, and nothing needs the answers.

Queries are answered once the health of every endpoint is known, or after WARM_UP_S at the latest: the first answers of
a restarted node are as good as its later ones.

Long because it joins everything: each part is made here, once.
"""

import asyncio
import logging
import signal
import socket
from collections.abc import Coroutine
from functools import partial
from typing import TYPE_CHECKING

from aiohttp import web

from gtm import __version__
from gtm.admin.app import NO_HTTP, make_app, open_admin
from gtm.admin.connection_limit import MAX_CONNECTIONS, limits_for
from gtm.admin.health import MAX_CONNECTIONS as MAX_HEALTH_CONNECTIONS
from gtm.admin.health import health_limits, open_health
from gtm.admin.routes import AdminListener
from gtm.admin.unix_socket import LocalAdmin
from gtm.admin.write_access import Doorkeeper
from gtm.clock import Clock
from gtm.counters import Counters
from gtm.engine.protocol import Engine
from gtm.errors import ZoneInvalid
from gtm.event import Event, EventKind
from gtm.metrics.measurements import Tallies
from gtm.node.admin_routes import admin_routes
from gtm.node.api import NodeApi
from gtm.node.config.changes import NodeFileReread
from gtm.node.config.model import NodeConfig, Role
from gtm.node.events.files import EventFiles
from gtm.node.events.log import EventLog
from gtm.node.events.recorder import EventRecorder
from gtm.node.listener import own_names, warning_of_plain_http
from gtm.node.node_file_reload import NodeFile
from gtm.node.overrides.overlay import OverlayBuilder
from gtm.node.overrides.requests import OverrideRequests
from gtm.node.overrides.store import OverrideDesk
from gtm.node.planner import Planner
from gtm.node.plugins.filters import vocabulary
from gtm.node.readiness import Readiness
from gtm.node.rivers.certificates import Certificates
from gtm.node.rivers.health import HealthRiver
from gtm.node.rivers.sharing import Sharing
from gtm.node.rivers.telemetry import Measures, environment, start_telemetry
from gtm.node.rivers.zones import ZoneRiver
from gtm.node.state.folder import StateFolder
from gtm.node.state.lock import StateLock
from gtm.node.stopping import Stop, close_all
from gtm.node.supervisor import Supervisor
from gtm.node.trust import key_problem, keys_of, make_claims, make_report_store
from gtm.plan.overlay import Overlay
from gtm.probe.push_handler import PushDesk
from gtm.serve.descriptors import admin_connections, health_connections, raise_limit
from gtm.serve.listen import ListenAddress
from gtm.share.handler import handle_reports
from gtm.share.keys import generate_key, load_key
from gtm.steer.vocabulary import STEERING
from gtm.threads import Pool
from gtm.tls.peers import server_tls
from gtm.tls.renewal import LiveTls

if TYPE_CHECKING:
    from gtm.node.rivers.places import ClientPlaces
    from gtm.node.rivers.queries import Queries

WARM_UP_S = 3.0
"""Longer than a round of checks at the usual timeout of 2 s; a node that hears of nobody's health serves after that."""

log = logging.getLogger(__name__)


class Node:
    """Everything of one process, joined."""

    def __init__(
        self,
        config: NodeConfig,
        clock: Clock,
        engine: Engine,
        *,
        counters: Counters,
        lock: StateLock,
        rereading: NodeFileReread | None = None,
    ) -> None:
        self._config = config
        self._taken: NodeConfig | None = config
        """What all parts go by; None where a new node file was taken in part."""
        self._clock = clock
        self._engine = engine
        self._counters = counters
        self._events = EventLog(EventFiles(config.state), config.node, clock=clock, counters=self._counters)
        recorder = EventRecorder(self._events, config.node, answers=Role.DNS in config.roles)
        self._state = StateFolder(
            config.state, self._counters, zones=config.zones, on_complaint=recorder.damaged, lock=lock
        )
        steering_vocabulary = vocabulary(self._counters)
        self._planner = Planner(
            engine,
            vocabulary=steering_vocabulary,
            state=self._state,
            status=self._state.load_status(),
            wall=clock.wall,
            counters=self._counters,
            recorder=recorder,
        )
        self._key = load_key(config.key) if config.key else generate_key()
        self._report_store = make_report_store(config, self._key, self._state, clock=clock, counters=counters)
        if problem := key_problem(config, self._key.public):
            log.error("%s", problem)
        self._report_store.refusals.on_refused = recorder.refused
        self._sharing = Sharing(config, self._report_store, clock=clock, counters=self._counters)
        admin_tls = config.admin_tls if Role.ADMIN in config.roles else None
        self._admin_tls = None if admin_tls is None else LiveTls("listen", admin_tls, server_tls)
        sides = [live for live in (self._sharing.tls, self._admin_tls) if live is not None and live.has_files]
        self._certificates = Certificates(sides, clock=clock, counters=counters, events=self._events)
        self._overrides = OverrideDesk(
            config.node,
            self._key,
            {peer.node: peer.key for peer in config.peers},
            accepted=config.overrides_from,
            report_store=self._report_store,
            state=self._state,
            clock=clock,
            counters=counters,
            recorder=recorder,
        )
        self._planner.overlay = Overlay(self._overrides.in_force())
        self._guide = OverlayBuilder(
            self._planner,
            self._overrides,
            clock=clock,
            counters=counters,
            recorder=recorder,
            holds=Role.DNS in config.roles,
        )
        tallies = Tallies()
        self._health = HealthRiver(
            self._planner,
            self._report_store,
            quorum=config.quorum,
            state=self._state,
            clock=clock,
            counters=self._counters,
            recorder=recorder,
            guide=self._guide,
            permits=config.permitted,
            tallies=tallies,
            answers=Role.DNS in config.roles,
        )
        self._guide.on_news = self._health.publish_soon
        if self._overrides.known:
            self._health.publish_soon()
        self._saying = OverrideRequests(
            self._planner,
            self._overrides,
            self._guide,
            applied=self._health.merge,
            publish=self._health.publish_soon,
        )
        self._zones = ZoneRiver(
            config.zones,
            steering_vocabulary,
            self._planner,
            watch=self._health.watch,
            counters=self._counters,
            recorder=recorder,
            state=self._state,
            wall=clock.wall,
            settle_s=config.settle_s,
            most_lost=config.most_lost,
        )
        self._warm, self._stop = asyncio.Event(), Stop()
        self._readiness = Readiness(
            self._planner,
            is_warm=self._warm.is_set,
            is_stopping=lambda: self._stop.is_told,
            is_blind=self._is_unready_blind,
        )
        self._places = self._client_places(recorder) if Role.DNS in config.roles else None
        self._measures = Measures(
            config,
            self._planner,
            self._zones,
            self._report_store,
            engine=engine.name,
            clock=clock,
            counters=counters,
            is_ready=lambda: self._readiness.is_ready,
            fresh=lambda: self._health.fresh,
            voting=lambda: self._health.voting,
            tallies=tallies,
            expiries=lambda: self._certificates.expiries,
            filters=steering_vocabulary.filters - STEERING.filters,
            unsaved=lambda: len(self._state.unsaved),
            refused=lambda: self._guide.refusals,
        )
        self._file = NodeFile(config, rereading, key=self._key.public, take=self._take, recorder=recorder, clock=clock)
        self._door = Doorkeeper(config.credentials, clock=clock)
        self._pushes = PushDesk(self._health.heartbeats, config.permitted, clock=clock, counters=counters)
        self._subject = NodeApi(
            config,
            self._planner,
            self._zones,
            self._report_store,
            engine=engine,
            clock=clock,
            counters=counters,
            unready=self._readiness.why_not,
            peers=lambda: self._sharing.peers,
            troubles=lambda: self._sharing.troubles,
            standings=lambda: self._health.standings,
            following=self._health.following,
            events=self._events,
            state=self._state,
            refused=lambda: self._guide.refusals,
            breached=lambda: (*self._blind(), *self._guide.problems),
            withheld=self._health.withheld.summary,
            file=self._file,
        )
        self._routes = admin_routes(
            subject=self._subject,
            overriding=self._saying,
            door=self._door,
            zones=lambda: self._planner.catalogue.zones,
            pushes=self._pushes,
            takes_pushes=Role.PROBE in config.roles,
            reports=partial(handle_reports, report_store=self._report_store),
            metrics=self._measures.scrape,
        )
        self._local: LocalAdmin | None = None
        self._supervisor = Supervisor(environment())
        self._hung_up = asyncio.Event()
        """Whether SIGHUP came, and nothing was done for it yet."""
        self._threads = Pool("stop", threads=1)

    def _client_places(self, recorder: EventRecorder) -> "ClientPlaces":
        from gtm.node.rivers.places import ClientPlaces  # noqa: PLC0415  # see there

        return ClientPlaces(
            self._config,
            self._planner,
            report_store=self._report_store,
            state=self._state,
            voting=lambda: self._health.voting,
            clock=self._clock,
            recorder=recorder,
        )

    async def run(self, queries: "Queries | None") -> None:
        """Runs until it is told to stop."""
        self._listen_to_signals()  # before all that takes time: an unhandled SIGHUP would end the process
        self._events.start()
        self._tell(EventKind.NODE_STARTED, "started")
        try:
            await self._run(queries)
        finally:
            self._tell(EventKind.NODE_STOPPED, "stopped")
            await self._threads.run(self._events.close)  # it waits for the disk, and not for one that hangs
            await self._state.finish()
        log.info("node %s stopped", self._config.node)

    def _tell(self, kind: EventKind, word: str) -> None:
        facts = {"version": __version__, "engine": self._engine.name}
        self._events.record(Event(kind, self._config.node, f"node {self._config.node} {word}", facts))

    async def _run(self, queries: "Queries | None") -> None:
        if not await self._stop.unless_told(self._load()):
            return
        admin = await self._open_admin()
        health = await self._open_health()
        telemetry = start_telemetry(self._config, self._measures, environment(), self._clock.wall)
        try:
            async with asyncio.TaskGroup() as group:
                rivers = [group.create_task(river) for river in self._rivers(queries)]
                await self._stop.wait()
                self._supervisor.stopping()
                for river in rivers:
                    river.cancel()
        finally:
            self._report_store.close()
            closings: dict[str, Coroutine[None, None, None]] = {}
            if telemetry is not None:
                closings["telemetry"] = self._threads.run(telemetry.close)  # in which it gives up what it sends
            if admin is not None:
                closings["admin API"] = admin.cleanup()
            if health is not None:
                closings["health port"] = health.cleanup()
            if self._local is not None:
                closings["admin socket"] = self._local.close()
            await close_all(closings)

    async def _take(self, config: NodeConfig) -> None:
        """Goes by another node file from now on, as far as gtm/node/config/changes.py lets it.

        If it is cut short, the next one is taken whole: what runs is then of neither file.
        """
        before, self._taken = self._taken, None
        self._config = self._subject.config = self._measures.config = config
        if before is None or before.peers != config.peers:
            self._report_store.take_peers(keys_of(config), make_claims(config, self._report_store.claims, self._state))
            self._sharing.take(config)
        if before is None or _speakers_of(before) != _speakers_of(config):
            self._overrides.accept(keys_of(config), config.overrides_from)
        if before is None or before.permits != config.permits:
            self._sharing.take(config)
            self._pushes.take(config.permitted)
        if self._places is not None:
            self._places.take(settle_s=config.settle_s)
        await self._zones.take(settle_s=config.settle_s, most_lost=config.most_lost)
        await self._door.take(config.credentials)
        self._health.take(quorum=config.quorum, permits=config.permitted)
        self._health.publish_soon()
        warning = warning_of_plain_http(config)
        if warning and (before is None or not warning_of_plain_http(before)):
            log.warning("%s", warning)
        self._taken = config

    async def _load(self) -> None:
        if self._places is not None:
            await self._places.load()
        problems = await self._zones.start()
        if not self._planner.plan.zones:
            raise ZoneInvalid(problems)

    def _rivers(self, queries: "Queries | None") -> list[Coroutine[None, None, None]]:
        rivers = [self._zones.run(), self._health.believe(), self._warm_up(), self._certificates.run()]
        rivers += [self._state.keep_trying(), self._follow_signals(), self._supervisor.watch()]
        if self._local is not None:
            rivers.append(self._local.run())
        if self._places is not None:
            rivers += self._places.rivers()
        if self._config.peers:
            rivers.append(self._sharing.run())
        if Role.PROBE in self._config.roles:
            rivers.append(self._health.probe())
        elif self._config.peers:
            rivers.append(self._health.relay())
        if queries is not None:
            rivers.append(self._serve(queries))
        return rivers

    async def _serve(self, queries: "Queries") -> None:
        await self._warm.wait()
        log.info(
            "node %s serves on %s with the %s engine",
            self._config.node,
            ", ".join(queries.addresses),
            self._engine.name,
        )
        self._supervisor.ready(f"serves on {', '.join(queries.addresses)}")
        await queries.serve()

    async def _warm_up(self) -> None:
        """Waits until the health of every endpoint is known, but not longer than WARM_UP_S."""
        try:
            async with asyncio.timeout(WARM_UP_S):
                await self._health.known.wait()
        except TimeoutError:
            log.warning("the health of some endpoints is still unknown after %.0f s; serving all the same", WARM_UP_S)
        self._warm.set()
        if Role.DNS not in self._config.roles:
            log.info("node %s is ready; its vantage is %s", self._config.node, self._config.vantage)
            self._supervisor.ready(f"checks from vantage {self._config.vantage}")

    async def _open_admin(self) -> web.AppRunner | None:
        if Role.ADMIN not in self._config.roles:
            return None

        def refused() -> None:
            self._counters.add("admin_connections_refused")

        def refusal(path: str, status: int) -> None:
            self._counters.add("admin_requests_refused", path=path, status=str(status))

        await self._door.check()
        self._local = LocalAdmin(
            self._config.state,
            make_app(self._routes, AdminListener.SOCKET, on_refusal=refusal),
            on_no_request=lambda status: refusal(NO_HTTP, status),
        )
        await self._local.begin()
        at = self._config.admin
        tls = None if self._admin_tls is None else self._admin_tls.listener_context
        peers, most = len(self._config.peers), raise_limit()
        beside = 0 if self._config.health is None else health_connections(most, MAX_HEALTH_CONNECTIONS)
        runner = await open_admin(
            str(at.address),
            at.port,
            self._routes,
            names=self._names,
            tls=tls,
            limits=limits_for(admin_connections(most, MAX_CONNECTIONS + peers, beside=beside), peers=peers),
            on_refused=refused,
            on_dropped=lambda reason: self._counters.add("admin_connections_dropped", reason=reason),
            on_refusal=refusal,
        )
        if warning := warning_of_plain_http(self._config):
            log.warning("%s", warning)
        scheme = "http" if tls is None else "https"
        log.info("admin API on %s://%s", scheme, ListenAddress(at.address, runner.addresses[0][1]))
        return runner

    async def _open_health(self) -> web.AppRunner | None:
        at = self._config.health
        if at is None:
            return None

        def refusal(path: str, status: int) -> None:
            self._counters.add("health_port_requests_refused", path=path, status=str(status))

        runner = await open_health(
            str(at.address),
            at.port,
            self._routes,
            limits=health_limits(health_connections(raise_limit(), MAX_HEALTH_CONNECTIONS)),
            on_refused=lambda: self._counters.add("health_port_connections_refused"),
            on_dropped=lambda reason: self._counters.add("health_port_connections_dropped", reason=reason),
            on_refusal=refusal,
        )
        log.info("health port on http://%s", ListenAddress(at.address, runner.addresses[0][1]))
        return runner

    def _names(self) -> frozenset[str]:
        shown = () if self._admin_tls is None else self._admin_tls.names
        return own_names(self._config, socket.gethostname(), shown)

    def _blind(self) -> tuple[str, ...]:
        """Returns that this node answers queries and hears nobody, if so."""
        message = self._health.blindness.problem if Role.DNS in self._config.roles else ""
        return (message,) if message else ()

    def _is_unready_blind(self) -> bool:
        """Returns whether this node answers queries and hears no probe vote, and is not ready then."""
        looks = self._config.is_unready_when_blind and Role.DNS in self._config.roles
        return looks and self._health.blindness.is_cut_off

    def _listen_to_signals(self) -> None:
        self._stop.listen()
        asyncio.get_running_loop().add_signal_handler(signal.SIGHUP, self._hang_up)

    async def _follow_signals(self) -> None:
        """Reads the files again for each SIGHUP, and for those that come meanwhile once more."""
        while True:
            await self._hung_up.wait()
            self._hung_up.clear()
            with self._supervisor.reloading():
                try:
                    await self._subject.reload()
                except Exception:
                    log.exception("SIGHUP: the files cannot be read because of an internal error; what ran goes on")

    def _hang_up(self) -> None:
        self._hung_up.set()
        self._zones.ask()
        self._events.reopen()
        self._state.check_lock_apart()


def _speakers_of(config: NodeConfig) -> tuple[object, ...]:
    """Returns whose overrides may count."""
    return config.peers, config.overrides_from
