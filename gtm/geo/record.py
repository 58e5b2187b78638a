"""A raw record of a database in, a Place out.

Records are untrusted: any field may be missing or of any type, and is then unknown; nothing here raises. Two schemas
are read by the same rules, for no key of one means something else in the other:

    MaxMind   country.iso_code  subdivisions[0].iso_code  city.names.en  location.latitude  autonomous_system_number
    DB-IP     country_code      (state1 has no code)      city           latitude           autonomous_system_number
"""

import math
import re
from collections.abc import Mapping
from types import MappingProxyType

from gtm.geo.countries import CONTINENTS, COUNTRIES
from gtm.geo.place import Coordinates, Place

MOST_NAME_CHARACTERS = 200
"""Of a city or an organization: longer ones are cut, so that a database cannot blow up logs and answers."""


Record = Mapping[object, object]
"""What any map of a database is: nothing is known of its keys and values."""

NOTHING: Record = MappingProxyType({})


def place_of(record: object) -> Place:
    """Returns the place that a record tells of; NOWHERE when it tells of none."""
    found = _map(record)
    country = _country(found)
    known = COUNTRIES.get(country)
    city = found.get("city")
    return Place(
        continent=_continent(found) or (known.continent if known else ""),
        country=country,
        subdivision=_subdivision(found, country),
        city=_name(_map(_map(city).get("names")).get("en")) or _name(city),
        at=_coordinates(found) or (known.at if known else None),
        asn=_asn(found),
        organization=_name(found.get("autonomous_system_organization")),
    )


def coordinates(latitude: object, longitude: object) -> Coordinates | None:
    """Returns a point on the Earth, or None when these two numbers are not one."""
    north, east = _number(latitude), _number(longitude)
    if north is None or east is None or abs(north) > 90 or abs(east) > 180:
        return None
    return Coordinates(north, east)


def _country(record: Record) -> str:
    # registered_country is where the holder of the network is; the next best thing, as for satellite providers.
    codes = (
        _map(record.get("country")).get("iso_code"),
        record.get("country_code"),
        _map(record.get("registered_country")).get("iso_code"),
    )
    return next(filter(_is_country, map(_code, codes)), "")


def _is_country(code: str) -> bool:
    return COUNTRY_CODE.fullmatch(code) is not None and code not in NO_COUNTRY


COUNTRY_CODE = re.compile("[A-Z]{2}")
SUBDIVISION_CODE = re.compile("[A-Z0-9]{1,3}")
NO_COUNTRY = frozenset({"ZZ", "XX"})
"""What databases write where they know none."""


def _continent(record: Record) -> str:
    code = _code(_map(record.get("continent")).get("code"))
    if code in CONTINENTS:
        return code
    code = _code(record.get("continent_code"))
    return code if code in CONTINENTS else ""


def _subdivision(record: Record, country: str) -> str:
    subdivisions = record.get("subdivisions")
    if not country or not isinstance(subdivisions, list) or not subdivisions:
        return ""
    code = _code(_map(subdivisions[0]).get("iso_code"))
    return f"{country}-{code}" if SUBDIVISION_CODE.fullmatch(code) else ""


def _coordinates(record: Record) -> Coordinates | None:
    location = _map(record.get("location"))
    return coordinates(location.get("latitude"), location.get("longitude")) or coordinates(
        record.get("latitude"), record.get("longitude")
    )


def _asn(record: Record) -> int | None:
    number = record.get("autonomous_system_number")
    if isinstance(number, int) and not isinstance(number, bool) and 0 < number < 2**32:
        return number
    return None


def _map(value: object) -> Record:
    return value if isinstance(value, dict) else NOTHING


def _code(value: object) -> str:
    return value.strip().upper() if isinstance(value, str) else ""


def _name(value: object) -> str:
    return value.strip()[:MOST_NAME_CHARACTERS] if isinstance(value, str) else ""


def _number(value: object) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        number = float(value)
    except OverflowError:
        return None
    return number if math.isfinite(number) else None
