"""Texts for the detail of a failure: the values of an answer, and the expected values. Pure.

What comes in: values of an answer, of any content, and the values that a monitor expects. What goes out: printable
text, each value within MAX_VALUE characters.

An endpoint may echo a request: so no part of the answer to a request with a secret is quoted. Of a text only the length
is given then; values that can hold no secret (true, null, or that a value is a list) are given all the same.
Secrets are those that a zone file names, and values that it has under the name of a credential.
"""

import json
import re
from collections.abc import Sequence

from gtm.escape import escaped

MAX_VALUE = 48
"""Most characters of one value: a detail has 200, and holds two values and their place."""
MAX_VALUES = 3
"""Most values of a list."""

_NEVER_SHOWN = frozenset({"set-cookie", "set-cookie2", "authorization", "proxy-authorization", "authentication-info"})
"""Headers whose values are always credentials."""
_CREDENTIAL = re.compile(r"auth|cookie|token|secret|passw|\bpass\b|\blogin\b|api[-_]?key|session", re.IGNORECASE)
"""Headers, and commands of line protocols (AUTH of Redis and SMTP, PASS, LOGIN), that carry credentials."""


def quoted(text: str) -> str:
    """Returns the text in quotes, shortened if it is long."""
    return _cut(json.dumps(text[: MAX_VALUE + 1], ensure_ascii=False))


def names_credential(text: str) -> bool:
    """Returns whether a header of this name, or a protocol line with this text, may carry a credential."""
    return _CREDENTIAL.search(text) is not None


def begins(body: bytes, *, quotes: bool) -> str:
    """Returns the number of bytes of a body and its beginning: `512 bytes, "<html>..."`.

    Without `quotes` the beginning is left out.
    """
    count = f"{len(body)} byte{'' if len(body) == 1 else 's'}"
    if not quotes or not body:
        return count
    return f"{count}, {quoted(body[: 4 * MAX_VALUE].decode(errors='replace'))}"


def header_value(name: str, value: str, *, quotes: bool) -> str:
    """Returns a header's value for a detail. Without `quotes`, or for a credential, it is not quoted."""
    return quoted(value) if quotes and name.lower() not in _NEVER_SHOWN else f"a text of {len(value)} characters"


def json_value(value: object, *, quotes: bool) -> str:
    """Returns a value as JSON text; for an object or a list only which of them it is.

    Without `quotes`, values that may hold a secret are not quoted.
    """
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
    """Returns the first few values and the number of the others.

    `of` is the number of all values where `values` has only a part of them.
    """
    more = max(of, len(values)) - MAX_VALUES
    return ", ".join(map(_cut, values[:MAX_VALUES])) + (f" and {more} more" if more > 0 else "")


def statuses(ranges: Sequence[tuple[int, int]]) -> str:
    """Returns the good HTTP statuses as text: `200-299`, `401 or 403`."""
    return " or ".join(f"{first}" if first == last else f"{first}-{last}" for first, last in ranges[:MAX_VALUES]) + (
        " or others" if len(ranges) > MAX_VALUES else ""
    )


def path_of(path: str) -> str:
    """Returns the path of a JSON element for a detail, shortened if it is long."""
    return _cut(path)


def _cut(text: str) -> str:
    # ten: no escape is longer
    safe = escaped(text[: MAX_VALUE + 1], limit=10 * (MAX_VALUE + 1))
    return safe if len(safe) <= MAX_VALUE else f"{safe[: MAX_VALUE - 3]}..."
