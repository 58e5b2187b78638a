"""A pydantic ValidationError -> problems in our words, each at its line and column.

In comes the error and the document that it is about, out go problems. Our own validators speak for themselves
(type `ours`); the table has the words for what pydantic finds by itself. It must not pass pydantic's wording on.
"""

from collections.abc import Mapping

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from gtm.errors import Problem
from gtm.zone.document import Document, Path
from gtm.zone.fields import found, suggestion
from gtm.zone.schema import (
    EndpointEntry,
    ExpectEntry,
    MonitorEntry,
    RecordEntry,
    RegionEntry,
    ServiceEntry,
    SharedEntry,
    ZoneEntry,
)

_NOUNS: Mapping[type[BaseModel], str] = {
    ZoneEntry: "a zone",
    SharedEntry: "the shared file",
    RegionEntry: "a region",
    MonitorEntry: "a monitor",
    ExpectEntry: "expect",
    ServiceEntry: "a service",
    EndpointEntry: "an endpoint",
    RecordEntry: "a record",
}

_PLACES: tuple[tuple[Path, type[BaseModel]], ...] = (
    (("regions", "*"), RegionEntry),
    (("monitors", "*"), MonitorEntry),
    (("monitors", "*", "expect"), ExpectEntry),
    (("services", "*"), ServiceEntry),
    (("services", "*", "endpoints", "*"), EndpointEntry),
    (("records", "*", "*"), RecordEntry),
)
"""Which kind of mapping stands at a path; `*` is any step."""

_TOO_SHORT = {
    "endpoints": "a service needs at least one endpoint",
    "nameservers": "a zone needs at least one nameserver",
    "status": "expect needs at least one status",
    "values": "a record needs at least one value",
}


def problems(error: ValidationError, document: Document, top: type[BaseModel]) -> list[Problem]:
    """Returns what is wrong with a file whose top is of this kind."""
    return [_problem(details, document, top) for details in error.errors(include_url=False)]


def _problem(details: ErrorDetails, document: Document, top: type[BaseModel]) -> Problem:
    path: Path = details["loc"]
    at_key = details["type"] == "extra_forbidden" or path[-1:] == ("[key]",)
    return document.problem(path, _message(details, path, top), at_key=at_key)


def _message(details: ErrorDetails, path: Path, top: type[BaseModel]) -> str:
    value = details["input"]
    match details["type"]:
        case "ours":
            return str(details["ctx"]["message"])
        case "extra_forbidden":
            return _unknown_key(str(path[-1]), _kind(path[:-1], top))
        case "missing":
            return f'missing key "{path[-1]}": {_NOUNS[_kind(path[:-1], top)]} needs one'
        case "too_short":
            return _TOO_SHORT.get(str(path[-1]), "a name needs at least one record")
        case "list_type":
            return f"expected a list, not {found(value)}"
        case "dict_type" | "model_type" | "model_attributes_type":
            return f"expected keys with values, not {found(value)}"
        case "bool_type":
            return f"expected true or false, not {found(value)}"
    return f"cannot be {found(value)}"


def _unknown_key(key: str, kind: type[BaseModel]) -> str:
    near = suggestion(key, kind.model_fields)
    return f'unknown key "{key}"' + (near or f"; {_NOUNS[kind]} has {', '.join(kind.model_fields)}")


def _kind(path: Path, top: type[BaseModel]) -> type[BaseModel]:
    for pattern, kind in _PLACES:
        if len(pattern) == len(path) and all(want in ("*", step) for want, step in zip(pattern, path, strict=True)):
            return kind
    return top
