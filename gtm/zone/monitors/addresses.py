"""The rule for a target with several addresses: which of them have to pass."""

from enum import Enum


class Addresses(Enum):
    """What a target with several addresses takes to be up (gtm/probe/addresses.py)."""

    NEXT = "next"
    """The first that is reached is judged, as clients do."""
    ANY = "any"
    ALL = "all"
