"""A node: one process that runs the rivers that its roles need, until a signal stops it.

    start    sockets -> state -> geo data -> zones -> plan -> admin API -> rivers -> first health -> queries
    SIGHUP   read the node file and the zone folder now; open the event log again, and check the lock file, because
             others may have moved them
    SIGTERM, SIGINT   stop: beliefs are saved, sockets closed

Without the role dns it loads no geo data, and its plan has one cell for all clients: overrides and safety rules need
the services of a plan, and nothing needs its answers.

Queries are answered once the health of every endpoint is known, or after WARM_UP_S at the latest: the first answers of
a restarted node are as good as its later ones.

wiring.py joins the parts that run here.
"""

import asyncio
import logging
import signal
import socket
from collections.abc import Coroutine
from typing import TYPE_CHECKING

from aiohttp import web

from gtm import __version__
from gtm.admin.app import NO_HTTP, make_app, open_admin
from gtm.admin.connection_limit import MAX_CONNECTIONS, limits_for
from gtm.admin.health import MAX_CONNECTIONS as MAX_HEALTH_CONNECTIONS
from gtm.admin.health import health_limits, open_health
from gtm.admin.routes import AdminListener
from gtm.admin.unix_socket import LocalAdmin
from gtm.errors import ZoneInvalid
from gtm.event import Event, EventKind
from gtm.node.config.model import NodeConfig, Role
from gtm.node.listener import own_names, warning_of_plain_http
from gtm.node.rivers.telemetry import environment, start_telemetry
from gtm.node.stopping import close_all
from gtm.node.supervisor import Supervisor
from gtm.node.wiring import NodeParts
from gtm.serve.descriptors import admin_connections, health_connections, raise_limit
from gtm.serve.listen import ListenAddress
from gtm.threads import Pool

if TYPE_CHECKING:
    from gtm.node.rivers.queries import Queries

WARM_UP_S = 3.0
"""Seconds until a node serves at the latest, even with unknown health. The usual timeout of a check is 2 s."""

log = logging.getLogger(__name__)


