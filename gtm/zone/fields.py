"""The kinds of value that zone files have beside those of every YAML file: plain YAML -> typed values.

In come plain values; out go TTLs, names, addresses, coordinates, HTTP statuses; or pydantic errors in our words, which
pydantic gathers with the path to each. Durations, numbers and text are in gtm/config/fields.py, what refers to
something else in the file is in gtm/zone/references.py. It must not know of whole files.
"""

import re
from collections.abc import Callable
from ipaddress import ip_address
from typing import Annotated

from dns.name import Name
from pydantic import AfterValidator, BeforeValidator, PlainValidator, WithJsonSchema

from gtm.config.fields import (
    DURATION_PATTERN,
    DURATION_SCHEMA,
    TEXT_SCHEMA,
    between,
    error,
    found,
    pattern_schema,
    seconds,
    text,
    text_like,
)
from gtm.dns.text import parse_mailbox, parse_name
from gtm.errors import TextInvalid
from gtm.geo.place import Coordinates
from gtm.ids import SHARED_SCOPE, Address

MAX_TTL = 2**31 - 1
"""RFC 2181 section 8."""
LABEL_PATTERN = r"^[A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?$"
"""Names of regions and monitors: they become part of identifiers, which `/` separates."""
HOST_PATTERN = (
    r"^([A-Za-z0-9_]([A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?)(\.[A-Za-z0-9_]([A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?)*\.?$"
)
PATH_PATTERN = r"^/[!-~]*$"
_STEP = r"[A-Za-z0-9_][A-Za-z0-9._-]{0,120}"
RECORDS_FILE_PATTERN = rf"^(?:\./)?(?:{_STEP}/){{0,7}}{_STEP}\.zone$"
"""A path in the zone folder or below: whoever may write a zone file must not read other files through it."""


def ttl(value: object) -> int:
    """Returns a TTL in seconds, from a whole number or a duration; raises a pydantic error for anything else."""
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


Interval = Annotated[float, PlainValidator(between(0.1, 3600.0, "100ms to 1h")), DURATION_SCHEMA]
Timeout = Annotated[float, PlainValidator(between(0.01, 60.0, "10ms to 1m")), DURATION_SCHEMA]


def ttl_forms(*, least: int = 0) -> list[dict[str, object]]:
    """Returns the JSON Schemas of the two forms of a TTL: `least` or more whole seconds, or a duration."""
    return [
        {"type": "integer", "minimum": least, "maximum": MAX_TTL},
        {"type": "string", "pattern": DURATION_PATTERN},
    ]


Ttl = Annotated[int, PlainValidator(ttl), WithJsonSchema({"oneOf": ttl_forms()})]


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
