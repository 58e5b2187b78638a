"""Strict JSON: what strangers sent, as a Struct of msgspec, or the first thing that is wrong with it.

What comes in: bytes or text from anywhere. What goes out: a value; or ReportInvalid `malformed`, and nothing else, with
words that repeat none of the input. Decoding stops at the first mistake, and makes no more than the types say: a
million unknown keys cost what the first of them costs. Of a key that is there twice the last counts, as in every
parser of JSON that others use; numbers that no float or 64-bit integer can hold, NaN and lone surrogates are refused.
"""

import re
from typing import Annotated, TypeVar

import msgspec
from msgspec import Meta

from gtm.errors import ReportInvalid
from gtm.health.verdict.reading import clean_detail

MAX_COUNT = 2**63 - 1
"""What any other program can hold as an integer."""

MAX_SECONDS = 1e12
"""Far beyond any time and age; only to keep absurd numbers out of arithmetic."""

Name = Annotated[str, Meta(pattern=r"\A[A-Za-z0-9._-]{1,64}\Z")]
"""Of a node or a vantage."""
Count = Annotated[int, Meta(ge=0, le=MAX_COUNT)]
Seconds = Annotated[float, Meta(ge=0, le=MAX_SECONDS)]
Position = tuple[Annotated[float, Meta(ge=-90, le=90)], Annotated[float, Meta(ge=-180, le=180)]]
"""In degrees, as geo/place.py has it."""


class Strict(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A mapping of JSON that this program composed, or something that pretends to be one."""


_Value = TypeVar("_Value")


def decoded(decoder: msgspec.json.Decoder[_Value], raw: bytes | bytearray | str) -> _Value:
    """Returns the value of a JSON text, or raises ReportInvalid."""
    try:
        return decoder.decode(raw)
    except (msgspec.MsgspecError, ValueError, RecursionError) as error:
        raise ReportInvalid("malformed", _words(str(error))) from error


def printable(value: str) -> str:
    """Returns text that may stand in a log; raises ValueError for other."""
    if not value.isprintable():
        raise ValueError("holds characters that do not print")
    return value


_UNKNOWN_KEY = "Object contains unknown field"
_UNKNOWN_WORD = "Invalid enum value"
"""How those messages of msgspec begin that quote the input."""

_PLACE = re.compile(r"`(\$[\w.\[\]]{0,100})`\Z")


def _words(message: str) -> str:
    if message.startswith(_UNKNOWN_KEY):
        return "a key that is not known"
    if message.startswith(_UNKNOWN_WORD):
        place = _PLACE.search(message)
        return f"a word that is not known at {place[1]}" if place is not None else "a word that is not known"
    return clean_detail(message)
