"""A raw record of a database in, a Place out.

Records are untrusted: any field may be missing or of any type, and is then unknown; nothing here raises. Two schemas
are read by the same rules, for no key of one means something else in the other:

    MaxMind   country.iso_code  subdivisions[0].iso_code  city.names.en  location.latitude  autonomous_system_number
    DB-IP     country_code      (state1 has no code)      city           latitude           autonomous_system_number

What writers get wrong is read as it was meant; `gtm geodata verify` tells it (gtm/geo/oddities.py):

    a code of no country     a continent, another country's code, or nothing (gtm/geo/codes.py)
    the point 0, 0           nothing is known: there is only sea
    a boolean for a number   1 and 0; a writer that took equal values for the same wrote True for 1.0, and for AS 1
"""

import math
import re
from collections.abc import Mapping
from types import MappingProxyType

from gtm.geo.codes import Meaning, continent_of, meaning
from gtm.geo.countries import COUNTRIES
from gtm.geo.place import Coordinates, Place

MOST_NAME_CHARACTERS = 200
"""Of a city or an organization: longer ones are cut, so that a database cannot blow up logs and answers."""


Record = Mapping[object, object]
"""What any map of a database is: nothing is known of its keys and values."""

NOTHING: Record = MappingProxyType({})


def place_of(record: object) -> Place:
    """Returns the place that a database record describes; NOWHERE if it describes none."""
    fields = as_map(record)
    country, continent = _where(fields)
    city = fields.get("city")
    return Place(
        continent=continent,
        country=country,
        subdivision=_subdivision(fields, country),
        city=_name(as_map(as_map(city).get("names")).get("en")) or _name(city),
        at=_coordinates(fields) or (COUNTRIES[country].at if country else None),
        asn=_asn(fields),
        organization=_name(fields.get("autonomous_system_organization")),
    )


def coordinates(latitude: object, longitude: object) -> Coordinates | None:
    """Returns a point on the Earth, or None when these two numbers are not one."""
    north, east = _number(latitude), _number(longitude)
    if north is None or east is None or abs(north) > 90 or abs(east) > 180:
        return None
    return Coordinates(north, east)


def country_codes(record: Record) -> tuple[str, str]:
    """Returns the country codes of a record, one for each schema (MaxMind, DB-IP); empty where it has none."""
    return _code(as_map(record.get("country")).get("iso_code")), _code(record.get("country_code"))


def continent_code(record: Record) -> str:
    """Returns the continent that a record names, empty for none."""
    code = _code(as_map(record.get("continent")).get("code"))
    return continent_of(code) or continent_of(_code(record.get("continent_code")))


def _where(record: Record) -> Meaning:
    """Returns the country with its continent, which is the same in all records; or the continent alone."""
    meanings = [*map(meaning, country_codes(record))]
    named = next((each for each in meanings if each.country), None)
    if named is not None:
        return named
    continent = continent_code(record) or next((each.continent for each in meanings if each.continent), "")
    # registered_country is where the holder of the network is; the next best thing, as for satellite providers.
    registered = meaning(_code(as_map(record.get("registered_country")).get("iso_code")))
    if registered.country and continent in {"", registered.continent}:
        return registered
    return Meaning("", continent or registered.continent)


def _subdivision(record: Record, country: str) -> str:
    subdivisions = record.get("subdivisions")
    if not country or not isinstance(subdivisions, list) or not subdivisions:
        return ""
    code = _code(as_map(subdivisions[0]).get("iso_code"))
    return f"{country}-{code}" if SUBDIVISION_CODE.fullmatch(code) else ""


SUBDIVISION_CODE = re.compile("[A-Z0-9]{1,3}")


def raw_coordinates(record: Record) -> tuple[object, object]:
    """Returns the latitude and longitude of a record, in either schema."""
    for each in (as_map(record.get("location")), record):
        latitude, longitude = each.get("latitude"), each.get("longitude")
        if coordinates(latitude, longitude) is not None:
            return latitude, longitude
    return None, None


def _coordinates(record: Record) -> Coordinates | None:
    point = coordinates(*raw_coordinates(record))
    return None if point == NULL_ISLAND else point


NULL_ISLAND = Coordinates(0.0, 0.0)
"""In the Gulf of Guinea: what programs make of a place that they do not know."""


def _asn(record: Record) -> int | None:
    number = record.get("autonomous_system_number")
    if isinstance(number, int) and 0 < number < 2**32:
        return int(number)
    return None


def as_map(value: object) -> Record:
    """Returns the value if it is a map, else an empty map."""
    return value if isinstance(value, dict) else NOTHING


def _code(value: object) -> str:
    return value.strip().upper() if isinstance(value, str) else ""


def _name(value: object) -> str:
    name = value.strip()[:MOST_NAME_CHARACTERS] if isinstance(value, str) else ""
    return "" if name == NO_NAME else name


NO_NAME = "-"
"""What some databases write where they know none."""


def _number(value: object) -> float | None:
    if not isinstance(value, int | float):
        return None
    try:
        number = float(value)
    except OverflowError:
        return None
    return number if math.isfinite(number) else None
