"""The kinds of value that any YAML file of this program may have: plain YAML -> typed values.

In come plain values (gtm/config/document.py); out go durations in seconds, whole numbers, text, words of a closed set;
or pydantic errors in our words, which pydantic gathers with the path to each. Each kind comes with its JSON Schema. It
must not know what a file is about: zones, names, addresses and coordinates are in gtm/zone/fields.py.
"""

import re
from collections.abc import Callable, Iterable
from typing import Annotated, TypeVar

from pydantic import BeforeValidator, PlainValidator, WithJsonSchema
from pydantic_core import PydanticCustomError

from gtm.config.suggestions import unknown

LONGEST_DURATION_S = 2**31 - 1
_SECONDS_PER_UNIT = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}
DURATION_PATTERN = r"^[0-9]+(\.[0-9]+)?(ms|s|m|h)$"
DURATION_SCHEMA = WithJsonSchema({"type": "string", "pattern": DURATION_PATTERN})


def error(message: str) -> PydanticCustomError:
    """Returns a pydantic error whose message is shown as it is."""
    return PydanticCustomError("ours", "{message}", {"message": message})


def found(value: object) -> str:
    """Returns a description of a plain value for messages, such as `the number 5` or `a list`."""
    match value:
        case None:
            return "nothing"
        case bool():
            return "true" if value else "false"
        case int() | float():
            return f"the number {value}"
        case str():
            return f'"{value if len(value) <= 60 else value[:57] + "..."}"'
        case list():
            return "a list"
    return "keys with values"


def seconds(value: object) -> float:
    """Returns the seconds of a duration such as `500ms` or `5s`; raises a pydantic error for anything else."""
    match = re.fullmatch(r"([0-9]{1,12}(?:\.[0-9]{1,12})?)(ms|s|m|h)", value) if isinstance(value, str) else None
    if match is None:
        raise error(f"expected a duration such as 500ms, 5s, 2m or 1h, not {found(value)}")
    duration_s = float(match[1]) * _SECONDS_PER_UNIT[match[2]]
    if duration_s > LONGEST_DURATION_S:
        raise error(f"{value} is too long; the longest duration is {LONGEST_DURATION_S}s")
    return duration_s


def between(low_s: float, high_s: float, expected: str) -> Callable[[object], float]:
    """Returns a validator of durations from low to high, both included; `expected` names this range in its error."""

    def duration(value: object) -> float:
        duration_s = seconds(value)
        if not low_s <= duration_s <= high_s:
            raise error(f"must be {expected}, not {value}")
        return duration_s

    return duration


def whole(low: int, high: int) -> PlainValidator:
    """Returns a pydantic validator of whole numbers from low to high, both included."""

    def check(value: object) -> int:
        if not isinstance(value, int) or isinstance(value, bool):
            raise error(f"expected a whole number, not {found(value)}")
        if not low <= value <= high:
            raise error(f"must be {low} to {high}, not {value}")
        return value

    return PlainValidator(check)


def whole_schema(low: int, high: int) -> WithJsonSchema:
    """Returns the JSON Schema of a whole number from low to high, both included."""
    return WithJsonSchema({"type": "integer", "minimum": low, "maximum": high})


def pattern_schema(pattern: str) -> WithJsonSchema:
    """Returns the JSON Schema of text that fits a pattern."""
    return WithJsonSchema({"type": "string", "pattern": pattern})


def enum_schema(choices: Iterable[str]) -> WithJsonSchema:
    """Returns the JSON Schema of one word out of a closed set."""
    return WithJsonSchema({"enum": list(choices)})


Choice = TypeVar("Choice")


def choice(what: str, options: dict[str, Choice]) -> PlainValidator:
    """Returns a pydantic validator that turns a word of `options` into its value; `what` names the key in its error."""

    def check(value: object) -> Choice:
        if isinstance(value, str) and value in options:
            return options[value]
        raise unknown(what, str(value), options, shown=found(value))

    return PlainValidator(check)


def text_like(pattern: str, example: str) -> PlainValidator:
    """Returns a pydantic validator of text that fits a pattern; `example` is the start of its error message."""

    def check(value: object) -> str:
        if isinstance(value, str) and re.fullmatch(pattern, value):
            return value
        raise error(f"{example}, not {found(value)}")

    return PlainValidator(check)


def text(value: object) -> str:
    """Returns the value if it is text; raises a pydantic error for anything else."""
    if not isinstance(value, str):
        if value is None:
            raise error("expected text, but there is nothing")
        hint = "; put it in quotes" if isinstance(value, bool | int | float) else ""
        raise error(f"expected text, not {found(value)}{hint}")
    return value


Text = Annotated[str, BeforeValidator(text)]
TEXT_SCHEMA = WithJsonSchema({"type": "string", "minLength": 1})
