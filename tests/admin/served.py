"""A node's admin API on loopback, served from a thread, and a client that may say anything to it."""

import asyncio
import http.client
import json
import ssl
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from aiohttp import web

from gtm.admin.app import make_app, open_admin
from gtm.admin.credentials import Credentials
from gtm.admin.routes import AdminListener, Handler, Route
from gtm.admin.unix_socket import LocalAdmin
from gtm.admin.write_access import Doorkeeper
from gtm.counters import Counters
from gtm.engine.reference import ReferenceEngine
from gtm.health.consensus.outliers import Standings
from gtm.health.report.peer import PeerState
from gtm.ids import NodeName
from gtm.metrics.measurements import Tallies
from gtm.node.admin_routes import admin_routes
from gtm.node.api import NodeApi
from gtm.node.config.current import CurrentConfig
from gtm.node.events.log import EventLog
from gtm.node.events.recorder import no_recorder
from gtm.node.overrides.requests import OverrideRequests
from gtm.node.readiness import Readiness
from gtm.node.rivers.telemetry import Measures
from gtm.node.rivers.zones import ZoneRiver
from gtm.node.state.folder import StateFolder
from gtm.probe.heartbeats import Heartbeats
from gtm.probe.push_handler import PushHandler
from gtm.probe.withheld import Withheld
from gtm.share.handler import handle_reports
from gtm.steer.vocabulary import STEERING
from tests.fakes.clock import FakeClock
from tests.fakes.journal import FakeJournal
from tests.fakes.peers import report_store_of
from tests.fakes.permits import permits
from tests.node.present import GEO, config, core_of

TOKEN = "token-of-the-deploy-job"
BEARER = {"Authorization": f"Bearer {TOKEN}"}
DRAIN = {"scope": "region gtm.example.com/eu-west", "action": "drain", "why": "a fire", "by": "ann"}
"""The body of an override, of a zone such as SMALL."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back."""

    status: int
    type: str
    body: bytes
    allow: str
    challenge: str = ""

    @property
    def json(self) -> dict[str, object]:
        """The body, which must be an object of JSON."""
        parsed = json.loads(self.body)
        assert isinstance(parsed, dict)
        return parsed


