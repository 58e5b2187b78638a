"""How the files of one reading looked when it began -> which have changed since they were read, or while they are.

In comes a look at the folder (gtm/watch/settling.py), or none: then the reading takes what is there, and knows no file
by how it looks. A file, and the records file that it names, have changed when one of them looks otherwise.
"""

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from gtm.content import Stamp
from gtm.errors import Problem
from gtm.watch.folder import (
    SHARED_FILES,
    ZONE_ENDINGS,
    ZONE_FILES,
    Catalogue,
    RefusedFile,
    Stamps,
    is_listed,
    scan_or_raise,
)
from gtm.watch.settling import OVERDUE_WORDS, Look, as_it_is


class Unsettled(BaseException):
    """Ends the reading of a file, for somebody writes it or what it names. It is no error in the file."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.name = name


class Looked:
    """A look at a folder. Its state is what was noted of the file that the reading is at."""

    def __init__(self, folder: Path, look: Look | None) -> None:
        self._folder = folder
        self._given = look
        self._look = look or Look({})
        self.noted: dict[str, Stamp | None] = {}
        """Of the file that the reading is at, of its records file, and of those that this includes."""
        self.unlisted: set[str] = set()
        """Files that were asked for, and that a look must be told of."""

    def begin(self) -> None:
        """Looks at the folder, where nobody has yet. Raises FileUnreadable."""
        if self._given is None or not self._given.is_readable:
            self._look = as_it_is(scan_or_raise(self._folder))

    @property
    def zone_files(self) -> list[str]:
        """Returns the paths of what may be zone files, by name; with those that have just gone."""
        return [str(self._folder / name) for name in _zone_names({*self._look.settled, *self._look.unsettled})]

    @property
    def unsettled_zone_files(self) -> list[str]:
        """Returns those of them that are being written."""
        return [str(self._folder / name) for name in _zone_names(self._look.unsettled)]

    @property
    def is_shared_settled(self) -> bool:
        """Returns whether nobody writes a shared file."""
        return self._look.unsettled.isdisjoint(SHARED_FILES)

    @property
    def shared_files(self) -> list[str]:
        """Returns the paths of the shared files."""
        names = {*self._look.settled, *self._look.unsettled}
        return [str(self._folder / name) for name in SHARED_FILES if name in names]

    @property
    def shared_stamps(self) -> Stamps:
        """Returns the stamps of the shared files; nothing where nobody knows the files by that."""
        settled = self._look.settled
        return {} if self._given is None else {name: settled[name] for name in SHARED_FILES if name in settled}

    @property
    def sizes(self) -> dict[str, int]:
        """Returns the bytes of every file that has settled, 0 where nobody can say."""
        settled = self._look.settled.items()
        return {name: 0 if stamp is None else max(0, stamp.size_bytes) for name, stamp in settled}

    def is_as(self, stamps: Stamps) -> bool:
        """Returns whether files look as they did when something came of them; never where that is not known."""
        if self._given is None or not stamps:
            return False
        settled, unsettled = self._look.settled, self._look.unsettled
        return all(name not in unsettled and settled.get(name) == stamp for name, stamp in stamps.items())

    def note(self, name: str) -> None:
        """Notes how a file looks, before it is read. Raises Unsettled."""
        if not is_listed(name):
            self.unlisted.add(name)  # while it is being written, too: else the next look misses that it is
        if name in self._look.unsettled:
            raise Unsettled(name)
        if not is_listed(name) and name not in self._look.settled:
            self._note_unseen(name)
            return
        if self._given is not None:
            self.noted[name] = self._look.settled.get(name)

    def _note_unseen(self, name: str) -> None:
        """Notes a file that nobody told the look of: only the next one can say whether it is being written."""
        if self._given is not None and not self._look.takes_what_is_there:
            raise Unsettled(name)
        self.noted[name] = ZONE_FILES.stamp(self._folder / name)

    def require_settled(self, name: str) -> None:
        """Raises Unsettled where a file that was just read has changed since the look."""
        if self._given is None or self._look.takes_what_is_there:
            return
        if ZONE_FILES.stamp(self._folder / name) != self._look.settled.get(name):
            raise Unsettled(name)

    def overdue(self, file: str, name: str) -> RefusedFile | None:
        """Returns the refusal of a file where this one of its files has been written for long; None before that."""
        if name not in self._look.overdue:
            return None
        what = "this file" if Path(file).name == name else name
        return RefusedFile(file, (Problem(file, 1, 1, f"{what} {OVERDUE_WORDS}"),))


def to_be_read_again(catalogue: Catalogue) -> Catalogue:
    """Returns a catalogue of which no file is known by how it looks, nor one that took too much by its text."""
    loaded = tuple(replace(each, stamps={}) for each in catalogue.loaded)
    return replace(catalogue, loaded=loaded, refused=tuple(map(_to_be_read_again, catalogue.refused)))


def _to_be_read_again(refused: RefusedFile) -> RefusedFile:
    twin = refused.twin and replace(refused.twin, stamps={})
    return replace(refused, stamps={}, twin=twin, fingerprint="" if refused.is_retried else refused.fingerprint)


def _zone_names(names: Iterable[str]) -> list[str]:
    return sorted(
        name for name in names if is_listed(name) and name.endswith(ZONE_ENDINGS) and name not in SHARED_FILES
    )
