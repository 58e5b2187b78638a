"""The result of loading geo files (geodata.py): a geography, its sources, and problems."""

from dataclasses import dataclass
from pathlib import Path

from gtm.geo.geography import NO_GEOGRAPHY, Geography


@dataclass(frozen=True, slots=True)
class Source:
    """One file that was loaded."""

    path: Path
    type: str
    """The database type that the file names, or `custom networks`."""
    built_at: int | None
    """Unix time in seconds; None for custom networks."""
    size_bytes: int
    networks: int
    description: str = ""
    digest: bytes = b""
    """The digest of the file's content."""


@dataclass(frozen=True, slots=True, eq=False)
class GeoLoad:
    """A geography, with its sources and the problems of loading it."""

    geography: Geography
    problems: tuple[str, ...]
    """The reason for each file, or each mistake in one, that could not be loaded; empty when all files were loaded."""
    sources: tuple[Source, ...]
    """The files that were loaded, in the order of preference, custom networks last."""


NO_GEO = GeoLoad(NO_GEOGRAPHY, (), ())
"""The result when nothing was loaded."""
