"""The keys that decide when a verdict changes: `window`, `recheck`, `failback_delay` and `damping`.

In come plain values of a monitor, out go counts and seconds; or errors in our words. Defaults follow from `fall` and
`interval`:

    window           twice `fall` of the last ten thirds of it: 6 of 10 for the default of 3
    recheck          1 s, or `interval` if that is less; `none` and 0 s are the pace of the rounds
    failback_delay   60 s
    damping          true
"""

import re
from typing import Annotated

from pydantic import PlainValidator, WithJsonSchema

from gtm.config.fields import DURATION_PATTERN, error, found, seconds

MAX_WINDOW = 100
"""Readings that a window looks back on; more than that is hours, and every verdict carries them."""

DEFAULT_RECHECK_S = 1.0
DEFAULT_FAILBACK_DELAY_S = 60.0
MAX_FAILBACK_DELAY_S = 86_400.0

Counts = tuple[int, int]
NEVER = "none"


def default_window(fall: int) -> Counts:
    """Returns the window of a monitor that names none; no less than `fall` bad readings ever fill it."""
    return (2 * fall, max(2 * fall, 10 * fall // 3))


def _window(value: object) -> Counts | str:
    if value == NEVER:
        return NEVER
    match = re.fullmatch("([0-9]{1,3}) of ([0-9]{1,3})", value) if isinstance(value, str) else None
    if match is None:
        raise error(f'expected a window such as "6 of 10", or none, not {found(value)}')
    bad, of = int(match[1]), int(match[2])
    if not 1 <= bad <= of <= MAX_WINDOW:
        raise error(f'"{value}" is no window: it is so many bad readings of the last 1 to {MAX_WINDOW}')
    return (bad, of)


def _recheck(value: object) -> float | str:
    if value == NEVER:
        return NEVER
    recheck_s = seconds(value)
    if not recheck_s:
        return NEVER
    if recheck_s < 0.1:
        raise error(f"must be 100ms or more, not {value}")
    return recheck_s


def _failback_delay(value: object) -> float:
    delay_s = seconds(value)
    if delay_s > MAX_FAILBACK_DELAY_S:
        raise error(f"must be 0s to 24h, not {value}")
    return delay_s


Window = Annotated[
    Counts | str,
    PlainValidator(_window),
    WithJsonSchema({"type": "string", "pattern": "^([0-9]{1,3} of [0-9]{1,3}|none)$"}),
]
Recheck = Annotated[
    float | str,
    PlainValidator(_recheck),
    WithJsonSchema({"type": "string", "pattern": f"{DURATION_PATTERN}|^none$"}),
]
FailbackDelay = Annotated[
    float, PlainValidator(_failback_delay), WithJsonSchema({"type": "string", "pattern": DURATION_PATTERN})
]


def window_of(value: Counts | str | None, *, fall: int) -> Counts | None:
    """Returns the window of a monitor, or None where it wants none."""
    if value is None:
        return default_window(fall)
    return None if isinstance(value, str) else value


def recheck_of(value: float | str | None, *, interval_s: float) -> float:
    """Returns the pace of rechecks; that of the rounds where the monitor wants none."""
    if value is None:
        return min(DEFAULT_RECHECK_S, interval_s)
    return interval_s if isinstance(value, str) else value
