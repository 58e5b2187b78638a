"""What the admin API shows of this node: its present, as views.

In come the parts of a running node; out go the views that the handlers of the admin API send. It must not change
anything, except that a reload reads the node file and the zone folder.
"""

from collections.abc import Callable, Mapping
from collections.abc import Set as AbstractSet
from typing import TYPE_CHECKING

from aiohttp import web
from dns.name import Name
from dns.rdatatype import RdataType

from gtm import __version__
from gtm.admin.compose import override_views
from gtm.admin.events import Memory, find_events
from gtm.admin.view_cache import CachedViews, ViewCache, status_json
from gtm.admin.views import (
    Events,
    GeoSourceView,
    LastChange,
    NodeStatus,
    PeerView,
    ProbeView,
    RefusalView,
    RegionList,
    Reloaded,
    SafetyView,
    VotersView,
    WithheldView,
)
from gtm.clock import Clock
from gtm.counters import Counters
from gtm.engine.protocol import Engine
from gtm.errors import AnswersNothing
from gtm.health.consensus.outliers import NO_STANDING, Standings
from gtm.health.consensus.quorum import AllUp, AnyUp, AtLeast, Majority, Quorum, Share
from gtm.health.consensus.silence import silent_probes
from gtm.health.consensus.status import Status
from gtm.health.report.peer import PeerState
from gtm.ids import Address, NodeName
from gtm.node.config.current import CurrentConfig
from gtm.node.config.model import NodeConfig, Role
from gtm.node.events.zone_changes import Applied
from gtm.node.node_file_reload import NOTHING_NEW, NodeFile
from gtm.node.notices.inconclusive import unread_views
from gtm.node.planner import Planner
from gtm.node.present import Present
from gtm.node.rivers.zones import ZoneRiver, few
from gtm.node.state.folder import StateFolder
from gtm.node.trust import key_problem
from gtm.plan.safety.minimums import Refusal
from gtm.probe.withheld import Withheld
from gtm.share.report_store import ReportStore

if TYPE_CHECKING:
    from gtm.explain.explain import Explanation


