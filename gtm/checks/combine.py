"""Several beliefs -> one: the rule by which calculated monitors combine their parts.

In come beliefs, and how many of them must be up; out goes one belief. It must not change when an unknown belief becomes
known, unless it was unknown itself:

    up        `needed` or more are up
    down      even if every unknown one were up, there would be fewer
    unknown   else: it depends on those that are unknown

`needed` is 1 for "any", all of them for "all", n for "at least n" (Route 53's HealthThreshold, Azure's
MinChildEndpoints). As with Route 53, 0 is always up, and more than there are is always down.
"""

from collections.abc import Sequence

from gtm.health.belief import Belief


def combined(beliefs: Sequence[Belief], *, needed: int) -> Belief:
    """Returns one belief for several: UP if at least `needed` are up, DOWN if so many cannot be up any more."""
    ups, downs = beliefs.count(Belief.UP), beliefs.count(Belief.DOWN)
    if ups >= needed:
        return Belief.UP
    return Belief.DOWN if len(beliefs) - downs < needed else Belief.UNKNOWN
