"""Country codes of databases: two letters -> a country, a continent, or nothing.

Only codes of COUNTRIES are countries. Others that databases have are:

    another code of a country    UK (GB), EL (GR), and those that ISO 3166 reserves for a part of one: IC (ES), AC (SH)
    a country of another name    BU (MM), ZR (CD), TP (TL): withdrawn, ISO 3166-3, with one successor
    of several countries         CS, AN, YU, SU: withdrawn, of which only the continent is sure; EU, AP
    nothing                      ZZ, XX, A1, -, and whatever else

Files of registries and of those who read them have thousands of networks under EU and AP, and some under CS and AN.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple

from gtm.geo.countries import CONTINENTS, COUNTRIES


class Meaning(NamedTuple):
    """The country and continent that a code means; empty where they are unknown."""

    country: str = ""
    continent: str = ""


NOTHING = Meaning()


def meaning(code: str) -> Meaning:
    """Returns the country and continent that a two-letter code in capitals means; NOTHING for an unknown code."""
    code = OTHER_CODES.get(code, code)
    if code in COUNTRIES:
        return Meaning(code, COUNTRIES[code].continent)
    return Meaning("", CONTINENT_OF[code]) if code in CONTINENT_OF else NOTHING


def continent_of(code: str) -> str:
    """Returns the code (in capitals) if it is that of a continent, else an empty text."""
    return code if code in CONTINENTS else ""


OTHER_CODES: Mapping[str, str] = MappingProxyType(
    {
        "AC": "SH",  # Ascension
        "BU": "MM",  # Burma
        "CP": "FR",  # Clipperton
        "DD": "DE",  # German Democratic Republic
        "DG": "IO",  # Diego Garcia
        "DY": "BJ",  # Dahomey
        "EA": "ES",  # Ceuta, Melilla
        "EL": "GR",  # as the institutions of the European Union write it
        "FX": "FR",  # Metropolitan France
        "HV": "BF",  # Upper Volta
        "IC": "ES",  # Canary Islands
        "NH": "VU",  # New Hebrides
        "RH": "ZW",  # Southern Rhodesia
        "SF": "FI",  # Finland, to 1995
        "TA": "SH",  # Tristan da Cunha
        "TP": "TL",  # East Timor
        "UK": "GB",
        "VD": "VN",  # Viet-Nam, Democratic Republic of
        "YD": "YE",  # Yemen, Democratic
        "ZR": "CD",  # Zaire
    }
)
"""Exceptionally reserved in ISO 3166-1, or withdrawn with one successor (ISO 3166-3)."""

CONTINENT_OF: Mapping[str, str] = MappingProxyType(
    {
        "AN": "NA",  # Netherlands Antilles, now BQ, CW and SX; not Antarctica, which is AQ as a country
        "AP": "AS",  # Asia/Pacific
        "CS": "EU",  # Serbia and Montenegro, and before that Czechoslovakia
        "EU": "EU",
        "EZ": "EU",  # Eurozone
        "PC": "OC",  # Pacific Islands (Trust Territory)
        "SU": "EU",  # Soviet Union
        "YU": "EU",  # Yugoslavia
    }
)
"""Of several countries, all or most on one continent."""
