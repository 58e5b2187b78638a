"""The last good zone files, stored: a node serves from them when it starts and its zone folder is broken or gone.

What comes in: a catalogue, or the stored text. What goes out: text, or a catalogue made by parsing it again. The next
reading takes that for the catalogue before (folder.py): unchanged files are not parsed again, and files with problems
keep their last good zone. It opens no file: gtm/node/state/folder.py does.

Every zone is stored with the shared file (_shared.yaml) that it was parsed with, which need not be the newest.
"""

import logging
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import msgspec

from gtm.errors import StateInvalid, ZoneInvalid
from gtm.watch.composing import fingerprint_of, problems_of
from gtm.watch.folder import EMPTY, Catalogue, Loaded, Text
from gtm.watch.scanner import native_scanner
from gtm.zone.parse import NO_SHARED, Shared, parse, parse_shared
from gtm.zone.records_file.parse import MasterFile
from gtm.zone.steering import Vocabulary

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class KeptZone:
    """One stored zone file."""

    name: str
    """The file's path relative to the zone folder."""
    text: str
    shared: int | None = None
    """The index, in `KeptFolder.shared`, of the shared file that the zone was parsed with; None for no shared file."""
    records: str | None = None
    """The content of its records file; None for none."""
    included: dict[str, str] = field(default_factory=dict)
    """The content of the files that the records file includes, by name."""


@dataclass(frozen=True, slots=True)
class KeptFolder:
    """The stored zone files of one zone folder."""

    version: int
    folder: str
    """The absolute path of the zone folder: stored zones of another folder are not used."""
    shared: tuple[Text, ...]
    """Every shared file (_shared.yaml) that one of the zones was parsed with, and the newest good one."""
    newest: int | None
    """The index, in `shared`, of the newest good shared file; None for no shared file."""
    zones: tuple[KeptZone, ...]


VERSION = 1


def compose_kept(folder: Path, catalogue: Catalogue) -> str:
    """Returns the zone files, shared files and records files of a catalogue as JSON text."""
    shared: dict[Text, int] = {}

    def number(source: Text | None) -> int | None:
        return None if source is None else shared.setdefault(Text(_name(source), source.content), len(shared))

    zones = tuple(
        KeptZone(
            _name(loaded.source),
            loaded.source.content,
            number(loaded.shared_source),
            None if loaded.records is None else loaded.records.decode(),
            {name: content.decode() for name, content in loaded.included.items()},
        )
        for loaded in catalogue.loaded
        if loaded.source is not None
    )
    newest = number(catalogue.shared_source)
    kept = KeptFolder(VERSION, str(folder.absolute()), tuple(shared), newest, zones)
    return msgspec.json.encode(kept).decode()


def parse_kept(text: str) -> KeptFolder:
    """Returns the stored zone files. Raises StateInvalid when the text is damaged or of another version."""
    try:
        kept = msgspec.json.decode(text, type=KeptFolder)
    except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
        raise StateInvalid("is damaged") from error
    if kept.version != VERSION:
        raise StateInvalid("is of another version")
    return kept


def revive(kept: KeptFolder, folder: Path, vocabulary: Vocabulary) -> Catalogue:
    """Returns the catalogue made by parsing the stored zone files; empty when they belong to another folder.

    A zone beyond the limits of this program version serves on, and its file is read again, so that the problem is
    reported. A zone that this version, or its filters, can no longer parse is left out.
    """
    if kept.folder != str(folder.absolute()):
        return EMPTY
    shared: dict[int | None, _Shared] = {
        number: _revive_shared(text, folder) for number, text in enumerate(kept.shared)
    }
    made = [_revive_zone(zone, folder, shared.get(zone.shared, _NONE), vocabulary) for zone in kept.zones]
    newest, source = shared.get(kept.newest, _NONE)
    return Catalogue(
        tuple(each for each in made if each is not None),
        shared=newest,
        shared_source=source,
        stale=frozenset(str(folder / zone.name) for zone in kept.zones if zone.shared != kept.newest),
    )


_Shared = tuple[Shared, Text | None]
_NONE: _Shared = (NO_SHARED, None)


def _revive_shared(text: Text, folder: Path) -> _Shared:
    source = Text(str(folder / text.file), text.content)
    try:
        return parse_shared(source.content, source.file), source
    except Exception as error:  # noqa: BLE001  # it is logged
        problems_of(error, source.file)
        return _NONE


def _revive_zone(zone: KeptZone, folder: Path, beside: _Shared, vocabulary: Vocabulary) -> Loaded | None:
    shared, shared_source = beside
    source = Text(str(folder / zone.name), zone.text)
    records = None if zone.records is None else zone.records.encode()

    included = {name: content.encode() for name, content in zone.included.items()}

    def fetch(name: str) -> MasterFile:
        return MasterFile(
            str(folder / name),
            records or b"",
            native_scanner(),
            lambda name: included.get(name, b""),
            str(folder.absolute()),
            name,
        )

    make = partial(parse, source.content, source.file, shared, vocabulary, fetch)
    try:
        with suppress(ZoneInvalid):
            return Loaded(fingerprint_of(zone.text.encode()), make(), source, shared_source, records, included)
        # an empty fingerprint: the file is read again
        return Loaded("", make(is_limited=False), source, shared_source, records, included)
    except Exception as error:  # noqa: BLE001  # it is logged
        message = problems_of(error, source.file)[0].message
        log.warning("kept zones: %s is left out, and not served unless its file is good now: %s", zone.name, message)
        return None


def _name(text: Text) -> str:
    return Path(text.file).name
