"""What is odd in a record of a database: one line of text for each thing that is not read as it stands there.

In comes a raw record, and the bytes of the file where the type of a number matters; out go texts, the same for the same
oddity, so that whoever reads all records can count them. Nothing here raises, whatever the record.
"""

import struct
from collections.abc import Iterator

from gtm.geo.codes import meaning
from gtm.geo.countries import COUNTRIES
from gtm.geo.database_row import (
    NO_NAME,
    NULL_ISLAND,
    Record,
    as_map,
    continent_code,
    coordinates,
    country_codes,
    place_of,
    raw_coordinates,
)
from gtm.geo.fieldtypes import FLOAT, DataSection

MOST_CODE_CHARACTERS = 8
"""Of a code that is told: it may be any text."""

FLOATS = "coordinates of 32 bits: read here, but gdnsd does not load such a file, and PowerDNS reads 0, 0"


def oddities_of(record: object, data: DataSection, offset: int) -> Iterator[str]:
    """Yields a line of text for each oddity of a record; `offset` is its place in the data section of the file."""
    fields = as_map(record)
    yield from _of_country(fields)
    yield from _of_coordinates(fields)
    if any(data.type_at(offset, path) == FLOAT for path in LATITUDES if _is_exact_in_32_bits(fields)):
        yield FLOATS
    if isinstance(fields.get("autonomous_system_number"), bool):
        yield "a boolean for the number of an autonomous system: true is read as 1"


LATITUDES = (("location", "latitude"), ("latitude",))


def _of_country(record: Record) -> Iterator[str]:
    for code in dict.fromkeys(country_codes(record)):
        means = meaning(code)
        if code in {"", NO_NAME, means.country}:
            continue
        shown = code[:MOST_CODE_CHARACTERS]
        if means.country:
            yield f'country code "{shown}": read as {means.country}'
        elif means.continent:
            yield f'country code "{shown}", no country: read as the continent {means.continent}'
        else:
            yield f'country code "{shown}", no country: read as none'
    country, continent = place_of(record).country, continent_code(record)
    if country and continent not in {"", COUNTRIES[country].continent}:
        yield f"{country} in {continent}: read as in {COUNTRIES[country].continent}"


def _of_coordinates(record: Record) -> Iterator[str]:
    latitude, longitude = raw_coordinates(record)
    if isinstance(latitude, bool) or isinstance(longitude, bool):
        yield "a boolean for a coordinate: true is read as 1, false as 0"
    if coordinates(latitude, longitude) == NULL_ISLAND:
        yield "coordinates 0, 0: read as none"


def _is_exact_in_32_bits(record: Record) -> bool:
    """Returns whether the coordinates may be of 32 bits: hardly any others are worth a second look."""
    point = coordinates(*raw_coordinates(record))
    try:
        return point is not None and all(struct.unpack("f", struct.pack("f", number))[0] == number for number in point)
    except OverflowError:
        return False
