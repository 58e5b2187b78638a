"""The saving of beliefs: what this node believes, and its probe remembers, -> files of the state folder.

In come the changes of the probe's verdicts, and, after each merge, the call that looks for news. Out go files, written
in a thread: no merge waits for a disk. A flapping endpoint must not wear out a disk, so writes have a rate limit.
"""

import logging
from collections.abc import Callable, Mapping

from gtm.clock import Clock
from gtm.errors import CallOverdue
from gtm.health.consensus.delta import StatusDelta
from gtm.health.consensus.status import NO_STATUS, Status
from gtm.health.report.book import leave
from gtm.health.verdict.saved import is_memorable
from gtm.health.verdict.verdict import Verdict
from gtm.ids import CheckId
from gtm.node.planner import Planner
from gtm.node.state.folder import StateFolder
from gtm.plan.overlay import as_held
from gtm.probe.heartbeats import Heartbeats
from gtm.share.report_store import ReportStore
from gtm.threads import Pool, settled
from gtm.token_bucket import TokenBucket

SAVE_INTERVAL_S = 5.0
SAVES_AT_ONCE = 12
"""The rate limit of writes: so many at once, then one in each interval."""

SAVE_LIMIT_S = 2.0
"""For the last write of the beliefs: a disk that hangs does not keep a node from stopping."""

log = logging.getLogger(__name__)


class BeliefSaver:
    """Saves beliefs, verdicts and heartbeats. Its state is what of them is on disk."""

    def __init__(
        self,
        planner: Planner,
        report_store: ReportStore,
        heartbeats: Heartbeats,
        *,
        verdicts: Callable[[], Mapping[CheckId, Verdict]],
        state: StateFolder,
        clock: Clock,
    ) -> None:
        self._planner = planner
        self._report_store = report_store
        self._heartbeats = heartbeats
        self._verdicts = verdicts
        self._state = state
        self._clock = clock
        self._threads = Pool("beliefs", threads=1)
        self._bucket = TokenBucket(SAVES_AT_ONCE, SAVE_INTERVAL_S)
        self._saving = settled(planner.present.status)
        """The last write of the beliefs: those that are on disk, once it is done."""
        self._flips = self._flips_kept = 0
        """The number of changes of verdicts that a restart must not forget, and the number of those on disk."""
        self._heard_kept = 0
        """The number of changes to the endpoints heard by heartbeats that are on disk."""

    def judged(self, verdict: Verdict) -> None:
        """Takes a verdict of this node's probe that changed."""
        self._flips += is_memorable(verdict, now=self._clock.monotonic())

    def save_apart(self) -> None:
        """Has news saved, and waits for no disk: one that hangs must not keep the next merge from the answers."""
        if self._saving.done():
            saved = self._saving.result()
            # at once, unless there were many: a crash soon after a change must not revive a dead region
            is_news = self._is_memorable() or _has_changes(saved, self._lasting())
            if is_news and self._bucket.take(self._clock.monotonic()):
                self._saving = self._threads.submit(self.save, saved)

    async def save_at_last(self) -> None:
        """Saves before the node stops, within SAVE_LIMIT_S."""
        saved = self._saving.result() if self._saving.done() else NO_STATUS
        try:
            await self._threads.run(self.save, saved, timeout_s=SAVE_LIMIT_S)
        except CallOverdue:
            log.error("the last beliefs are not on disk: it did not take them within %.0f s", SAVE_LIMIT_S)  # noqa: TRY400

    def save(self, saved: Status) -> Status:
        """Saves the beliefs if they are others than these were; returns those that are saved."""
        if self._heartbeats.changes != self._heard_kept:
            self._heard_kept = self._heartbeats.changes  # before it is written, as the flips are
            self._state.save_heard(self._heartbeats.heard)
        if self._flips != self._flips_kept:
            self._flips_kept = self._flips  # before it is written: what flips meanwhile is written again
            self._state.save_verdicts(self._verdicts(), now=self._clock.monotonic())
        status = self._lasting()
        if _has_changes(saved, status):
            # both first: what starts by itself must not be older than the beliefs, nor what is heard against them
            self._planner.keep_plan().result()
            if last_heard := leave(self._report_store.book, self._report_store.node).last_heard:
                self._state.save_last_heard(last_heard)
            self._state.save_status(status)
        return status

    def _is_memorable(self) -> bool:
        return self._flips != self._flips_kept or self._heartbeats.changes != self._heard_kept

    def _lasting(self) -> Status:
        """Returns the status with which a node starts: what is held is up then."""
        present = self._planner.present
        held = present.overlay.held
        return as_held(present.plan, present.status, held) if held else present.status


def _has_changes(before: Status, after: Status) -> bool:
    """Returns whether something that is watched is believed otherwise."""
    delta = StatusDelta.between(before, after)
    return delta is not None and any(check in after.checks for check in delta.flipped)
