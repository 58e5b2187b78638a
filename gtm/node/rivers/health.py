"""The health river: checks -> verdicts -> reports -> status -> plan.

    prober -> verdicts -> publisher -> store <- sharing.py <- peers
                                        |
                                     merge, on news and once a tick -> planner

The tick (TICK_S) lets votes become too old to count when no new report comes in.
"""

import asyncio
import logging
from collections.abc import Mapping
from random import Random

from gtm.checks.model import Check
from gtm.clock import Clock
from gtm.counters import Counters
from gtm.event import EventId
from gtm.health.belief import Belief
from gtm.health.consensus.delta import StatusDelta
from gtm.health.consensus.merger import Merger
from gtm.health.consensus.outliers import Standings, quarantined
from gtm.health.consensus.quorum import Quorum
from gtm.health.consensus.status import Status
from gtm.health.consensus.voices import Freshness
from gtm.health.verdict.reading import Reading
from gtm.health.verdict.verdict import Verdict, VerdictState
from gtm.ids import CheckId, NodeName, scope_of
from gtm.metrics.measurements import Tallies
from gtm.node.events.recorder import EventRecorder
from gtm.node.notices.blindness import Blindness
from gtm.node.notices.clocks import ClockWatch
from gtm.node.notices.outages import Outages
from gtm.node.notices.quarantine import tell_quarantine
from gtm.node.notices.quorum import QuorumWatch
from gtm.node.notices.roll_out import FormerLimits, voting
from gtm.node.overrides.overlay import OverlayBuilder
from gtm.node.planner import Planner
from gtm.node.rivers.saving import BeliefSaver
from gtm.node.state.folder import StateFolder
from gtm.plan.model import Plan
from gtm.probe.heartbeats import Heartbeats
from gtm.probe.instruments import open_instruments
from gtm.probe.kinds import read
from gtm.probe.log_limit import Told
from gtm.probe.permits import Permits
from gtm.probe.prober import Prober
from gtm.probe.withheld import WithheldChecks
from gtm.share.publisher import MAX_HEARTBEAT_S, heartbeat_s, publish_reports
from gtm.share.report_store import ReportStore

TICK_S = 0.5
"""The seconds between two merges without a new report: a vote counts at most so long after its limit."""

log = logging.getLogger(__name__)


class _PermittedAnew(Exception):  # no error
    """Ends the checks with the former permits, because the permits changed."""


