"""Strict JSON: untrusted JSON -> a msgspec Struct, or an error for the first mistake in it.

What comes in: bytes or text from anywhere. What goes out: a value; or ReportInvalid `malformed`, and no other error,
with a message that repeats none of the input. Decoding stops at the first mistake, and creates only the declared
fields: a million unknown keys cost as much as the first of them. If a key occurs twice the last one counts, as in other
JSON parsers. Numbers that fit neither a float nor a 64-bit integer, NaN and lone surrogates are refused.
"""

import re
from typing import Annotated, TypeVar

import msgspec
from msgspec import Meta

from gtm.errors import ReportInvalid
from gtm.health.verdict.reading import clean_detail

MAX_COUNT = 2**63 - 1
"""The largest integer that other programs can store (64 bits, signed)."""

MAX_SECONDS = 1e12
"""Larger than any real time or age; it keeps absurd numbers out of calculations."""

Name = Annotated[str, Meta(pattern=r"\A[A-Za-z0-9._-]{1,64}\Z")]
"""The name of a node or a vantage."""
Count = Annotated[int, Meta(ge=0, le=MAX_COUNT)]
Seconds = Annotated[float, Meta(ge=0, le=MAX_SECONDS)]
Position = tuple[Annotated[float, Meta(ge=-90, le=90)], Annotated[float, Meta(ge=-180, le=180)]]
"""Latitude and longitude in degrees, as in gtm/geo/place.py."""


class Strict(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A JSON object with exactly the fields of the subclass; any other key is refused."""


_Value = TypeVar("_Value")


def decoded(decoder: msgspec.json.Decoder[_Value], raw: bytes | bytearray | str) -> _Value:
    """Returns the value that a decoder makes of a JSON text; raises ReportInvalid if the text is invalid."""
    try:
        return decoder.decode(raw)
    except (msgspec.MsgspecError, ValueError, RecursionError) as error:
        raise ReportInvalid("malformed", _words(str(error))) from error


def printable(value: str) -> str:
    """Returns the same text if all its characters are printable; raises ValueError if not."""
    if not value.isprintable():
        raise ValueError("holds characters that do not print")
    return value


_UNKNOWN_KEY = "Object contains unknown field"
_UNKNOWN_WORD = "Invalid enum value"
"""The beginnings of the two messages of msgspec that quote the input."""

_PLACE = re.compile(r"`(\$[\w.\[\]]{0,100})`\Z")


def _words(message: str) -> str:
    if message.startswith(_UNKNOWN_KEY):
        return "a key that is not known"
    if message.startswith(_UNKNOWN_WORD):
        place = _PLACE.search(message)
        return f"a word that is not known at {place[1]}" if place is not None else "a word that is not known"
    return clean_detail(message)
