"""A quorum: how the voices of the vantages become one belief.

What comes in: how many fresh voices say up and how many say down. What goes out: a belief, where UNKNOWN means no
decision: the status keeps its last belief. Voices decide only when there are enough of them (`is_enough`): enough
vantages, and enough probes behind them. Every rule is about how many voices must say up:

    1. majority    more than half say up -> up; more than half say down -> down; a tie decides nothing.
    2. share: x    more than the share x say up -> up; else down (Route 53: 0.18).
    3. all         all say up -> up; else down.
    4. any         one says up -> up; else down.
    5. n: k        at least k say up -> up; else down; with fewer than k voices, nothing is decided.
    6. any rule    without a voice, nothing is decided.
"""

from dataclasses import dataclass
from typing import assert_never

from gtm.health.belief import Belief

DEFAULT_STALE_HOLD_S = 900.0
"""A quarter of an hour: longer than a deployment that restarts every probe."""


@dataclass(frozen=True, slots=True)
class Majority:
    """More than half of the voices must say up."""


@dataclass(frozen=True, slots=True)
class Share:
    """More than the share `more_than` of the voices must say up; 0 <= `more_than` < 1."""

    more_than: float


@dataclass(frozen=True, slots=True)
class AllUp:
    """Every voice must say up."""


@dataclass(frozen=True, slots=True)
class AnyUp:
    """At least one voice must say up."""


@dataclass(frozen=True, slots=True)
class AtLeast:
    """At least `count` voices, 1 or more, must say up."""

    count: int


Rule = Majority | Share | AllUp | AnyUp | AtLeast


@dataclass(frozen=True, slots=True)
class Quorum:
    """A rule, and how many fresh voices it takes to change a belief."""

    rule: Rule = Majority()
    voters: int = 2
    """With fewer probes behind the fresh voices the last belief stands, frozen (fail static)."""
    stale_hold_s: float = DEFAULT_STALE_HOLD_S
    """Seconds after which a frozen belief becomes UNKNOWN."""
    vantages: int = 1
    """With fewer fresh voices, one for each vantage, the last belief stands too."""
    local_voters: int = 2
    """The number of probes of one vantage that must agree for a local belief (local_view.py)."""

    def is_enough(self, *, voters: int, vantages: int) -> bool:
        """Returns whether `voters` probes of `vantages` vantages are enough to change a belief."""
        return voters >= self.voters and vantages >= self.vantages


def decide(ups: int, downs: int, rule: Rule) -> Belief:
    """Returns the belief that a rule makes of `ups` voices for up and `downs` for down; UNKNOWN for no decision."""
    voices = ups + downs
    if voices == 0:
        return Belief.UNKNOWN
    match rule:
        case Majority():
            return Belief.UNKNOWN if ups == downs else _up_if(ups > downs)
        case Share(more_than):
            return _up_if(ups > more_than * voices)
        case AllUp():
            return _up_if(downs == 0)
        case AnyUp():
            return _up_if(ups > 0)
        case AtLeast(count):
            return Belief.UNKNOWN if voices < count else _up_if(ups >= count)
        case _:
            assert_never(rule)


def _up_if(up: bool) -> Belief:  # noqa: FBT001 - the one argument is the name
    return Belief.UP if up else Belief.DOWN
