"""The kinds of value a zone file has: plain YAML -> typed values, each with its words for what is wrong.

In come plain values, out go seconds, numbers, names, addresses and coordinates; or pydantic errors in our words, which
pydantic gathers with the path to each. What refers to something else is in gtm/zone/references.py. It must not know
of whole files.
"""

import difflib
import re
from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass, field
from ipaddress import ip_address
from itertools import islice
from typing import Annotated, TypeVar

from dns.name import Name
from pydantic import AfterValidator, BeforeValidator, PlainValidator, WithJsonSchema
from pydantic_core import PydanticCustomError

from gtm.dns.text import parse_mailbox, parse_name
from gtm.errors import TextInvalid
from gtm.geo.place import Coordinates
from gtm.ids import SHARED_SCOPE, Address

MAX_TTL = 2**31 - 1
"""RFC 2181 section 8."""
_MAX_SECONDS = float(MAX_TTL)
_UNITS_S = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}
DURATION_PATTERN = r"^[0-9]+(\.[0-9]+)?(ms|s|m|h)$"
LABEL_PATTERN = r"^[A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?$"
"""Names of regions and monitors: they become part of identifiers, which `/` separates."""
HOST_PATTERN = (
    r"^([A-Za-z0-9_]([A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?)(\.[A-Za-z0-9_]([A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?)*\.?$"
)
PATH_PATTERN = r"^/[!-~]*$"
_STEP = r"[A-Za-z0-9_][A-Za-z0-9._-]{0,120}"
RECORDS_FILE_PATTERN = rf"^(?:\./)?(?:{_STEP}/){{0,7}}{_STEP}\.zone$"
"""In the folder itself: whoever may write a zone file must not read others through it."""
CONTINENTS = ("AF", "AN", "AS", "EU", "NA", "OC", "SA")


def error(message: str) -> PydanticCustomError:
    """Returns a pydantic error that carries our words as they are."""
    return PydanticCustomError("ours", "{message}", {"message": message})


def unknown(what: str, name: str, known: Collection[str], *, shown: str = "") -> PydanticCustomError:
    """Returns the error of a name that nobody has, without a suggestion yet: only what is told gets one."""
    return PydanticCustomError("unknown", "unknown", {"unknown": Unknown(what, name, known, shown or f'"{name}"')})


@dataclass(frozen=True, slots=True)
class Unknown:
    """A name that nobody has. Its words are made only when somebody asks: pydantic makes text of it again and again."""

    what: str
    name: str
    known: Collection[str] = field(repr=False)
    shown: str

    def words(self) -> str:
        """Returns what is wrong, with a suggestion."""
        return f"unknown {self.what} {self.shown}{suggestion(self.name, self.known, or_all=True)}"


_MAX_LISTED = 12
"""A longer list is no help in a message."""
_MAX_COMPARED = 100
"""Names that are compared letter by letter, which takes 30 microseconds each; a file may have 50,000."""
_MAX_WORD = 255
"""A longer name is nobody's."""


def suggestion(word: str, known: Collection[str], *, or_all: bool = False) -> str:
    """Returns `; did you mean "..."?`, or what there is to choose from, or nothing."""
    folded = word.casefold()
    alike = known if len(known) <= _MAX_COMPARED else islice(_alike(folded, known), _MAX_COMPARED)
    names = {name.casefold(): name for name in reversed(list(alike))} if len(word) <= _MAX_WORD else {}
    near = difflib.get_close_matches(folded, list(names), n=1, cutoff=0.6)
    if near:
        return f'; did you mean "{names[near[0]]}"?'
    if not or_all or len(known) > _MAX_LISTED:
        return ""
    return f"; known: {', '.join(sorted(known))}" if known else "; none is defined"


def _alike(word: str, known: Iterable[str]) -> Iterator[str]:
    """Yields names of about the length of a word: those that begin and end as it does, then those that do either."""
    begins, ends = word[:2], word[-2:]
    some: list[str] = []
    for name in known:
        if abs(len(name) - len(word)) <= 1:
            folded = name.casefold()
            if folded.startswith(begins) and folded.endswith(ends):
                yield name
            elif len(some) < _MAX_COMPARED and (folded.startswith(begins) or folded.endswith(ends)):
                some.append(name)
    yield from some


