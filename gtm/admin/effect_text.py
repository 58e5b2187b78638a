"""The effects of overrides (gtm/plan/override_effects.py) as text, for the admin API and for refusals.

What comes in: an effect, or an endpoint of it, and the wall time. What goes out: text for people.
"""

from collections.abc import Sequence
from datetime import UTC, datetime

from gtm.health.override.override import TAKING, Action, Override
from gtm.plan.override_effects import Effect, Touched, Why

MAX_NAMED = 5
"""The most endpoints of one reason, and the most reasons, that a refusal names."""

_WORDS = {
    Why.DOWN: "down already by its checks",
    Why.SKIPPED: "its region is skipped already (min_healthy)",
    Why.LAST: "nothing else of its service is left, so it is answered still (on_all_down)",
    Why.BACK: "out until now; nothing else of its service is left, so this brings it back (on_all_down)",
}
_PARTICIPLES = {Action.DOWN: "said down", Action.UP: "said up", Action.DRAIN: "drained", Action.OBEY: "obeyed"}


def reason_words(touched: Touched, *, wall: float) -> str:
    """Returns the reason why an override does not change an endpoint, as text; empty where it does.

    `wall` is the present Unix time.
    """
    if touched.by is not None:
        already = " already" if touched.why is Why.OUT else ""
        until = until_words(touched.by.until, wall=wall)
        message = f"{_PARTICIPLES[touched.by.action]}{already} until {until} by {touched.by.by}"
        return f"{message} ({touched.by.scope}; clear it: gtm clear {touched.by.id})"
    return _WORDS.get(touched.why, "")


def until_words(until: float, *, wall: float) -> str:
    """Returns the Unix time `until` for people: `14:20Z`, with its date if that is not the day of `wall` (now)."""
    then, now = datetime.fromtimestamp(until, UTC), datetime.fromtimestamp(wall, UTC)
    return then.strftime("%H:%MZ" if then.date() == now.date() else "%Y-%m-%d %H:%MZ")


def nothing_words(override: Override, effect: Effect, *, wall: float) -> str:
    """Returns the message that an override would change nothing, with the reasons; `wall` is the present Unix time."""
    if not effect.without:
        message = "all in it is disabled in the zone file (enabled: false)"
        return f"{override.action.value} {override.scope} would change nothing: {message}"
    by_reason: dict[str, list[Touched]] = {}
    for touched in effect.without:
        by_reason.setdefault(reason_words(touched, wall=wall), []).append(touched)
    verb = "take out" if override.action in TAKING else "change"
    reasons = "; ".join(f"{named(reason)}: {message}" for message, reason in list(by_reason.items())[:MAX_NAMED])
    more = f"; and {len(by_reason) - MAX_NAMED} more reasons" if len(by_reason) > MAX_NAMED else ""
    is_out = any(touched.why is Why.OUT for touched in effect.without)
    hint = "; `--for` with a later end would keep it out for longer" if is_out else ""
    return f"{override.action.value} {override.scope} would {verb} nothing: {reasons}{more}{hint}"


def named(some: Sequence[Touched]) -> str:
    """Returns the names of the first MAX_NAMED endpoints, and the number of the others, as text."""
    names = ", ".join(f"{touched.target} ({touched.endpoint_ref.service})" for touched in some[:MAX_NAMED])
    return f"{names} and {len(some) - MAX_NAMED} more" if len(some) > MAX_NAMED else names
