"""Verifies a geo database and installs it: a file in, a verification out, and the old file replaced atomically.

A database is good when

    1. it is whole: every node of its search tree and every record that differs can be read
    2. it has places: the City, Country or ASN schema
    3. if it has countries: nearly all known answers of its address families are right, as geoip2 reads them, which
       other programs use too
    4. it is not much smaller than the one it replaces, and lacks no countries or family that that one has; only this
       rule can be overridden (--force)

The bytes that are verified are the bytes that are written: the file is read once. Running nodes notice the new file by
its fingerprint.
"""

import os
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from io import BytesIO
from ipaddress import ip_address
from pathlib import Path
from typing import NamedTuple

import geoip2.database
from geoip2.errors import AddressNotFoundError
from geoip2.models import Country
from maxminddb import MODE_FD

from gtm.errors import DatabaseInvalid
from gtm.geo import merging
from gtm.geo.database import MALFORMED, NO_MEMORY, Database, DatabaseOddity
from gtm.watch.geodata import parse_database, read_content, read_database
from gtm.watch.geoload import Source

LEAST_SHARE_OF_REPLACED = 0.8
"""A monthly refresh changes a database by a few percent; a fifth less is an accident, such as a cut download."""

LEAST_SHARE_OF_ANSWERS = 0.8
"""Networks are sold and databases err, so a few known answers may differ."""

KNOWN_ANSWERS = (
    ("8.8.8.8", "US"),
    ("24.48.0.1", "CA"),
    ("81.2.69.160", "GB"),
    ("129.132.1.1", "CH"),
    ("130.37.1.1", "NL"),
    ("133.11.1.1", "JP"),
    ("141.30.1.1", "DE"),
    ("147.46.1.1", "KR"),
    ("200.160.2.3", "BR"),
    ("203.116.0.1", "SG"),
    ("2001:12ff::10", "BR"),
    ("2001:638::1", "DE"),
    ("2001:660::1", "FR"),
    ("240e::1", "CN"),
)
"""Addresses of universities, registries and carriers that have been in one country for decades."""


@dataclass(frozen=True, slots=True)
class KnownAnswer:
    """The country that a database gives for an address whose country is known."""

    address: str
    expected: str
    found: str
    """The country code that the database gives; empty when it gives none."""


@dataclass(frozen=True, slots=True)
class Verification:
    """The properties of a database that passed verification."""

    path: Path
    type: str
    built_at: int
    """Unix time in seconds."""
    size_bytes: int
    networks: int
    families: frozenset[str]
    """The address families that the database covers: IPv4, IPv6."""
    places: int
    locates: bool
    """Whether it has countries. Otherwise it has autonomous systems alone, and the known answers are not checked."""
    answers: tuple[KnownAnswer, ...]
    oddities: tuple[DatabaseOddity, ...]
    """The records that are not read exactly as they stand in the file. The database is good all the same."""

    @property
    def right_answers(self) -> int:
        """Returns the number of known answers that the database gives correctly."""
        return sum(answer.found == answer.expected for answer in self.answers)


def verify(path: Path) -> Verification:
    """Returns the verification of a database file.

    Raises DatabaseInvalid, with the reason, if the database is not good.
    """
    return _verify(path, read_content(path))


def install(source: Path, target: Path, *, replaced: Path, force: bool) -> Verification:
    """Verifies the database `source` and writes it to `target` atomically.

    Raises DatabaseInvalid and changes nothing if it is not good. It may not be much smaller than `replaced`, the
    database in use until now, or lack countries or a family that this one has, unless `force` is True.
    """
    content = read_content(source)
    verification = _verify(source, content)
    if not force:
        _refuse_loss(verification, replaced)
    try:
        _replace(target, content)
    except OSError as exc:
        raise DatabaseInvalid(f"{target}: cannot be written: {exc.strerror or exc}") from exc
    return verification


def attribution(sources: Sequence[Source]) -> tuple[str, ...]:
    """Returns the attributions that the licences of these databases ask for, each once.

    For a database of an unknown maker, the text says that the maker is unknown.
    """
    databases = [source for source in sources if source.built_at is not None]
    makers = [_maker(source) for source in databases]
    notices = tuple(maker.notice for maker in MAKERS if maker in makers)
    return notices + tuple(
        f'{source.path}: nothing in this database of type "{source.type}" says who made it; '
        "say what the licence under which you have it asks for"
        for source, maker in zip(databases, makers, strict=True)
        if maker is None
    )


class Maker(NamedTuple):
    """A maker of databases, and the attribution that its licence asks for."""

    types: tuple[str, ...]
    """The beginnings of the database types that the maker uses, in lower case."""
    words: tuple[str, ...]
    """Words in the descriptions of the maker's databases, in lower case; they count for any database type."""
    notice: str


MAKERS = (
    Maker(
        ("dbip", "db-ip"),
        ("db-ip", "dbip"),
        "IP Geolocation by DB-IP (https://db-ip.com), licensed under CC BY 4.0 "
        "(https://creativecommons.org/licenses/by/4.0/). A web page that shows or uses results links back: "
        '<a href="https://db-ip.com">IP Geolocation by DB-IP</a>',
    ),
    Maker(
        ("geolite",),
        ("geolite",),
        "This product includes GeoLite data created by MaxMind, available from https://www.maxmind.com",
    ),
    Maker(
        ("geoip",),
        ("geoip", "maxmind"),
        "This product includes GeoIP data created by MaxMind, available from https://www.maxmind.com",
    ),
)
"""Types such as `country ipvAll` name only the format, and programs that convert tables write them: they tell no
maker."""


