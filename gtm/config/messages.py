"""A pydantic ValidationError -> problems in our words, each at its line and column.

In come the error, the document that it is about and the Grammar of its kind of file; out go problems. Our own
validators speak for themselves (types `ours` and `unknown`); for what pydantic finds by itself, the words are here. It
must not pass pydantic's wording on, nor repeat a secret.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from gtm.config.document import Document, Path, Scalar
from gtm.config.fields import found
from gtm.config.suggestions import suggestion
from gtm.errors import Problem, Problems


@dataclass(frozen=True, slots=True)
class Grammar:
    """The kinds of mapping in one kind of YAML file, with the words for messages about them."""

    nouns: Mapping[type[BaseModel], str]
    places: tuple[tuple[Path, type[BaseModel]], ...]
    """The kind of mapping at each path; `*` is any step."""
    too_short: Mapping[str, str]
    """The message for an empty list, by its key."""
    too_short_otherwise: str = "at least one value is needed here"
    """The message for any other empty list or mapping."""
    keys_by_type: Mapping[type[BaseModel], Callable[[str], tuple[str, ...]]] = field(default_factory=dict)
    """For kinds of mapping whose keys depend on `type`: returns the keys of a type; none for an unknown type."""
    private: tuple[Path, ...] = ()
    """Paths of secrets, or where people put them by mistake. No message repeats a value at or below such a path."""

    def is_private(self, path: Path) -> bool:
        """Returns whether the value at a path may be a secret."""
        return any(path[: len(place)] == place for place in self.private)


def problems(error: ValidationError, document: Document, top: type[BaseModel], grammar: Grammar) -> tuple[Problem, ...]:
    """Returns the problems of a file: the first MAX_PROBLEMS, and the number of further ones.

    `top` is the kind of mapping at the top of the file.
    """
    places: dict[tuple[int, int], list[ErrorDetails]] = {}
    for details in error.errors(include_url=False):
        problem = _problem(details, document, "")
        places.setdefault((problem.line, problem.column), []).append(details)
    all_problems = Problems()
    for place in sorted(places):
        if all_problems.is_full(document.file):
            all_problems.leave(document.file, 1)
            continue
        for details in places[place][:_MOST_AT_A_PLACE]:  # aliases repeat what is wrong with what they stand for
            message = _message(details, document, top, grammar)
            all_problems.add(_problem(details, document, _repeatable(message, details, document, grammar)))
    return all_problems.all


_MOST_AT_A_PLACE = 20
"""The most problems at one place. All missing keys of a mapping have its place; no mapping lacks more."""


def _problem(details: ErrorDetails, document: Document, message: str) -> Problem:
    path: Path = details["loc"]
    at_key = details["type"] == "extra_forbidden" or path[-1:] == ("[key]",)
    return document.problem(path, message, at_key=at_key)


_SOMETHING = "what stands there"
_USER = re.compile(r"//[^/?#\s]*@")
"""The part of a URL that may have a password (RFC 3986 3.2.1)."""


def _repeatable(message: str, details: ErrorDetails, document: Document, grammar: Grammar) -> str:
    """Returns the message without the value that it is about, if the value may be or contain a secret."""
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
"""Characters of the shortest secret. Shorter text is no secret, and may be part of any word."""


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
            return grammar.too_short.get(str(path[-1]), grammar.too_short_otherwise)
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
    keys_of = grammar.keys_by_type.get(kind)
    type_node = document.at((*path[:-1], "type"))
    if keys_of is not None and isinstance(type_node, Scalar) and (keys_of_type := keys_of(type_node.text)):
        noun, keys = f"{noun} of type {type_node.text}", keys_of_type
    return f"unknown key{shown}" + (suggestion(key, keys) or f"; {noun} has {', '.join(keys)}")


def _kind(path: Path, top: type[BaseModel], grammar: Grammar) -> type[BaseModel]:
    for pattern, kind in grammar.places:
        if len(pattern) == len(path) and all(want in ("*", step) for want, step in zip(pattern, path, strict=True)):
            return kind
    return top