class NodeApi:
    """Makes the views of one node for the admin API: status, regions, explanations, events; and reloads its files."""

    def __init__(
        self,
        current: CurrentConfig,
        planner: Planner,
        zones: ZoneRiver,
        report_store: ReportStore,
        *,
        engine: Engine,
        clock: Clock,
        counters: Counters,
        unready: Callable[[], str],
        peers: Callable[[], Mapping[NodeName, PeerState]],
        troubles: Callable[[], Mapping[NodeName, str]] = dict,
        standings: Callable[[], Standings],
        following: Callable[[], frozenset[NodeName]] = frozenset,
        events: Memory,
        state: StateFolder,
        refused: Callable[[], tuple[Refusal, ...]] = tuple,
        breached: Callable[[], tuple[str, ...]] = tuple,
        withheld: Callable[[], tuple[Withheld, ...]] = tuple,
        file: NodeFile | None = None,
    ) -> None:
        self._file = file
        self._withheld = withheld
        self._breached = breached
        self._refused = refused
        self._views = ViewCache()
        self._state = state
        self._events = events
        self._current = current
        self._planner = planner
        self._zones = zones
        self._report_store = report_store
        self._engine = engine
        self._clock = clock
        self._counters = counters
        self.unready = unready
        """Returns the reason why this node should get no queries; an empty text when it should get them."""
        self._peers = peers
        self._troubles = troubles
        self._standings = standings
        self._following = following
        """Returns the probes that still vote as often as before the last push of zone files: these are not silent."""
        self._started = clock.monotonic()
        self._started_at = clock.wall()

    def status(self) -> NodeStatus:
        """Returns the view of the whole node: its zones, services, probes, peers, overrides, problems and counters."""
        present, config = self._planner.present, self._current.config
        views, unready = self._shown(present), self.unready()
        return NodeStatus(
            node=config.node,
            version=__version__,
            engine=self._engine.name,
            vantage=config.vantage,
            roles=tuple(sorted(role.value for role in config.roles)),
            started_at=self._started_at,
            uptime_s=self._clock.monotonic() - self._started,
            generation=present.plan.generation,
            ready=not unready,
            quorum=_quorum(config.quorum),
            zones=views.zones,
            problems=self._problems(present),
            warnings=few(present.catalogue.warnings, noun="warning"),
            geo=tuple(
                GeoSourceView(str(source.path), source.type, source.built_at, source.networks)
                for source in present.geo.sources
            ),
            geo_problems=present.geo.problems,
            probes=self._probes(present.status),
            services=views.services,
            counters=self._counters.snapshot(),
            unheard=tuple(
                sorted(
                    {peer.node for peer in config.peers if peer.listed.probes} - self._report_store.book.by_node.keys()
                )
            ),
            refusals=tuple(
                RefusalView(peer, reason, count)
                for (peer, reason), count in sorted(self._report_store.refusals.shown.items())
            ),
            peers=self._polled(),
            overrides=override_views(present.overlay.said),
            safety=tuple(SafetyView(row.rule.value, row.subject, row.words) for row in self._refused()),
            vantages=tuple(vantage.name for vantage in present.vantages),
            unread=unread_views(self._report_store.book, present.plan, present.status),
            voters=_voters(config),
            withheld=tuple(WithheldView(row.reason, row.checks, row.example) for row in self._withheld()),
            unready=unready,
        )

    async def refresh(self) -> None:
        """Computes the slow parts of the `status` and `regions` views in a thread, and keeps them in the view cache."""
        present = self._planner.present
        await self._views.refresh(present.plan, present.status, present.overlay)

    def status_json(self) -> bytes:
        """Returns the view of `status` as JSON bytes; the JSON of the services comes from the view cache."""
        view = self.status()
        return status_json(view, self._shown(self._planner.present).services_json)

    def regions(self) -> RegionList:
        """Returns the list of all regions with the state of each."""
        present = self._planner.present
        return RegionList(self._current.config.node, present.plan.generation, self._shown(present).regions)

    def explain(self, name: Name, rtype: RdataType, client: Address) -> "Explanation":
        """Returns the explanation of the answer to a query for this name and type from this client.

        The answer is that of the reference engine, computed from the plan that serves now. Raises QuestionUnclear when
        a short name could mean several names, and AnswersNothing when this node does not have the role `dns`.
        """
        if Role.DNS not in self._current.config.roles:
            raise AnswersNothing(without_dns(self._current.config.node, self._current.config.roles))
        from gtm.explain.explain import explain  # noqa: PLC0415  # what a probe does without

        present = self._planner.present
        return explain(
            name,
            rtype,
            client,
            plan=present.plan,
            status=present.status,
            geography=present.geo.geography,
            overlay=present.overlay,
        )

    def events(self, request: web.Request) -> Events:
        """Returns the recent events that match the parameters of an HTTP request."""
        return find_events(request, self._events, self._clock.wall)

    def zones(self) -> frozenset[Name]:
        """Returns the origins of the zones that this node serves now."""
        return frozenset(zone.origin for zone in self._planner.present.catalogue.zones)

    async def reload(self, force: frozenset[Name] = frozenset()) -> Reloaded:
        """Reads the node file and the zone folder again now, and returns what changed and what is wrong.

        The zones named in `force` are accepted however many names, records, services and endpoints they lose.
        """
        planner, before = self._planner, self._planner.present.plan.generation
        node = NOTHING_NEW if self._file is None else await self._file.reread()
        problems = await self._zones.reload(force)
        fresh = tuple(line for each in planner.applied if each.generation > before for line in each.lines)
        last = None if fresh or not planner.applied else _last_change(planner.applied[-1], self._clock.wall())
        return Reloaded(planner.present.plan.generation, (*node.problems, *few(problems)), fresh, last, node.lines)

    def _polled(self) -> tuple[PeerView, ...]:
        """Returns the views of all peers: their state and the trouble with each, if any."""
        troubles = self._troubles()
        return tuple(PeerView(node, state, troubles.get(node, "")) for node, state in sorted(self._peers().items()))

    def _shown(self, present: Present) -> CachedViews:
        """Returns the cached views of the plan, status and overlay of a present."""
        return self._views.of(present.plan, present.status, present.overlay)

    def _problems(self, present: Present) -> tuple[str, ...]:
        """Returns all present problems of this node, one line for each."""
        problems = few(present.catalogue.problems)
        failure = (present.failure,) if present.failure else ()
        key = key_problem(self._current.config, self._report_store.key)
        file = () if self._file is None else self._file.problems
        own = (*failure, *((key,) if key else ()), *file, *self._state.problems)
        told = (*self._report_store.refusals.problems, *self._report_store.clocks.skew.problems)
        return (*problems, *own, *told, *self._breached())

    def _probes(self, status: Status) -> tuple[ProbeView, ...]:
        """Returns the views of the nodes whose reports carry votes, with their standing and the age of each report."""
        config, now, standings = self._current.config, self._clock.monotonic(), self._standings()
        silent = silent_probes(self._report_store.book, status) - self._following()
        others = {peer.node for peer in config.peers if not peer.listed.probes}  # their reports carry overrides
        if Role.PROBE not in config.roles:
            others.add(config.node)
        return tuple(
            ProbeView(
                node,
                heard.report.vantage,
                heard.report.epoch,
                heard.report.serial,
                now - heard.heard_at,
                sum(vote.is_cast for vote in heard.report.votes.values()),
                node in silent,
                standing.is_quarantined,
                round(standing.score, 3),
                heard.report.at,
            )
            for node, heard in sorted(self._report_store.book.by_node.items())
            if node not in others
            for standing in (standings.get(node, NO_STANDING),)
        )


def _last_change(applied: Applied, wall: float) -> LastChange:
    """Returns the view of the last change of zones; `wall` is the Unix time in seconds."""
    return LastChange(applied.generation, max(0.0, wall - applied.at), applied.lines)


def without_dns(node: NodeName, roles: AbstractSet[Role]) -> str:
    """Returns the message that a node without the role `dns` cannot explain answers, and which nodes can."""
    named = ", ".join(sorted(role.value for role in roles))
    return (
        f"{node} has no role dns (roles: {named}): it gives no answers, and has no geo data and no plan to explain one "
        "by; ask a node that serves DNS: --admin ADDR:PORT"
    )


def _voters(config: NodeConfig) -> VotersView:
    """Returns the view of the number of probes that may vote, and of the voters and vantages that the quorum needs."""
    probes = sum(peer.listed.probes for peer in config.peers) + (Role.PROBE in config.roles)
    return VotersView(probes, config.quorum.voters, config.quorum.vantages)


def _quorum(quorum: Quorum) -> str:
    """Returns the rule of the quorum and its numbers of voters and vantages, for people."""
    match quorum.rule:
        case Majority():
            rule = "majority"
        case Share(more_than):
            rule = f"share over {more_than:g}"
        case AllUp():
            rule = "all"
        case AnyUp():
            rule = "any"
        case AtLeast(count):
            rule = f"at least {count}"
    of = f" of {quorum.vantages} vantages" if quorum.vantages > 1 else ""
    return f"{rule}, voters {quorum.voters}{of}"
