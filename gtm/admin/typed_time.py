"""A time as people type it -> Unix seconds.

    02:14  02:14:30  02:14+01:00    today, or yesterday where that is to come; with an `after` the first one from there
    yesterday 02:14                 a day earlier than today's
    2026-01-31  2026-01-31T02:14    ISO 8601
    90s  10m  2h  3d                so long ago
    1769825640                      Unix seconds

Times without an offset are UTC, as the events show them. In come text and the time that it is now; it reads no clock.
"""

import re
from datetime import UTC, datetime, timedelta, timezone
from math import isfinite

from gtm.config.fields import seconds

MAX_SHOWN = 80

_DAY_S = 86_400.0
_CLOCK = re.compile(r"(?:(today|yesterday) )?(\d{1,2}):(\d\d)(?::(\d\d))?(?:Z|([+-])(\d\d):?(\d\d))?", re.IGNORECASE)


def moment(text: str, *, now: float, after: float | None = None) -> float:
    """Returns the Unix time of a text; raises ValueError with a message for people.

    `now` is the present Unix time. A time of the day is the last one before now, or the first one since `after`.
    """
    try:
        parsed = _moment(text.strip(), now, after)
    except (ValueError, OverflowError) as error:
        raise ValueError(f'"{text[:MAX_SHOWN]}" is no time such as 02:14, 2026-01-31T02:14 or 2h (ago)') from error
    if not isfinite(parsed):
        raise ValueError(f'"{text[:MAX_SHOWN]}" is no time such as 02:14, 2026-01-31T02:14 or 2h (ago)')
    return parsed


def _moment(text: str, now: float, after: float | None) -> float:
    clock = _CLOCK.fullmatch(text)
    if clock is not None:
        return _of_clock(clock, now, after)
    if re.fullmatch(r"-?\d+(\.\d+)?", text):
        return float(text)
    if re.match(r"\d{4}-", text):
        parsed = datetime.fromisoformat(text)
        return (parsed if parsed.tzinfo else parsed.replace(tzinfo=UTC)).timestamp()
    return now - (24 * seconds(f"{text[:-1]}h") if text.endswith("d") else seconds(text))


def _of_clock(clock: re.Match[str], now: float, after: float | None) -> float:
    day, hour, minute, second, sign, hours, minutes = clock.groups()
    offset = timedelta(hours=int(hours or 0), minutes=int(minutes or 0)) * (-1 if sign == "-" else 1)
    start = datetime.fromtimestamp(now if after is None or day else after, timezone(offset))
    at = start.replace(hour=int(hour), minute=int(minute), second=int(second or 0), microsecond=0).timestamp()
    if day is not None:
        return at - _DAY_S if day.lower() == "yesterday" else at
    if after is not None:
        return at if at >= after else at + _DAY_S
    return at if at <= now else at - _DAY_S


def shown(wall: float) -> str:
    """Returns a Unix time as text for people, in UTC: `2026-01-31 02:14:00Z`."""
    try:
        return datetime.fromtimestamp(wall, UTC).strftime("%Y-%m-%d %H:%M:%SZ")
    except (OverflowError, ValueError, OSError):
        return f"{wall:.0f}"