def found(value: object) -> str:
    """Returns what a value is, for people."""
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
    """Returns a duration in seconds."""
    match = re.fullmatch(r"([0-9]{1,12}(?:\.[0-9]{1,12})?)(ms|s|m|h)", value) if isinstance(value, str) else None
    if match is None:
        raise error(f"expected a duration such as 500ms, 5s, 2m or 1h, not {found(value)}")
    duration_s = float(match[1]) * _UNITS_S[match[2]]
    if duration_s > _MAX_SECONDS:
        raise error(f"{value} is too long; the longest duration is {MAX_TTL}s")
    return duration_s


def ttl(value: object) -> int:
    """Returns a TTL in seconds."""
    if isinstance(value, str) and re.fullmatch(DURATION_PATTERN, value):
        duration_s = seconds(value)
        if not duration_s.is_integer():
            raise error(f"a TTL is whole seconds, not {value}")
        return int(duration_s)
    if not isinstance(value, int) or isinstance(value, bool):
        raise error(f"expected a TTL such as 60 or 5m, not {found(value)}")
    if not 0 <= value <= MAX_TTL:
        raise error(f"a TTL is 0 to {MAX_TTL} seconds, not {value}")
    return value


def between(low_s: float, high_s: float, words: str) -> Callable[[object], float]:
    """Returns the validator of a duration from low to high, both included, as the words say."""

    def duration(value: object) -> float:
        duration_s = seconds(value)
        if not low_s <= duration_s <= high_s:
            raise error(f"must be {words}, not {value}")
        return duration_s

    return duration


_DURATION_SCHEMA = WithJsonSchema({"type": "string", "pattern": DURATION_PATTERN})
Interval = Annotated[float, PlainValidator(between(0.1, 3600.0, "100ms to 1h")), _DURATION_SCHEMA]
StaleHold = Annotated[float, PlainValidator(between(10.0, 86_400.0, "10s to 24h")), _DURATION_SCHEMA]
Timeout = Annotated[float, PlainValidator(between(0.01, 60.0, "10ms to 1m")), _DURATION_SCHEMA]


def ttl_forms(*, least: int = 0) -> list[dict[str, object]]:
    """Returns the JSON Schemas of the two forms of a TTL: whole seconds, so many at least, or a duration."""
    return [
        {"type": "integer", "minimum": least, "maximum": MAX_TTL},
        {"type": "string", "pattern": DURATION_PATTERN},
    ]


Ttl = Annotated[int, PlainValidator(ttl), WithJsonSchema({"oneOf": ttl_forms()})]


def whole(low: int, high: int) -> PlainValidator:
    """Returns the validator of a whole number from low to high, both included."""

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


def enum_schema(words: Iterable[str]) -> WithJsonSchema:
    """Returns the JSON Schema of one word out of a closed set."""
    return WithJsonSchema({"enum": list(words)})


Choice = TypeVar("Choice")


def choice(what: str, options: dict[str, Choice]) -> PlainValidator:
    """Returns the validator of one word out of a closed set."""

    def check(value: object) -> Choice:
        if isinstance(value, str) and value in options:
            return options[value]
        raise unknown(what, str(value), options, shown=found(value))

    return PlainValidator(check)


def text_like(pattern: str, words: str) -> PlainValidator:
    """Returns the validator of text that fits a pattern."""

    def check(value: object) -> str:
        if isinstance(value, str) and re.fullmatch(pattern, value):
            return value
        raise error(f"{words}, not {found(value)}")

    return PlainValidator(check)


RecordsFile = Annotated[
    str,
    text_like(RECORDS_FILE_PATTERN, "expected the name of a file beside this one, or below, that ends in .zone"),
    AfterValidator(lambda name: name.removeprefix("./")),
    pattern_schema(RECORDS_FILE_PATTERN),
]


def _key(value: str) -> str:
    if not re.fullmatch(LABEL_PATTERN, value):
        raise error(f'"{value}" cannot be a name here: letters, digits, ".", "_" and "-", at most 63')
    return value


Key = Annotated[str, BeforeValidator(_key)]


