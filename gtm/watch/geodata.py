"""Loads geo files: paths in, a Geography out, with a report of what was loaded and what is wrong.

A missing or corrupt file never raises: it is a problem in the report, and what remains serves. With nothing left
everyone gets the default order. A file is read once, into memory of this process: who maps a database instead is killed
(SIGBUS) when somebody overwrites it in place.
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
"""Several times the largest that is sold."""
MAX_NETWORKS_BYTES = networks.MAX_CHARACTERS
"""As many as such a file may have characters."""

GEO_FILES = FileReader("geo files")


def load(paths: Sequence[Path], networks_path: Path | None = None) -> GeoLoad:
    """Returns the combined knowledge of the databases, the first preferred, and the custom networks file."""
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
    """Returns the database in a file; raises DatabaseInvalid, with the path in front, when it tells no places."""
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
    """Returns the content of the file of a database; raises DatabaseInvalid, with the path in front."""
    try:
        return GEO_FILES.read(path, limit=MAX_DATABASE_BYTES).data
    except FileUnreadable as exc:
        raise DatabaseInvalid(str(exc)) from exc
    except MemoryError as exc:
        raise DatabaseInvalid(f"{path}: {NO_MEMORY}") from exc


def parse_database(content: bytes, *, odd: bool = False) -> Database:
    """Returns the database in the bytes of a file, and what is odd in it, if asked.

    Raises DatabaseInvalid when it tells no places.
    """
    # The reader in Python is safe, and fast enough for small files.
    parsed = (_parse_here if len(content) <= MOST_BYTES_HERE else decode_apart)(content, odd=odd)
    if not any(place != NOWHERE for place in parsed.places):
        raise DatabaseInvalid(f'type "{parsed.type}" tells no places; City, Country and ASN databases do')
    return parsed


MOST_BYTES_HERE = 32 * 2**20
"""Smaller files have so few different records that they are decoded in about as long as a process takes to start."""


def _parse_here(content: bytes, *, odd: bool) -> Database:
    with opened(BytesIO(content), maxminddb.MODE_FD) as reader:
        return database.parse(reader, content, odd=odd)


def read_networks(path: Path) -> tuple[tuple[CustomNetwork, ...], Source]:
    """Returns the custom networks in a file; raises NetworksInvalid with all its mistakes."""
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
    """Returns a fingerprint that changes when one of these files is replaced or edited.

    None stands for a file that is not there.
    """
    return tuple(GEO_FILES.stamps(paths))
