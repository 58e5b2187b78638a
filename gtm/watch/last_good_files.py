"""The last good zone files, kept: what a node serves from when it starts and its zone folder is broken or gone.

What comes in: a catalogue, or the text of what was kept. What goes out: text, or a catalogue made by parsing it again,
which then counts as what was read before (folder.py): files that are as they were need no second parse, files that
are broken keep their zone. It opens no file: gtm/node/state/folder.py does.

Every zone is kept with the shared file that it was made with, which need not be the newest.
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
    """One zone file."""

    name: str
    """Within the folder."""
    text: str
    shared: int | None = None
    """The number of the shared file that it was made with."""
    records: str | None = None
    """What its records file said."""
    included: dict[str, str] = field(default_factory=dict)
    """What the files said that it includes, by name."""


@dataclass(frozen=True, slots=True)
class KeptFolder:
    """The good files of a zone folder."""

    version: int
    folder: str
    """Where it was: another folder's zones are not taken for this one's."""
    shared: tuple[Text, ...]
    """Every shared file that one of the zones was made with, and the newest good one."""
    newest: int | None
    """The number of the latter, if there is one."""
    zones: tuple[KeptZone, ...]


VERSION = 1


def compose_kept(folder: Path, catalogue: Catalogue) -> str:
    """Returns the sources of a catalogue as JSON text."""
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
    """Returns the kept folder; raises StateInvalid when the text is damaged."""
    try:
        kept = msgspec.json.decode(text, type=KeptFolder)
    except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
        raise StateInvalid("is damaged") from error
    if kept.version != VERSION:
        raise StateInvalid("is of another version")
    return kept


def revive(kept: KeptFolder, folder: Path, vocabulary: Vocabulary) -> Catalogue:
    """Returns the catalogue of what was kept of this folder; empty when that was another one.

    A zone that asks for more than this version of the program lets one ask for serves on, and its file is read again,
    so that it is told. A zone that this version, or its filters, make nothing of any more is left out.
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
        # of no text: it is read again
        return Loaded("", make(is_limited=False), source, shared_source, records, included)
    except Exception as error:  # noqa: BLE001  # it is logged
        message = problems_of(error, source.file)[0].message
        log.warning("kept zones: %s is left out, and not served unless its file is good now: %s", zone.name, message)
        return None


def _name(text: Text) -> str:
    return Path(text.file).name
