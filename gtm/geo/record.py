"""A raw record of a database in, a Place out.

Records are untrusted: any field may be missing or of any type, and is then unknown; nothing here raises. Two schemas
are read by the same rules, for no key of one means something else in the other:

    MaxMind   country.iso_code  subdivisions[0].iso_code  city.names.en  location.latitude  autonomous_system_number
    DB-IP     country_code      (state1 has no code)      city           latitude           autonomous_system_number
"""

import math
import re
from collections.abc import Mapping

from gtm.geo.countries import CONTINENTS, COUNTRIES
from gtm.geo.place import Coordinates, Place

MOST_NAME_CHARACTERS = 200
"""Of a city or an organization: longer ones are cut, so that a database cannot blow up logs and answers."""


def place_of(record: object) -> Place:
    """Returns the place that a record tells of; NOWHERE when it tells of none."""
    country = _country(record)
    known = COUNTRIES.get(country)
    return Place(
        continent=_continent(record) or (known.continent if known else ""),
        country=country,
        subdivision=_subdivision(record, country),
        city=_name(_at(record, "city", "names", "en")) or _name(_at(record, "city")),
        at=_coordinates(record) or (known.at if known else None),
        asn=_asn(record),
        organization=_name(_at(record, "autonomous_system_organization")),
    )


def coordinates(latitude: object, longitude: object) -> Coordinates | None:
    """Returns a point on the Earth, or None when these two numbers are not one."""
    north, east = _number(latitude), _number(longitude)
    if north is None or east is None or abs(north) > 90 or abs(east) > 180:
        return None
    return Coordinates(north, east)


def _country(record: object) -> str:
    # registered_country is where the holder of the network is; the next best thing, as for satellite providers.
    for path in (("country", "iso_code"), ("country_code",), ("registered_country", "iso_code")):
        code = _code(_at(record, *path))
        if re.fullmatch("[A-Z]{2}", code) and code not in NO_COUNTRY:
            return code
    return ""


NO_COUNTRY = frozenset({"ZZ", "XX"})
"""What databases write where they know none."""


def _continent(record: object) -> str:
    for path in (("continent", "code"), ("continent_code",)):
        code = _code(_at(record, *path))
        if code in CONTINENTS:
            return code
    return ""


def _subdivision(record: object, country: str) -> str:
    subdivisions = _at(record, "subdivisions")
    first = subdivisions[0] if isinstance(subdivisions, list) and subdivisions else None
    code = _code(_at(first, "iso_code"))
    return f"{country}-{code}" if country and re.fullmatch("[A-Z0-9]{1,3}", code) else ""


def _coordinates(record: object) -> Coordinates | None:
    return coordinates(_at(record, "location", "latitude"), _at(record, "location", "longitude")) or coordinates(
        _at(record, "latitude"), _at(record, "longitude")
    )


def _asn(record: object) -> int | None:
    number = _at(record, "autonomous_system_number")
    if isinstance(number, int) and not isinstance(number, bool) and 0 < number < 2**32:
        return number
    return None


def _at(record: object, *path: str) -> object:
    for key in path:
        if not isinstance(record, Mapping):
            return None
        record = record.get(key)
    return record


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