class Node:
    """Runs the parts of one node: signals, listeners and rivers, from the start until the stop."""

    def __init__(self, parts: NodeParts) -> None:
        self._parts = parts
        self._local: LocalAdmin | None = None
        self._supervisor = Supervisor(environment())
        self._hung_up = asyncio.Event()
        """Set when SIGHUP came; cleared when the reload for it begins."""
        self._threads = Pool("stop", threads=1)

    @property
    def _config(self) -> NodeConfig:
        """Returns the configuration that counts now."""
        return self._parts.current.config

    async def run(self, queries: "Queries | None") -> None:
        """Runs the node until SIGTERM or SIGINT; raises ZoneInvalid when there is no zone to serve.

        `queries` is None on a node without the role `dns`.
        """
        self._listen_to_signals()  # before anything slow: an unhandled SIGHUP would end the process
        self._parts.events.start()
        self._tell(EventKind.NODE_STARTED, "started")
        try:
            await self._run(queries)
        finally:
            self._tell(EventKind.NODE_STOPPED, "stopped")
            await self._threads.run(self._parts.events.close)  # waits for a slow disk, but not for one that hangs
            await self._parts.state.finish()
        log.info("node %s stopped", self._config.node)

    def _tell(self, kind: EventKind, word: str) -> None:
        """Records the event that the node started or stopped."""
        facts = {"version": __version__, "engine": self._parts.engine.name}
        self._parts.events.record(Event(kind, self._config.node, f"node {self._config.node} {word}", facts))

    async def _run(self, queries: "Queries | None") -> None:
        """Loads the node, opens its listeners and runs its rivers until the stop; then closes the listeners."""
        if not await self._parts.stop.unless_told(self._load()):
            return
        admin = await self._open_admin()
        health = await self._open_health()
        telemetry = start_telemetry(self._config, self._parts.measures, environment(), self._parts.clock.wall)
        try:
            async with asyncio.TaskGroup() as group:
                rivers = [group.create_task(river) for river in self._rivers(queries)]
                await self._parts.stop.wait()
                self._supervisor.stopping()
                for river in rivers:
                    river.cancel()
        finally:
            self._parts.report_store.close()
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

    async def _load(self) -> None:
        """Loads geo data and zones; raises ZoneInvalid when there is no zone to serve."""
        if self._parts.places is not None:
            await self._parts.places.load()
        problems = await self._parts.zones.start()
        if not self._parts.core.planner.present.plan.zones:
            raise ZoneInvalid(problems)

    def _rivers(self, queries: "Queries | None") -> list[Coroutine[None, None, None]]:
        """Returns the coroutines that this node runs until it stops, by its roles and its node file."""
        rivers = [
            self._parts.zones.run(),
            self._parts.core.health.believe(),
            self._warm_up(),
            self._parts.certificates.run(),
        ]
        rivers += [self._parts.state.keep_trying(), self._follow_signals(), self._supervisor.watch()]
        if self._local is not None:
            rivers.append(self._local.run())
        if self._parts.places is not None:
            rivers += self._parts.places.rivers()
        if self._config.peers:
            rivers.append(self._parts.sharing.run())
        if Role.PROBE in self._config.roles:
            rivers.append(self._parts.core.health.probe())
        elif self._config.peers:
            rivers.append(self._parts.core.health.relay())
        if queries is not None:
            rivers.append(self._serve(queries))
        return rivers

    async def _serve(self, queries: "Queries") -> None:
        """Answers queries once the node is warm, until cancelled."""
        await self._parts.warm.wait()
        log.info(
            "node %s serves on %s with the %s engine",
            self._config.node,
            ", ".join(queries.addresses),
            self._parts.engine.name,
        )
        self._supervisor.ready(f"serves on {', '.join(queries.addresses)}")
        await queries.serve()

    async def _warm_up(self) -> None:
        """Waits until the health of every endpoint is known, but not longer than WARM_UP_S."""
        try:
            async with asyncio.timeout(WARM_UP_S):
                await self._parts.core.health.known.wait()
        except TimeoutError:
            log.warning("the health of some endpoints is still unknown after %.0f s; serving all the same", WARM_UP_S)
        self._parts.warm.set()
        if Role.DNS not in self._config.roles:
            log.info("node %s is ready; its vantage is %s", self._config.node, self._config.vantage)
            self._supervisor.ready(f"checks from vantage {self._config.vantage}")

    async def _open_admin(self) -> web.AppRunner | None:
        """Opens the admin listener and prepares the admin socket; returns None without the role `admin`."""
        if Role.ADMIN not in self._config.roles:
            return None

        def refused() -> None:
            self._parts.counters.add("admin_connections_refused")

        def refusal(path: str, status: int) -> None:
            self._parts.counters.add("admin_requests_refused", path=path, status=str(status))

        await self._parts.door.check()
        self._local = LocalAdmin(
            self._config.state,
            make_app(self._parts.routes, AdminListener.SOCKET, on_refusal=refusal),
            on_no_request=lambda status: refusal(NO_HTTP, status),
        )
        await self._local.begin()
        at = self._config.admin
        tls = None if self._parts.admin_tls is None else self._parts.admin_tls.listener_context
        peers, most = len(self._config.peers), raise_limit()
        beside = 0 if self._config.health is None else health_connections(most, MAX_HEALTH_CONNECTIONS)
        runner = await open_admin(
            str(at.address),
            at.port,
            self._parts.routes,
            names=self._names,
            tls=tls,
            limits=limits_for(admin_connections(most, MAX_CONNECTIONS + peers, beside=beside), peers=peers),
            on_refused=refused,
            on_dropped=lambda reason: self._parts.counters.add("admin_connections_dropped", reason=reason),
            on_refusal=refusal,
        )
        if warning := warning_of_plain_http(self._config):
            log.warning("%s", warning)
        scheme = "http" if tls is None else "https"
        log.info("admin API on %s://%s", scheme, ListenAddress(at.address, runner.addresses[0][1]))
        return runner

    async def _open_health(self) -> web.AppRunner | None:
        """Opens the health port; returns None when the node file has none."""
        at = self._config.health
        if at is None:
            return None

        def refusal(path: str, status: int) -> None:
            self._parts.counters.add("health_port_requests_refused", path=path, status=str(status))

        runner = await open_health(
            str(at.address),
            at.port,
            self._parts.routes,
            limits=health_limits(health_connections(raise_limit(), MAX_HEALTH_CONNECTIONS)),
            on_refused=lambda: self._parts.counters.add("health_port_connections_refused"),
            on_dropped=lambda reason: self._parts.counters.add("health_port_connections_dropped", reason=reason),
            on_refusal=refusal,
        )
        log.info("health port on http://%s", ListenAddress(at.address, runner.addresses[0][1]))
        return runner

    def _names(self) -> frozenset[str]:
        """Returns the host names by which clients may call the admin listener now."""
        shown = () if self._parts.admin_tls is None else self._parts.admin_tls.names
        return own_names(self._config, socket.gethostname(), shown)

    def _listen_to_signals(self) -> None:
        """Installs the handlers for SIGTERM, SIGINT and SIGHUP."""
        self._parts.stop.listen()
        asyncio.get_running_loop().add_signal_handler(signal.SIGHUP, self._hang_up)

    async def _follow_signals(self) -> None:
        """Reloads the files at each SIGHUP; signals that come during a reload cause one more reload."""
        while True:
            await self._hung_up.wait()
            self._hung_up.clear()
            with self._supervisor.reloading():
                try:
                    await self._parts.api.reload()
                except Exception:
                    log.exception("SIGHUP: the files cannot be read because of an internal error; what ran goes on")

    def _hang_up(self) -> None:
        """Handles SIGHUP: asks for a reload, opens the event log again, and checks the lock file."""
        self._hung_up.set()
        self._parts.zones.ask()
        self._parts.events.reopen()
        self._parts.state.check_lock_apart()