def _maker(source: Source) -> Maker | None:
    """Returns the maker of a database, found by its type or else by its description; None if unknown."""
    kind, description = source.type.lower(), source.description.lower()
    by_type = (maker for maker in MAKERS if kind.startswith(maker.types))
    by_description = (maker for maker in MAKERS if any(word in description for word in maker.words))
    return next(by_type, None) or next(by_description, None)


def _verify(path: Path, content: bytes) -> Verification:
    try:
        database = parse_database(content, odd=True)
        locates = _locates(database)
        answers = _answers(database, content) if locates else ()
    except DatabaseInvalid as exc:
        raise DatabaseInvalid(f"{path}: {exc}") from exc
    verification = Verification(
        path=path,
        type=database.type,
        built_at=database.built_at,
        size_bytes=len(content),
        networks=database.networks,
        families=_families(database),
        places=len(set(database.places)),
        locates=locates,
        answers=answers,
        oddities=database.oddities,
    )
    if verification.right_answers < LEAST_SHARE_OF_ANSWERS * len(answers):
        wrong = ", ".join(
            f"{answer.address} is {answer.found or 'nowhere'}, not {answer.expected}"
            for answer in answers
            if answer.found != answer.expected
        )
        count = f"{len(answers) - verification.right_answers} of {len(answers)}"
        raise DatabaseInvalid(f"{path}: {count} known answers are wrong: {wrong}")
    return verification


def _families(database: Database) -> frozenset[str]:
    tries = {"IPv4": database.v4, "IPv6": database.v6}
    return frozenset(family for family, trie in tries.items() if trie.root < ~0 or (trie.slots < ~0).any())


def _locates(database: Database) -> bool:
    return any(place.country for place in database.places)


def _answers(database: Database, content: bytes) -> tuple[KnownAnswer, ...]:
    """Returns the database's answers for the known addresses of the families that it covers."""
    families = _families(database)
    covered = [(text, country) for text, country in KNOWN_ANSWERS if ("IPv6" if ":" in text else "IPv4") in families]
    if "City" in database.type or "Country" in database.type:
        return _answers_of_model(covered, content, is_city="City" in database.type)
    # geoip2 refuses other types, such as the flat ones of DB-IP.
    whole = merging.build([database])
    return tuple(KnownAnswer(text, country, whole.locate(ip_address(text)).place.country) for text, country in covered)


def _answers_of_model(covered: Sequence[tuple[str, str]], content: bytes, *, is_city: bool) -> tuple[KnownAnswer, ...]:
    try:
        with geoip2.database.Reader(BytesIO(content), mode=MODE_FD) as reader:
            ask = reader.city if is_city else reader.country
            return tuple(KnownAnswer(text, country, _country(ask, text)) for text, country in covered)
    except MemoryError as exc:
        raise DatabaseInvalid(NO_MEMORY) from exc
    except MALFORMED as exc:
        raise DatabaseInvalid(f"geoip2 cannot read it: {exc}") from exc


def _country(ask: Callable[[str], Country], address: str) -> str:
    try:
        country = ask(address)
    except AddressNotFoundError:
        return ""
    return country.country.iso_code or country.registered_country.iso_code or ""


def _refuse_loss(new: Verification, replaced: Path) -> None:
    try:
        old, source = read_database(replaced)
    except DatabaseInvalid:
        return
    if new.size_bytes < LEAST_SHARE_OF_REPLACED * source.size_bytes:
        loss = f"{new.size_bytes:,} bytes, and {replaced} has {source.size_bytes:,}"
    elif new.networks < LEAST_SHARE_OF_REPLACED * old.networks:
        loss = f"{new.networks:,} networks, and {replaced} has {old.networks:,}"
    elif _locates(old) and not new.locates:
        loss = f"no countries, and {replaced} has them"
    elif lost := _families(old) - new.families:
        loss = f"no {' and no '.join(sorted(lost))} addresses, and {replaced} has them"
    else:
        return
    raise DatabaseInvalid(f"{new.path}: it has {loss}; to install it all the same, use --force")


def _replace(target: Path, content: bytes) -> None:
    """Writes a file beside `target` and renames it over `target`.

    A process that has the old file mapped keeps all of it.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    descriptor, name = tempfile.mkstemp(prefix=f".{target.name}.", dir=target.parent)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fchmod(descriptor, target.stat().st_mode & 0o777 if target.exists() else READABLE_BY_ALL)
            os.fsync(descriptor)
        Path(name).replace(target)
    except OSError:
        Path(name).unlink(missing_ok=True)
        raise
    _sync_folder(target.parent)


READABLE_BY_ALL = 0o644
"""File mode of a new database: nodes often run as another user than the person who installs."""


def _sync_folder(folder: Path) -> None:
    """Flushes the folder to disk, so that a rename survives a power cut."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