class Served:
    """A node that serves its admin API; its zones are files in `folder`."""

    def __init__(self, tmp_path: Path) -> None:
        self.folder = tmp_path / "zones"
        self.folder.mkdir(exist_ok=True)
        self.clock = FakeClock()
        self.counters = Counters()
        self.engine = ReferenceEngine()
        self.report_store = report_store_of("ns1", "fra", clock=self.clock)
        self.events = EventLog(FakeJournal(), NodeName("ns1"), clock=self.clock, counters=self.counters)
        state = StateFolder(tmp_path / "state", self.counters)
        core = core_of(
            state,
            clock=self.clock,
            counters=self.counters,
            engine=self.engine,
            report_store=self.report_store,
        )
        self.planner, self.overrides, self.guide = core.planner, core.overrides, core.overlays
        self.is_warm = True
        self.readiness = Readiness(self.planner, is_warm=lambda: self.is_warm)
        self.standings: Standings = {}
        self.peers: dict[NodeName, PeerState] = {}
        self.troubles: dict[NodeName, str] = {}
        self.withheld: tuple[Withheld, ...] = ()
        self.river = ZoneRiver(
            self.folder,
            STEERING,
            self.planner,
            watch=lambda _checks: None,
            counters=self.counters,
            recorder=no_recorder(),
            sleep=lambda _seconds: asyncio.sleep(0),
        )
        self.current = CurrentConfig(config(tmp_path))
        self.subject = NodeApi(
            self.current,
            self.planner,
            self.river,
            self.report_store,
            engine=self.engine,
            clock=self.clock,
            counters=self.counters,
            unready=self.readiness.why_not,
            peers=lambda: self.peers,
            troubles=lambda: self.troubles,
            standings=lambda: self.standings,
            events=self.events,
            state=state,
            refused=lambda: self.guide.refusals,
            breached=lambda: self.guide.problems,
            withheld=lambda: self.withheld,
        )
        self.measures = Measures(
            CurrentConfig(config(tmp_path)),
            self.planner,
            self.river,
            self.report_store,
            engine=self.engine.name,
            clock=self.clock,
            counters=self.counters,
            is_ready=lambda: self.readiness.is_ready,
            tallies=Tallies(),
        )
        self.saying = OverrideRequests(
            self.planner, self.overrides, core.notices, applied=self.follow, publish=lambda: None
        )
        self.token_file = tmp_path / "token"
        """Of who may say overrides over TCP."""
        self.token_file.write_text(TOKEN)
        credentials = Credentials({"deploy": self.token_file}, frozenset(["ann.example"]))
        self.door = Doorkeeper(credentials, clock=self.clock)
        self.names: frozenset[str] = frozenset()
        self.port = 0
        self.refusals: list[tuple[str, int]] = []
        """As they are counted, by path and status."""

    def follow(self) -> None:
        """Follows people, as the health river does at every merge."""
        present = self.planner.present
        decision = self.guide.decide(present.plan, present.status, None)
        self.planner.follow(None, decision.overlay, causes=self.guide.tell(decision, present.status))

    async def _reports(self, request: web.Request) -> web.StreamResponse:
        return await handle_reports(request, self.report_store)

    def _refuse(self, path: str, status: int) -> None:
        self.refusals.append((path, status))

    def routes(self, reports: Handler | None = None) -> tuple[Route, ...]:
        """The table of routes, with these reports or the node's own."""
        return admin_routes(
            subject=self.subject,
            overriding=self.saying,
            door=self.door,
            zones=lambda: self.planner.present.catalogue.zones,
            pushes=PushHandler(Heartbeats(), permits(), clock=self.clock, counters=self.counters),
            takes_pushes=False,
            reports=reports or self._reports,
            metrics=self.measures.scrape,
        )

    async def serve_locally(self, state: Path) -> LocalAdmin:
        """Serves what changes overrides on the socket in this folder, too; gives what the caller closes."""
        await self.river.load()
        app = make_app(self.routes(), AdminListener.SOCKET, on_refusal=self._refuse)
        local = LocalAdmin(state, app)
        await local.begin()
        return local

    async def serve(self, *, tls: ssl.SSLContext | None = None) -> web.AppRunner:
        """Starts everything; gives what the caller cleans up."""
        await self.planner.take_geo(GEO)
        await self.river.load()
        runner = await open_admin(
            "127.0.0.1",
            0,
            self.routes(),
            names=lambda: self.names,
            on_refusal=self._refuse,
            tls=tls,
        )
        self.port = runner.addresses[0][1]
        return runner

    @property
    def at(self) -> str:
        """Its ADDRESS:PORT."""
        return f"127.0.0.1:{self.port}"

    def ask(
        self, method: str, target: str, body: bytes | None = None, *, headers: Mapping[str, str] | None = None
    ) -> Answer:
        """Asks, with any method and any target that HTTP can carry."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        try:
            connection.putrequest(method, target, skip_accept_encoding=True, skip_host="Host" in (headers or {}))
            for name, value in (headers or {}).items():
                connection.putheader(name, value)
            if body is not None:
                connection.putheader("Content-Length", str(len(body)))
            connection.endheaders(body)
            answer = connection.getresponse()
            kind = (answer.getheader("Content-Type") or "").partition(";")[0]
            return Answer(
                answer.status,
                kind,
                answer.read(),
                answer.getheader("Allow") or "",
                answer.getheader("WWW-Authenticate") or "",
            )
        finally:
            connection.close()


@contextmanager
def serving(tmp_path: Path, *, tls: ssl.SSLContext | None = None, **files: str) -> Iterator[Served]:
    """Serves these zone files (`a=TEXT` is a.yaml) from a thread."""
    served = Served(tmp_path)
    for name, text in files.items():
        (served.folder / f"{name}.yaml").write_text(text)
    started, stopped = threading.Event(), threading.Event()
    failures: list[BaseException] = []

    async def run() -> None:
        stopping = asyncio.Event()
        loop = asyncio.get_running_loop()
        runner = await served.serve(tls=tls)
        waiting = loop.run_in_executor(None, stopped.wait)
        waiting.add_done_callback(lambda _: stopping.set())
        started.set()
        await stopping.wait()
        served.report_store.close()
        await runner.cleanup()

    def thread() -> None:
        try:
            asyncio.run(run())
        except BaseException as error:
            failures.append(error)
            started.set()
            raise

    worker = threading.Thread(target=thread, name="admin")
    worker.start()
    try:
        assert started.wait(30)
        assert not failures
        yield served
    finally:
        stopped.set()
        worker.join(30)
    assert not worker.is_alive()
