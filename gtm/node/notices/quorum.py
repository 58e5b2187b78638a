"""The quorum told: a line of the log and an event when it is lost, grows worse, or is found again.

What comes in: what is to be checked, and the status of every merge. While the quorum is lost nothing changes, so a
check that was never known has nothing to lose: it is new, or this node is. After a start, and for checks that a push
changed, it waits for the first votes: the beliefs that they inherit stand meanwhile. Its state is what is lost, and
what was told.
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
    """Tells of the quorum."""

    def __init__(self, recorder: EventRecorder, restored: Status, *, now: float) -> None:
        self._recorder = recorder
        self._lost = _lost(restored, frozenset())
        """The checks whose quorum was lost, as of the last merge."""
        self._told = 0
        """So many of them were told to be frozen."""
        self._unheard_until = now + GRACE_S if self._lost else None
        """While restored beliefs wait for the first voices, which is no loss yet; None after that."""
        self._awaited: dict[CheckId, float] = {}
        """Until when each check that a push changed may be without votes, which is no loss yet: probes follow later."""

    def watch(self, before: Iterable[Check], after: Iterable[Check], *, now: float) -> None:
        """Takes what is to be checked now, and what was until now."""
        was, wanted = vote_limits(before), vote_limits(after)
        if was and not self._told and self._unheard_until is None:  # else they are the first, or it is lost as it is
            self._awaited |= {check: now + max(ROLL_OUT_S, wanted[check]) for check in sooner(was, wanted)}

    def tell(self, status: Status, *, now: float) -> None:
        """Tells what is new; `now` is monotonic seconds."""
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
        """Returns the checks that may be without votes for some time."""
        if self._awaited:
            self._awaited = {check: at for check, at in self._awaited.items() if now < at and check in status.checks}
        return self._awaited.keys()

    def _tell(self, message: str, of: int, *, is_lost: bool) -> None:
        log.log(logging.WARNING if is_lost else logging.INFO, "%s", message)
        self._recorder.quorum(message, frozen=len(self._lost), of=of, is_lost=is_lost)


def _ended(was: frozenset[CheckId], status: Status) -> str:
    of = len(status.checks)
    heard = of - len(status.frozen)  # what nobody can check is frozen from the first day on
    if was and was.isdisjoint(status.checks):
        rest = f"; {heard} of {of} checks have it" if of else ""
        return f"no check is left of those whose quorum was lost{rest}"
    return f"quorum found again for {'all' if heard == of else f'{heard} of'} {of} checks"


def _lost(status: Status, before: frozenset[CheckId]) -> frozenset[CheckId]:
    """Returns the checks whose quorum is lost: with a belief that stands, or that stood until `stale_hold` was over."""
    return frozenset(
        check
        for check, pair in status.checks.items()
        if pair.frozen and (pair.belief is not Belief.UNKNOWN or check in before)
    )
