"""What came of loading geo files (geodata.py): a geography, its sources, and problems."""

from dataclasses import dataclass
from pathlib import Path

from gtm.geo.geography import NO_GEOGRAPHY, Geography


@dataclass(frozen=True, slots=True)
class Source:
    """One file that was loaded."""

    path: Path
    type: str
    """The database type as the file says, or `custom networks`."""
    built_at: int | None
    """Seconds since 1970; None for custom networks."""
    size_bytes: int
    networks: int
    description: str = ""
    digest: bytes = b""
    """Of what is in it."""


@dataclass(frozen=True, slots=True, eq=False)
class GeoLoad:
    """A geography, and how it came about."""

    geography: Geography
    problems: tuple[str, ...]
    """What could not be loaded and why, one line for each mistake; empty when all is well."""
    sources: tuple[Source, ...]
    """What serves, in the order of preference, custom networks last."""


NO_GEO = GeoLoad(NO_GEOGRAPHY, (), ())
"""Nothing was loaded."""
