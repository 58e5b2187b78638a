"""Loads geo files: paths in, a Geography out, with a report of what was loaded and what is wrong.

A missing or corrupt file never raises: it is a problem in the report, and what remains serves. With nothing left
all clients get the default order. A file is read once, into memory of this process: a process that maps a database
instead is killed (SIGBUS) when the file is overwritten in place.
"""

from collections.abc import Sequence
from io import BytesIO
from pathlib import Path

import maxminddb

from gtm.content import Stamp
from gtm.errors import DatabaseInvalid, FileUnreadable, NetworksInvalid, Problem
from gtm.files import FileReader
from gtm.geo import database, merging, networks
from gtm.geo.database import NO_MEMORY, Database
from gtm.geo.networks import CustomNetwork
from gtm.geo.place import NOWHERE
from gtm.rereading import digest_of
from gtm.watch.geochild import decode_apart, opened
from gtm.watch.geoload import GeoLoad, Source

MAX_DATABASE_BYTES = 2 * 1024**3
"""The limit of a database file in bytes: several times the largest one that is sold."""
MAX_NETWORKS_BYTES = networks.MAX_CHARACTERS
"""The limit of a custom networks file in bytes: the same as its limit in characters."""

GEO_FILES = FileReader("geo files")


def load(paths: Sequence[Path], networks_path: Path | None = None) -> GeoLoad:
    """Returns the geography merged from databases and custom networks, with the sources and problems.

    Where databases differ, the first in `paths` is preferred. A file that cannot be loaded is a problem, not an error.
    """
    problems: list[str] = []
    sources: list[Source] = []
    databases: list[Database] = []
    for path in paths:
        try:
            loaded, source = read_database(path)
        except DatabaseInvalid as exc:
            problems.append(str(exc))
        else:
            databases.append(loaded)
            sources.append(source)
    custom: tuple[CustomNetwork, ...] = ()
    if networks_path is not None:
        try:
            custom, source = read_networks(networks_path)
        except NetworksInvalid as exc:
            problems.extend(str(problem) for problem in exc.problems)
        else:
            sources.append(source)
    return GeoLoad(merging.build(databases, custom), tuple(problems), tuple(sources))


def read_database(path: Path) -> tuple[Database, Source]:
    """Returns the database in a file, and its description as a source.

    Raises DatabaseInvalid, with the path in the message, if the file cannot be read or has no places.
    """
    content = read_content(path)
    try:
        parsed = parse_database(content)
    except DatabaseInvalid as exc:
        raise DatabaseInvalid(f"{path}: {exc}") from exc
    source = Source(
        path,
        parsed.type,
        parsed.built_at,
        len(content),
        parsed.networks,
        description=parsed.description,
        digest=digest_of(content),
    )
    return parsed, source


def read_content(path: Path) -> bytes:
    """Returns the content of a database file.

    Raises DatabaseInvalid, with the path in the message, if it cannot be read.
    """
    try:
        return GEO_FILES.read(path, limit=MAX_DATABASE_BYTES).data
    except FileUnreadable as exc:
        raise DatabaseInvalid(str(exc)) from exc
    except MemoryError as exc:
        raise DatabaseInvalid(f"{path}: {NO_MEMORY}") from exc


def parse_database(content: bytes, *, odd: bool = False) -> Database:
    """Returns the database in the bytes of a file, with its oddities if `odd` is True.

    Raises DatabaseInvalid if it cannot be decoded, or has no places.
    """
    # The reader in Python is safe, and fast enough for small files.
    parsed = (_parse_here if len(content) <= MOST_BYTES_HERE else decode_apart)(content, odd=odd)
    if not any(place != NOWHERE for place in parsed.places):
        raise DatabaseInvalid(f'type "{parsed.type}" tells no places; City, Country and ASN databases do')
    return parsed


MOST_BYTES_HERE = 32 * 2**20
"""The limit, in bytes, for decoding in this process. Smaller files are decoded in about the time that starting a
process takes."""


def _parse_here(content: bytes, *, odd: bool) -> Database:
    with opened(BytesIO(content), maxminddb.MODE_FD) as reader:
        return database.parse(reader, content, odd=odd)


def read_networks(path: Path) -> tuple[tuple[CustomNetwork, ...], Source]:
    """Returns the custom networks in a file, and the file as a source.

    Raises NetworksInvalid, with all problems, if the file cannot be read or has mistakes.
    """
    try:
        content = GEO_FILES.read(path, limit=MAX_NETWORKS_BYTES).data
        custom = networks.parse(content.decode(), str(path))
    except FileUnreadable as exc:
        raise NetworksInvalid([Problem(str(path), 1, 1, exc.reason)]) from exc
    except UnicodeDecodeError as exc:
        line = exc.object[: exc.start].count(b"\n") + 1
        raise NetworksInvalid([Problem(str(path), line, 1, "not UTF-8")]) from exc
    return custom, Source(path, "custom networks", None, len(content), len(custom), digest=digest_of(content))


Fingerprint = tuple[Stamp | None, ...]


def fingerprint(paths: Sequence[Path]) -> Fingerprint:
    """Returns the stamps of the geo files, which change when a file is replaced or edited.

    A stamp is None for a file that does not exist.
    """
    return tuple(GEO_FILES.stamps(paths))
