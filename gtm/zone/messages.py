"""A pydantic ValidationError -> problems in our words, each at its line and column.

In comes the error and the document that it is about, out go problems. Our own validators speak for themselves
(type `ours`); the table has the words for what pydantic finds by itself. It must not pass pydantic's wording on.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from gtm.config.document import Document, Path, Scalar
from gtm.errors import Problem, Problems
from gtm.zone.fields import found, suggestion
from gtm.zone.monitors.schema import ExpectEntry, MonitorEntry, TlsEntry, keys_of
from gtm.zone.safety import SafetyEntry
from gtm.zone.schema import (
    EndpointEntry,
    RecordEntry,
    RegionEntry,
    ServiceEntry,
    SharedEntry,
    ZoneEntry,
)
from gtm.zone.soa_schema import SoaEntry


@dataclass(frozen=True, slots=True)
class Grammar:
    """The kinds of mapping in one kind of file, for messages about them."""

    nouns: Mapping[type[BaseModel], str]
    places: tuple[tuple[Path, type[BaseModel]], ...]
    """Which kind of mapping stands at a path; `*` is any step."""
    too_short: Mapping[str, str]
    """What to say of an empty list, by its key."""
    private: tuple[Path, ...] = ()
    """Where secrets stand, or are put by mistake: no value from there down is repeated, for many may read a message."""

    def is_private(self, path: Path) -> bool:
        """Returns whether what is at a path may be a secret."""
        return any(path[: len(place)] == place for place in self.private)


_NOUNS: Mapping[type[BaseModel], str] = {
    ZoneEntry: "a zone",
    SoaEntry: "soa",
    SharedEntry: "the shared file",
    RegionEntry: "a region",
    MonitorEntry: "a monitor",
    ExpectEntry: "expect",
    TlsEntry: "tls",
    ServiceEntry: "a service",
    EndpointEntry: "an endpoint",
    RecordEntry: "a record",
    SafetyEntry: "safety",
}

_PLACES: tuple[tuple[Path, type[BaseModel]], ...] = (
    (("regions", "*"), RegionEntry),
    (("monitors", "*"), MonitorEntry),
    (("monitors", "*", "expect"), ExpectEntry),
    (("monitors", "*", "tls"), TlsEntry),
    (("safety",), SafetyEntry),
    (("soa",), SoaEntry),
    (("services", "*", "safety"), SafetyEntry),
    (("services", "*"), ServiceEntry),
    (("services", "*", "endpoints", "*"), EndpointEntry),
    (("records", "*", "*"), RecordEntry),
)

_TOO_SHORT = {
    "endpoints": "a service needs at least one endpoint",
    "nameservers": "a zone needs at least one nameserver",
    "status": "expect needs at least one status",
    "values": "a record needs at least one value",
}

ZONE_GRAMMAR = Grammar(_NOUNS, _PLACES, _TOO_SHORT)


def problems(
    error: ValidationError, document: Document, top: type[BaseModel], grammar: Grammar = ZONE_GRAMMAR
) -> tuple[Problem, ...]:
    """Returns what is wrong with a file whose top is of this kind: the first MAX_PROBLEMS, and how many more."""
    places: dict[tuple[int, int], list[ErrorDetails]] = {}
    for details in error.errors(include_url=False):
        problem = _problem(details, document, "")
        places.setdefault((problem.line, problem.column), []).append(details)
    found = Problems()
    for place in sorted(places):
        if found.is_full(document.file):
            found.leave(document.file, 1)
            continue
        for details in places[place][:_MOST_AT_A_PLACE]:  # aliases repeat what is wrong with what they stand for
            message = _message(details, document, top, grammar)
            found.add(_problem(details, document, _repeatable(message, details, document, grammar)))
    return found.all


_MOST_AT_A_PLACE = 20
"""Keys that are missing in a mapping have its place; none lacks more."""


def _problem(details: ErrorDetails, document: Document, message: str) -> Problem:
    path: Path = details["loc"]
    at_key = details["type"] == "extra_forbidden" or path[-1:] == ("[key]",)
    return document.problem(path, message, at_key=at_key)


_SOMETHING = "what stands there"
_USER = re.compile(r"//[^/?#\s]*@")
"""The part of an address that may have a password (RFC 3986 3.2.1)."""


def _repeatable(message: str, details: ErrorDetails, document: Document, grammar: Grammar) -> str:
    """Returns the message without the value that it is about, where that may be, or have, a secret."""
    value, path = details["input"], details["loc"]
    if not isinstance(value, str | int | float):
        return message
    is_key = path[-1:] == ("[key]",)
    is_secret = _is_secret_key(path[:-1], document, grammar) if is_key else grammar.is_private(path)
    if not is_secret:
        plain = _USER.sub("//...@", str(value))  # first, for what is long is cut
        return _USER.sub("//...@", message if plain == str(value) else message.replace(found(value), found(plain)))
    hidden = message.replace(found(value), _SOMETHING).replace(f"[{value}]", "[...]")
    return hidden if hidden != message or len(str(value)) < _LEAST_SECRET else message.replace(str(value), "...")


_LEAST_SECRET = 4
"""Characters. Less is no secret, and may be part of any word."""


def _is_secret_key(path: Path, document: Document, grammar: Grammar) -> bool:
    """Returns whether a key may be a secret: `API: {SECRET}` is a key without a value."""
    there = document.at(path)
    return grammar.is_private(path) and isinstance(there, Scalar) and there.value is None


def _message(details: ErrorDetails, document: Document, top: type[BaseModel], grammar: Grammar) -> str:
    path: Path = details["loc"]
    value = details["input"]
    match details["type"]:
        case "ours":
            return str(details["ctx"]["message"])
        case "unknown":
            return str(details["ctx"]["unknown"].words())
        case "extra_forbidden":
            return _unknown_key(path, document, _kind(path[:-1], top, grammar), grammar)
        case "missing":
            return f'missing key "{path[-1]}": {grammar.nouns[_kind(path[:-1], top, grammar)]} needs one'
        case "too_short":
            return grammar.too_short.get(str(path[-1]), "a name needs at least one record")
        case "list_type":
            alone = f"; write [{value}]" if isinstance(value, str | int | float) else ""
            return f"expected a list, not {found(value)}{alone}"
        case "dict_type" | "model_type" | "model_attributes_type":
            if value is None:
                return "expected keys with values, but there is nothing; fill it in, or remove the key"
            return f"expected keys with values, not {found(value)}"
        case "bool_type":
            return f"expected true or false, not {found(value)}"
    return f"cannot be {found(value)}"


def _unknown_key(path: Path, document: Document, kind: type[BaseModel], grammar: Grammar) -> str:
    key, noun, keys = str(path[-1]), grammar.nouns[kind], tuple(kind.model_fields)
    shown = "" if _is_secret_key(path, document, grammar) else f' "{key}"'
    which = document.at((*path[:-1], "type"))
    if kind is MonitorEntry and isinstance(which, Scalar) and (own := keys_of(which.text)):
        noun, keys = f"a monitor of type {which.text}", own
    return f"unknown key{shown}" + (suggestion(key, keys) or f"; {noun} has {', '.join(keys)}")


def _kind(path: Path, top: type[BaseModel], grammar: Grammar) -> type[BaseModel]:
    for pattern, kind in grammar.places:
        if len(pattern) == len(path) and all(want in ("*", step) for want, step in zip(pattern, path, strict=True)):
            return kind
    return top
