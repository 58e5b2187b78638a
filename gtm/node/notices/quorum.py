"""Notices of the quorum: a log line and an event when it is lost, is lost for more checks, or is found again.

What comes in: the checks of this node, and the status of every merge. While a check has no quorum its last belief
stands. So a check that was always unknown cannot lose it: the check is new, or this node is. After a start, and for
checks that a push changed, the notice waits for the first votes; the former beliefs stand meanwhile. Its state: the
checks whose quorum is lost, and how many of them were logged.
"""

import logging
from collections.abc import Iterable
from collections.abc import Set as AbstractSet

from gtm.checks.model import Check
from gtm.health.belief import Belief
from gtm.health.consensus.status import Status
from gtm.ids import CheckId
from gtm.node.events.recorder import EventRecorder
from gtm.node.notices.roll_out import GRACE_S, ROLL_OUT_S, sooner, vote_limits

log = logging.getLogger(__name__)


class QuorumWatch:
    """Logs and records when checks lose their quorum, and when they have it again."""

    def __init__(self, recorder: EventRecorder, restored: Status, *, now: float) -> None:
        self._recorder = recorder
        self._lost = _lost(restored, frozenset())
        """The checks whose quorum was lost, as of the last merge."""
        self._told = 0
        """The number of frozen checks in the last notice; 0 when the quorum is there."""
        self._unheard_until = now + GRACE_S if self._lost else None
        """The monotonic time until which restored beliefs wait for the first voices (no loss yet); None after that."""
        self._awaited: dict[CheckId, float] = {}
        """Until when each check that a push changed may be without votes (no loss yet): probes follow later."""

    def watch(self, before: Iterable[Check], after: Iterable[Check], *, now: float) -> None:
        """Takes the checks before a push and after it; new or changed checks may be without votes for a time."""
        was, wanted = vote_limits(before), vote_limits(after)
        if was and not self._told and self._unheard_until is None:  # else: the first checks, or lost already
            self._awaited |= {check: now + max(ROLL_OUT_S, wanted[check]) for check in sooner(was, wanted)}

    def tell(self, status: Status, *, now: float) -> None:
        """Logs and records if the quorum is lost, is lost for more checks, or is found again.

        `status` is the result of the last merge; `now` is monotonic seconds.
        """
        was, self._lost = self._lost, _lost(status, self._lost) - self._still_awaited(status, now=now)
        lost, of = len(self._lost), len(status.checks)
        if self._unheard_until is not None and lost:
            if now < self._unheard_until:
                return
            self._tell(f"started without a quorum: the saved beliefs stand, of {lost} checks", of, is_lost=True)
            self._told, self._unheard_until = lost, None
        elif lost > self._told and (not self._told or lost == len(was)):
            message = f"quorum lost for {lost} of {of} checks: too few fresh voices, the last beliefs stand"
            self._tell(message, of, is_lost=True)
            self._told = lost
        elif not lost and (self._told or self._unheard_until is not None):
            self._tell(_ended(was, status), of, is_lost=False)
            self._told, self._unheard_until = 0, None

    def _still_awaited(self, status: Status, *, now: float) -> AbstractSet[CheckId]:
        """Returns the checks that a push changed and that may still be without votes at `now`."""
        if self._awaited:
            self._awaited = {check: at for check, at in self._awaited.items() if now < at and check in status.checks}
        return self._awaited.keys()

    def _tell(self, message: str, of: int, *, is_lost: bool) -> None:
        log.log(logging.WARNING if is_lost else logging.INFO, "%s", message)
        self._recorder.quorum(message, frozen=len(self._lost), of=of, is_lost=is_lost)


def _ended(was: frozenset[CheckId], status: Status) -> str:
    of = len(status.checks)
    heard = of - len(status.frozen)  # a check that no probe can make is always frozen
    if was and was.isdisjoint(status.checks):
        rest = f"; {heard} of {of} checks have it" if of else ""
        return f"no check is left of those whose quorum was lost{rest}"
    return f"quorum found again for {'all' if heard == of else f'{heard} of'} {of} checks"


def _lost(status: Status, before: frozenset[CheckId]) -> frozenset[CheckId]:
    """Returns the frozen checks whose last belief stands, or stood until `stale_hold` was over."""
    return frozenset(
        check
        for check, pair in status.checks.items()
        if pair.frozen and (pair.belief is not Belief.UNKNOWN or check in before)
    )
