"""What must hold between the keys of one monitor, by its kind; and the keys that a kind has no use for.

In come values of an entry (schema.py), out goes an error in our words, or nothing.

    dns          the expected answers are values of the type that is asked for
    exec         the program is named by its absolute path
    any          what it sends, and what it looks for, is no longer than any endpoint's
    calculated   nothing is named twice; and of fall, rise and the like it has none: its parts have theirs
    push         fall is 1, and there is no window, unless the file says otherwise: the TTL is what it waits for
"""

from collections.abc import Iterable, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import replace

from dns.name import root
from dns.rdatatype import RdataType

from gtm.config.fields import error
from gtm.dns.rdata import parse_rdata
from gtm.errors import TextInvalid
from gtm.zone.model import Monitor, MonitorType

OF_PARTS = ("fall", "rise", "window", "recheck", "failback_delay", "damping")
"""What a calculated monitor leaves to its parts."""

MAX_PARTS = 256
"""Of one calculated monitor, as of Route 53's calculated health checks; more than that are calculated in groups."""


MAX_SENT = 16_384
"""Characters that each check sends, be it to thousands of endpoints ten times a second: servers take no larger head."""
MAX_EXPECTED = 65_536
"""Characters that an answer is searched for: no more of it than that is read (gtm/probe/http.py)."""


def check_answers(rtype: str, answers: Sequence[str]) -> None:
    """Raises an error for an expected answer that the type cannot have."""
    for answer in answers:
        try:
            parse_rdata(RdataType.from_text(rtype), answer, root)
        except TextInvalid as invalid:
            raise error(f"answers: {invalid}") from invalid


def check_command(command: Sequence[str]) -> None:
    """Raises an error for a program that would have to be looked for, or that cannot be given its arguments."""
    if not command[0].startswith("/"):
        raise error(f'command: expected the absolute path of a program first, not "{command[0]}"')
    if any("\0" in word for word in command):
        raise error("command: no program can be given the character \\0")


def check_sizes(*, sent: Iterable[str], expected: Iterable[str]) -> None:
    """Raises an error for a monitor that says more, or looks for more, than any endpoint is to hear or to say."""
    for what, texts, most in (("to send", sent, MAX_SENT), ("to look for", expected, MAX_EXPECTED)):
        size = sum(map(len, texts))
        if size > most:
            raise error(f"the monitor has {size} characters {what}; {most} are the limit")


def check_parts(parts: Sequence[str]) -> None:
    """Raises an error for a part that counts twice."""
    known: set[str] = set()
    for part in parts:
        if part in known:
            raise error(f'"{part}" is combined twice')
        known.add(part)
    if len(parts) > MAX_PARTS:
        raise error(f"combines {len(parts)} parts; {MAX_PARTS} are the limit")


def paced(monitor: Monitor, *, keys: AbstractSet[str]) -> Monitor:
    """Returns a monitor with the defaults of its kind for what the file does not say."""
    if monitor.type is MonitorType.CALCULATED:
        lone_reading = replace(monitor, fall=1, rise=1, window=None, recheck_s=monitor.interval_s)
        return replace(lone_reading, failback_delay_s=0.0, damping=False)
    if monitor.type is MonitorType.PUSH:
        fall = monitor.fall if "fall" in keys else 1
        return replace(monitor, fall=fall, window=monitor.window if "window" in keys else None)
    return monitor
