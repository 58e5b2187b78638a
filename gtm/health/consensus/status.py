"""The status: what this node believes of every endpoint, after merging the reports by quorum.

What comes in: the last status, the book of reports, the watched checks, and the time as two arguments. What goes out:
the next status; gtm/health/consensus/delta.py compares two of them. A vantage has one voice (voices.py):

    1. With fewer fresh voices, or probes behind them, than the quorum asks for, the last belief stands: it is `frozen`.
    2. A belief that has been frozen for the quorum's `stale_hold_s` becomes UNKNOWN.
    3. Otherwise the quorum's rule decides; where it decides nothing, the last belief stands.
    4. Where the probes of one vantage, or of neighbours, agree on something else, that is its `local` belief
       (local_view.py).

`merge` does it for every check; a node that does it twice a second uses a Merger (merger.py), which gives the same.
"""

from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field

from gtm.health.belief import Belief
from gtm.health.consensus.local_view import (
    NO_NEIGHBOURS,
    LocalBelief,
    Neighbours,
    local_beliefs,
    neighbours,
    positions,
    saying,
)
from gtm.health.consensus.quorum import Quorum, Rule, decide
from gtm.health.consensus.voices import Freshness, Voice, in_order, most_common, voices_on
from gtm.health.report.book import Book
from gtm.health.verdict.next_change import soonest_s
from gtm.health.verdict.reading import Reason
from gtm.health.verdict.verdict import VerdictState, state_among
from gtm.ids import CheckId, NodeName, VantageName


@dataclass(frozen=True, slots=True)
class CheckStatus:
    """What this node believes of one check, with the voices that it is based on."""

    belief: Belief
    since: float
    """Wall seconds of the change to this belief, as this node saw it."""
    reason: Reason = Reason.UNREAD
    """The most common reason of the voices that agree with the belief."""
    detail: str = ""
    votes: tuple[Voice, ...] = ()
    """Every vantage's voice, sorted by vantage."""
    frozen: bool = False
    """Whether there are too few fresh voices, so that the last belief stands."""
    flip_in_s: float = 0.0
    """Seconds until the first voice could change (see Voice); 0 while there is no fresh voice."""
    frozen_at: float | None = None
    """When it became frozen, in monotonic seconds; None if it is not, or was restored and not merged since."""
    local: tuple[LocalBelief, ...] = ()
    """The beliefs of vantages that differ from this one, sorted by vantage."""
    back_in_s: float | None = None
    """For a check that is down but has good readings again: seconds from the last reading until it is up, if readings
    stay good; 0 if that is not known yet. None for other checks."""

    @property
    def state(self) -> VerdictState:
        """Returns the state in one word, for people."""
        return state_among(self.belief, [voice.state for voice in self.votes if voice.counts])

    @property
    def said_by(self) -> frozenset[VantageName]:
        """Returns the vantages that say something of this check now."""
        return saying(self.votes, self.local)


@dataclass(frozen=True, slots=True)
class Status:
    """What this node believes of every check that it watches."""

    checks: Mapping[CheckId, CheckStatus] = field(default_factory=dict)

    def belief(self, check: CheckId) -> Belief:
        """Returns the belief of a check; UNKNOWN for one that is not in this status."""
        known = self.checks.get(check)
        return Belief.UNKNOWN if known is None else known.belief

    @property
    def frozen(self) -> tuple[CheckId, ...]:
        """Returns the frozen checks, sorted: those with too few fresh voices for a new belief."""
        return tuple(sorted(check for check, status in self.checks.items() if status.frozen))


NO_STATUS = Status()


def merge(
    previous: Status,
    book: Book,
    watched: Mapping[CheckId, Freshness],
    quorum: Quorum,
    *,
    now: float,
    wall: float,
    quarantined: AbstractSet[NodeName] = frozenset(),
) -> Status:
    """Returns the status after merging this book of reports; it has the watched checks only.

    `now` is in monotonic seconds, `wall` in Unix seconds. The votes of the probes in `quarantined` do not count.
    """
    heard = in_order(book.by_node.values())
    near = neighbours(positions(heard))
    return Status(
        {
            check: decided(
                previous.checks.get(check),
                voices_on(check, heard, freshness, quarantined=quarantined, now=now),
                quorum,
                now=now,
                wall=wall,
                near=near,
            )
            for check, freshness in watched.items()
        }
    )


def decided(
    last: CheckStatus | None,
    voices: tuple[Voice, ...],
    quorum: Quorum,
    *,
    now: float,
    wall: float,
    near: Neighbours = NO_NEIGHBOURS,
) -> CheckStatus:
    """Returns the status of one check after these voices; `last` is its status before, None for a new check."""
    before = CheckStatus(Belief.UNKNOWN, wall) if last is None else last
    counted = [voice for voice in voices if voice.counts]
    if not quorum.is_enough(voters=sum([voice.agreeing for voice in counted]), vantages=len(counted)):
        return _frozen(before, voices, quorum, now=now, wall=wall)
    ups = sum(voice.belief is Belief.UP for voice in counted)
    decision = decide(ups, len(counted) - ups, quorum.rule)
    belief = before.belief if decision is Belief.UNKNOWN else decision
    since = before.since if belief is before.belief else wall
    agreeing = [voice for voice in counted if voice.belief is belief]
    reason, detail = most_common(agreeing) if agreeing else (before.reason, before.detail)
    flip_in_s = soonest_s([voice.flip_in_s for voice in voices if voice.fresh and not voice.quarantined])
    local = local_beliefs(belief, counted, voters=quorum.local_voters, near=near)
    back_in_s = _back_in_s(counted, quorum.rule) if belief is Belief.DOWN else None
    return CheckStatus(belief, since, reason, detail, voices, flip_in_s=flip_in_s, local=local, back_in_s=back_in_s)


def _back_in_s(counted: Sequence[Voice], rule: Rule) -> float | None:
    """Returns the seconds until enough voices are up, if each voice with a good last reading changes to up in time.

    None if there are not enough of these.
    """
    coming = sorted([voice.flip_in_s for voice in counted if voice.belief is Belief.DOWN and voice.reason is Reason.OK])
    ups = sum(voice.belief is Belief.UP for voice in counted)
    for more, flip_in_s in enumerate(coming, 1):
        if decide(ups + more, len(counted) - ups - more, rule) is Belief.UP:
            return flip_in_s
    return None


def _frozen(before: CheckStatus, voices: tuple[Voice, ...], quorum: Quorum, *, now: float, wall: float) -> CheckStatus:
    frozen_at = now if before.frozen_at is None else before.frozen_at
    if before.belief is Belief.UNKNOWN or now - frozen_at < quorum.stale_hold_s:
        belief_before = (before.belief, before.since, before.reason, before.detail)
        return CheckStatus(*belief_before, voices, frozen=True, frozen_at=frozen_at)
    message = f"no quorum for {quorum.stale_hold_s:g} s"
    return CheckStatus(Belief.UNKNOWN, wall, Reason.UNREAD, message, voices, frozen=True, frozen_at=frozen_at)