def text(value: object) -> str:
    """Returns the value if it is text."""
    if not isinstance(value, str):
        if value is None:
            raise error("expected text, but there is nothing")
        hint = "; put it in quotes" if isinstance(value, bool | int | float) else ""
        raise error(f"expected text, not {found(value)}{hint}")
    return value


Text = Annotated[str, BeforeValidator(text)]
TEXT_SCHEMA = WithJsonSchema({"type": "string", "minLength": 1})


def _name(value: object, parse: Callable[[str], Name]) -> Name:
    try:
        return parse(text(value))
    except TextInvalid as invalid:
        raise error(str(invalid)) from invalid


def _host(value: object) -> Name:
    name = _name(value, lambda typed: parse_name(typed.removesuffix(".")))
    if not re.fullmatch(HOST_PATTERN, name.to_text()):
        raise error(f"expected the absolute name of a host, not {found(value)}")
    return name


def _zone_name(value: object) -> Name:
    if value == ".":
        raise error("the root zone cannot be served here")
    name = _name(value, lambda typed: parse_name(typed.removesuffix(".")))
    if name.to_text(omit_final_dot=True).lower() == SHARED_SCOPE:  # however it was written
        raise error(f'"{value}" is not the name of a zone: monitors of the shared file have it before theirs')
    return name


def _mailbox(value: object) -> Name:
    return _name(value, parse_mailbox)


HostName = Annotated[Name, PlainValidator(_host), TEXT_SCHEMA]
ZoneName = Annotated[Name, PlainValidator(_zone_name), TEXT_SCHEMA]
Mailbox = Annotated[Name, PlainValidator(_mailbox), TEXT_SCHEMA]


def _address(value: object) -> Address:
    try:
        address = ip_address(text(value))
    except ValueError:
        raise error(f"expected an IPv4 or IPv6 address, not {found(value)}") from None
    if getattr(address, "scope_id", None) or address.is_unspecified or address.is_multicast:
        raise error(f"{address} is not the address of one machine that everybody reaches")
    return address


EndpointAddress = Annotated[Address, PlainValidator(_address), WithJsonSchema({"type": "string", "minLength": 2})]


def _coordinates(value: object) -> Coordinates | None:
    if value == "auto":
        return None
    numbers = [item for item in value if isinstance(item, int | float)] if isinstance(value, list) else []
    if not isinstance(value, list) or len(value) != 2 or len(numbers) != 2 or bool in map(type, numbers):
        raise error(f"expected [latitude, longitude] or auto, not {found(value)}")
    latitude, longitude = map(float, numbers)
    if not -90 <= latitude <= 90:
        raise error(f"a latitude is -90 to 90 degrees, not {numbers[0]}")
    if not -180 <= longitude <= 180:
        raise error(f"a longitude is -180 to 180 degrees, not {numbers[1]}")
    return Coordinates(latitude, longitude)


At = Annotated[
    Coordinates | None,
    PlainValidator(_coordinates),
    WithJsonSchema(
        {
            "oneOf": [
                {"const": "auto"},
                {
                    "type": "array",
                    "prefixItems": [
                        {"type": "number", "minimum": -90, "maximum": 90},
                        {"type": "number", "minimum": -180, "maximum": 180},
                    ],
                    "minItems": 2,
                    "maxItems": 2,
                },
            ]
        }
    ),
]


def _statuses(value: object) -> tuple[int, int]:
    low, dash, high = value.partition("-") if isinstance(value, str) else (str(value), "", "")
    bounds = (low, high if dash else low)
    if isinstance(value, bool) or not all(re.fullmatch("[1-5][0-9][0-9]", bound) for bound in bounds):
        raise error(f'expected an HTTP status such as 200, or a range such as "200-299", not {found(value)}')
    if bounds[0] > bounds[1]:
        raise error(f'the range "{value}" is empty; the smaller status comes first')
    return (int(bounds[0]), int(bounds[1]))


Statuses = Annotated[
    tuple[int, int],
    PlainValidator(_statuses),
    WithJsonSchema(
        {
            "oneOf": [
                {"type": "integer", "minimum": 100, "maximum": 599},
                {"type": "string", "pattern": "^[1-5][0-9][0-9](-[1-5][0-9][0-9])?$"},
            ]
        }
    ),
]
