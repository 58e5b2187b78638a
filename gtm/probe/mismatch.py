"""What was got instead of what was wanted, in words for a detail. Pure.

What comes in: values of an answer, which are anybody's, and those that a monitor wants. What goes out: text that
prints, each value within MAX_VALUE characters.

An endpoint may echo what it was sent: the answer to a request that carried a secret is not quoted, in no part. Of a
text only the length is told then; what can hold no secret (true, null, that something is a list) is told all the same.
A secret is what a zone file calls so, and what is written out in it under the name of a credential.
"""

import json
import re
from collections.abc import Sequence

from gtm.escape import escaped

MAX_VALUE = 48
"""Characters of one value: a detail has 200, and holds two values and where they are."""
MAX_VALUES = 3
"""Of a list of values."""

_NEVER_SHOWN = frozenset({"set-cookie", "set-cookie2", "authorization", "proxy-authorization", "authentication-info"})
"""Headers whose values are credentials whoever sends them."""
_CREDENTIAL = re.compile(r"auth|cookie|token|secret|passw|\bpass\b|\blogin\b|api[-_]?key|session", re.IGNORECASE)
"""Headers, and commands of line protocols (AUTH of Redis and SMTP, PASS, LOGIN), that carry credentials."""


def quoted(text: str) -> str:
    """Returns text in quotes, cut where it is long."""
    return _cut(json.dumps(text[: MAX_VALUE + 1], ensure_ascii=False))


def names_credential(text: str) -> bool:
    """Returns whether a header of this name, or what is said in these words, may carry a credential."""
    return _CREDENTIAL.search(text) is not None


def begins(body: bytes, *, quotes: bool) -> str:
    """Returns the number of bytes, and the first of them: `512 bytes, "<html>..."`."""
    count = f"{len(body)} byte{'' if len(body) == 1 else 's'}"
    if not quotes or not body:
        return count
    return f"{count}, {quoted(body[: 4 * MAX_VALUE].decode(errors='replace'))}"


def header_value(name: str, value: str, *, quotes: bool) -> str:
    """Returns the value of a header."""
    return quoted(value) if quotes and name.lower() not in _NEVER_SHOWN else f"a text of {len(value)} characters"


def json_value(value: object, *, quotes: bool) -> str:
    """Returns a value as JSON has it; of an object or a list only what it is."""
    match value:
        case None | bool():
            return json.dumps(value)
        case dict():
            return "an object"
        case list():
            return f"a list of {len(value)}"
        case str() if not quotes:
            return f"a text of {len(value)} characters"
        case str():
            return quoted(value)
        case _ if not quotes:
            return "a number"
    return _cut(json.dumps(value))


def some(values: Sequence[str], *, of: int = 0) -> str:
    """Returns the first few values in a row, and how many more there are; `of` where not all are given."""
    more = max(of, len(values)) - MAX_VALUES
    return ", ".join(map(_cut, values[:MAX_VALUES])) + (f" and {more} more" if more > 0 else "")


def statuses(ranges: Sequence[tuple[int, int]]) -> str:
    """Returns the good statuses of HTTP: `200-299`, `401 or 403`."""
    return " or ".join(f"{first}" if first == last else f"{first}-{last}" for first, last in ranges[:MAX_VALUES]) + (
        " or others" if len(ranges) > MAX_VALUES else ""
    )


def path_of(path: str) -> str:
    """Returns the path of an element in a document."""
    return _cut(path)


def _cut(text: str) -> str:
    # ten: no escape is longer
    safe = escaped(text[: MAX_VALUE + 1], limit=10 * (MAX_VALUE + 1))
    return safe if len(safe) <= MAX_VALUE else f"{safe[: MAX_VALUE - 3]}..."
