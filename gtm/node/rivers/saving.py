"""The saving of beliefs: the status of this node, verdicts of its probe, heartbeats -> files of the state folder.

What comes in: the changes of the probe's verdicts, and a call after each merge, which looks for changes. What goes out:
files, written in a thread: no merge waits for a disk. Writes have a rate limit, so that a flapping endpoint does not
wear out a disk.
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
"""The rate limit of writes: so many at once, then one in each SAVE_INTERVAL_S."""

SAVE_LIMIT_S = 2.0
"""The most seconds for the last write before a stop: a disk that hangs does not keep a node from stopping."""

log = logging.getLogger(__name__)


class BeliefSaver:
    """Saves beliefs, verdicts and heartbeats. Its state: the last write, and the numbers of changes on disk."""

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
        """The last write; its result is the status that is on disk."""
        self._flips = self._flips_kept = 0
        """The number of changes of verdicts that a restart must not forget, and how many of them are on disk."""
        self._heard_kept = 0
        """The number of changes by heartbeats that are on disk."""

    def judged(self, verdict: Verdict) -> None:
        """Takes a changed verdict of this node's probe, and counts it if a restart must not forget it."""
        self._flips += is_memorable(verdict, now=self._clock.monotonic())

    def save_apart(self) -> None:
        """Starts to save what changed, in a thread; never waits for the disk.

        A disk that hangs must not delay the next merge. Does nothing while the last write is unfinished, or beyond
        the rate limit.
        """
        if self._saving.done():
            saved = self._saving.result()
            # at once, within the rate limit: a crash soon after a change must not bring a dead region back as up
            is_news = self._is_memorable() or _has_changes(saved, self._lasting())
            if is_news and self._bucket.take(self._clock.monotonic()):
                self._saving = self._threads.submit(self.save, saved)

    async def save_at_last(self) -> None:
        """Saves before the node stops; logs an error if the disk takes longer than SAVE_LIMIT_S."""
        saved = self._saving.result() if self._saving.done() else NO_STATUS
        try:
            await self._threads.run(self.save, saved, timeout_s=SAVE_LIMIT_S)
        except CallOverdue:
            log.error("the last beliefs are not on disk: it did not take them within %.0f s", SAVE_LIMIT_S)  # noqa: TRY400

    def save(self, saved: Status) -> Status:
        """Writes what changed to the state folder: heartbeats, verdicts, and the status if it differs from `saved`.

        Returns the status that is on disk now.
        """
        if self._heartbeats.changes != self._heard_kept:
            self._heard_kept = self._heartbeats.changes  # set before the write, as for the flips
            self._state.save_heard(self._heartbeats.heard)
        if self._flips != self._flips_kept:
            self._flips_kept = self._flips  # set before the write: a flip meanwhile causes another write
            self._state.save_verdicts(self._verdicts(), now=self._clock.monotonic())
        status = self._lasting()
        if _has_changes(saved, status):
            # both before the status: a boot plan and a last report on disk must not be older than the beliefs
            self._planner.keep_plan().result()
            if last_heard := leave(self._report_store.book, self._report_store.node).last_heard:
                self._state.save_last_heard(last_heard)
            self._state.save_status(status)
        return status

    def _is_memorable(self) -> bool:
        return self._flips != self._flips_kept or self._heartbeats.changes != self._heard_kept

    def _lasting(self) -> Status:
        """Returns the status for the next start: endpoints that a safety rule holds are up in it."""
        present = self._planner.present
        held = present.overlay.held
        return as_held(present.plan, present.status, held) if held else present.status


def _has_changes(before: Status, after: Status) -> bool:
    """Returns whether a check of `after` has another belief than in `before`."""
    delta = StatusDelta.between(before, after)
    return delta is not None and any(check in after.checks for check in delta.flipped)