class HealthRiver:
    """Runs the checks of this node, and merges the reports of all probes into the status. Its state: the checks."""

    def __init__(
        self,
        planner: Planner,
        report_store: ReportStore,
        overlays: OverlayBuilder,
        *,
        quorum: Quorum,
        permits: Permits,
        state: StateFolder,
        clock: Clock,
        counters: Counters,
        recorder: EventRecorder,
        tallies: Tallies,
        outages: Outages,
    ) -> None:
        self._tallies = tallies
        self._overlays = overlays
        self._recorder = recorder
        self._planner = planner
        self._report_store = report_store
        self._merger = Merger(quorum)
        self._clocks = ClockWatch(report_store.clocks, self._recorder)
        self.blindness = Blindness(report_store.node, self._recorder)
        self._former = FormerLimits()
        self.fresh: frozenset[NodeName] = frozenset()
        """The probes that have a fresh vote on a check of this node, as of the last merge."""
        self.voting: frozenset[NodeName] = frozenset()
        """The probes of `fresh` whose votes count: those not in quarantine."""
        self._state = state
        self._clock = clock
        self._lines = Told(log)
        self._outages = outages
        self._counters = counters
        self._checks: tuple[Check, ...] = ()
        self._freshness: Mapping[CheckId, Freshness] = {}
        self._changed = asyncio.Event()
        self._prober: Prober | None = None
        self._permits = permits
        self._permitted_anew = asyncio.Event()
        self.heartbeats = Heartbeats(state.load_heard())
        """The heartbeats of endpoints; the admin listener receives them."""
        self.saver = BeliefSaver(
            planner, report_store, self.heartbeats, verdicts=self._verdicts, state=state, clock=clock
        )
        self.withheld = WithheldChecks()
        """The checks that the node file does not permit this probe to make."""
        self._quorum = QuorumWatch(self._recorder, planner.present.status, now=clock.monotonic())
        self.known = asyncio.Event()
        """Set once every check has been believed up or down."""

    def watch(self, checks: tuple[Check, ...]) -> None:
        """Takes the checks of the present zones, in place of those before, into every part that needs them."""
        self._tell_missing(checks)
        self._quorum.watch(self._checks, checks, now=self._clock.monotonic())
        self._former.watch(self._checks, checks, now=self._clock.monotonic())
        self._checks = checks
        self.blindness.watch(checks, now=self._clock.monotonic())
        self._report_store.expect(len(checks))
        self.heartbeats.watch(checks, now=self._clock.monotonic())
        self._tallies.watch(checks)
        self.withheld.watch(checks)
        self._freshness = {check.id: Freshness(check.monitor.interval_s, check.monitor.timeout_s) for check in checks}
        if self._prober is not None:
            self._prober.watch(checks)

    def _tell_missing(self, checks: tuple[Check, ...]) -> None:
        """Warns of services that a calculated check depends on and no zone here defines.

        Services in the zone of the check are found missing by the parser of the zone file already.
        """
        for name in sorted(_missing(checks) - _missing(self._checks)):
            log.warning("service %s has unknown health: no zone here defines it, or it depends on itself", name)

    def take(self, *, quorum: Quorum, permits: Permits) -> None:
        """Uses this quorum and these permits from now on, and merges at once."""
        before, self._merger = self._merger, Merger(quorum)
        self._merger.standings = before.standings
        if permits != self._permits:
            self._permits = permits
            self._permitted_anew.set()
        self.merge()

    async def probe(self) -> None:
        """Runs the checks from this node's vantage, and publishes their verdicts in reports, until cancelled."""
        remembered = self._state.load_verdicts(now=self._clock.monotonic(), wall=self._clock.wall())
        while True:
            self._permitted_anew.clear()
            try:
                await self._probe(remembered)
            except* _PermittedAnew:  # instruments keep the permits they were opened with; verdicts are kept
                remembered = self._prober.verdicts if self._prober is not None else remembered

    async def _until_permitted_anew(self) -> None:
        await self._permitted_anew.wait()
        raise _PermittedAnew

    async def _probe(self, remembered: Mapping[CheckId, Verdict]) -> None:
        opened = open_instruments(
            self._clock, permits=self._permits, heartbeats=self.heartbeats, believed=self._believed_here
        )
        async with opened as instruments, asyncio.TaskGroup() as group:
            prober = Prober(
                lambda check: read(check, instruments),
                self._clock,
                random=Random(),  # noqa: S311  # jitter is no secret
                counters=self._counters,
                on_reading=self._took,
                on_change=self._judged,
                on_unread=self._recorder.unread,
                turns=instruments.turns,
                remembered=remembered,
            )
            self._prober = prober
            prober.watch(self._checks)
            group.create_task(prober.run())
            group.create_task(self._publish(prober))
            group.create_task(self._until_permitted_anew())

    def _verdicts(self) -> Mapping[CheckId, Verdict]:
        return {} if self._prober is None else self._prober.verdicts

    def _believed_here(self, check: CheckId) -> Belief:
        return Belief.UNKNOWN if self._prober is None else self._prober.believed(check)

    def _took(self, check: Check, reading: Reading) -> None:
        self._recorder.read(check, reading)
        self.withheld.take(check.id, reading)
        wall = self._clock.wall()
        self._tallies.durations.take(check, reading)
        self._tallies.failovers.read(check, reading, now=self._clock.monotonic())
        expiring = self._tallies.certificates.take(check, reading, wall=wall)
        if expiring is not None:
            self._recorder.expiring(check, expiring, wall=wall)

    def _judged(self, check: Check, verdict: Verdict) -> None:
        detected_s = self._tallies.failovers.judged(check, verdict, now=self._clock.monotonic())
        self._recorder.judged(check, verdict, detected_s=detected_s)
        self.saver.judged(verdict)
        self._changed.set()

    async def believe(self) -> None:
        """Merges the reports whenever a new one came in, and once a tick, until cancelled; then saves the beliefs.

        The pause after a merge is at least as long as the merge, up to one tick; reports of that time are merged
        together.
        """
        seen = -1
        try:
            while True:
                began = self._clock.monotonic()
                self.merge()
                self.saver.save_apart()
                # a peer whose votes change with every report must not use all time of this node
                await asyncio.sleep(min(TICK_S, self._clock.monotonic() - began))
                try:
                    async with asyncio.timeout(TICK_S):
                        seen = await self._report_store.wait_for_news(seen)
                except TimeoutError:
                    pass
        finally:
            await self.saver.save_at_last()

    def merge(self) -> None:
        """Merges the reports of the book into the status, once, and passes the change to the planner.

        Logs and records what changed: beliefs, the quorum, probes, overrides, and the answers of clients.
        """
        now, in_quarantine = self._clock.monotonic(), quarantined(self._merger.standings)
        present, book = self._planner.present, self._report_store.book
        delta = self._merger.merge(present.status, book, self._freshness, now=now, wall=self._clock.wall())
        status = present.status if delta is None else delta.after
        self._look_at_probes(in_quarantine, now=now)
        causes = () if delta is None else self._tell_changes(delta, present.plan, now=now)
        self._recorder.heard(book, status, now=now, spared=self.following)
        self._quorum.tell(status, now=now)
        if self._overlays.hear():
            self.publish_soon()
        decision = self._overlays.decide(present.plan, status, delta)
        causes += self._overlays.tell(decision, status)
        self._planner.follow(delta, decision.overlay, causes=causes)
        self._look_at_answers(status, now=now)

    def _look_at_probes(self, in_quarantine: frozenset[NodeName], *, now: float) -> None:
        """Reports changes of the probes: quarantine, wrong clocks, and whether any vote counts.

        `in_quarantine` has the probes that were in quarantine before the merge.
        """
        tell_quarantine(in_quarantine, self._merger.standings, counters=self._counters, recorder=self._recorder)
        self.fresh = self._merger.fresh
        self.voting = self.fresh - quarantined(self._merger.standings)
        self._clocks.look(now=now)
        self.blindness.look(self.voting, self._voting_elsewhere, now=now)

    def _tell_changes(self, delta: StatusDelta, plan: Plan, *, now: float) -> tuple[EventId, ...]:
        """Logs, counts and records the checks whose belief changed; returns the event ids, the next plan's causes."""
        for change in delta.changes:
            self._lines.tell(scope_of(change.check), change, check=change.check, now=now)
            self._tallies.transitions.changed(change.check, change.after.belief)
        for local in delta.local_changes:
            self._lines.tell(scope_of(local.check), local, check=local.check, now=now)
            self._counters.add("local_changes", to="over" if local.is_over else local.belief.value)
        for check in delta.turned_odd:
            if delta.after.checks[check].state is VerdictState.FLAPPING:
                belief = delta.after.belief(check).value
                message = f"check {check} flaps: it goes up and down again and again; it is {belief} now"
                self._lines.tell(scope_of(check), message, check=check, now=now, level=logging.WARNING)
        book = self._report_store.book
        self._tallies.failovers.changed(delta.changes, book, wall=self._clock.wall())
        self._outages.believed((change.check for change in delta.changes), plan, now=now)
        return self._recorder.believed(delta, book, plan)

    def _look_at_answers(self, status: Status, *, now: float) -> None:
        """Logs outages, with what clients get by the present plan; sets `known` once no belief is unknown."""
        present, is_behind = self._planner.present, self._planner.is_behind
        self._outages.tell(present.plan, status, present.overlay, now=now, is_behind=is_behind)
        if not is_behind:
            self._tallies.failovers.followed()
        if not self.known.is_set() and all(status.belief(check.id) is not Belief.UNKNOWN for check in self._checks):
            self.known.set()

    def following(self) -> frozenset[NodeName]:
        """Returns the probes that still vote as often as before the last push: they do not count as silent."""
        return self._former.voting(self._report_store.book, now=self._clock.monotonic())

    def _voting_elsewhere(self) -> frozenset[NodeName]:
        """Returns the probes, not in quarantine, with a vote on any check that is recent enough to count.

        It is called while no vote on the checks of this node counts, so their votes are on other checks.
        """
        limit_s = max((vote.limit_s for vote in self._freshness.values()), default=0.0)
        return voting(self._report_store.book, limit_s, now=self._clock.monotonic()) - quarantined(
            self._merger.standings
        )

    def publish_soon(self) -> None:
        """Makes the publisher send the next report at once, because it has news for peers."""
        self._changed.set()

    async def relay(self) -> None:
        """Publishes reports with overrides but no votes, for a node that is no probe, until cancelled.

        Publishes nothing before the first override.
        """
        await self._changed.wait()
        await publish_reports(self._report_store, dict, self._changed, beat_s=lambda: MAX_HEARTBEAT_S)

    @property
    def standings(self) -> Standings:
        """Returns the reputation of each probe, and so which are in quarantine."""
        return self._merger.standings

    async def _publish(self, prober: Prober) -> None:
        def verdicts() -> Mapping[CheckId, Verdict]:
            return prober.verdicts

        def beat_s() -> float:
            return heartbeat_s(check.monitor.interval_s for check in self._checks)

        await publish_reports(self._report_store, verdicts, self._changed, beat_s=beat_s)


def _missing(checks: tuple[Check, ...]) -> set[str]:
    return {part.name for check in checks for part in check.parts if not part.checks and not part.is_unchecked}
