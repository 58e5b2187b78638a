"""The files as one reading found them -> which have changed since they were read, or change during the reading.

In comes a look at the folder (gtm/watch/settling.py), or none. Without a look the reading takes every file as it is,
and compares no stamps. A zone file has changed when its own stamp or the stamp of its records file is another one.
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
    """Ends the reading of one file, because that file or a file that it names is being written.

    It is no error in the file.
    """

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.name = name


class Looked:
    """The stamps of a folder's files, from one look.

    Its state is the stamps of the files that the current zone file uses.
    """

    def __init__(self, folder: Path, look: Look | None) -> None:
        self._folder = folder
        self._given = look
        self._look = look or Look({})
        self.noted: dict[str, Stamp | None] = {}
        """The stamps, by name, of the zone file that is read now, its records file, and the files that the
        records file includes."""
        self.unlisted: set[str] = set()
        """Names of included files that a scan of the folder does not list: the next scan must be given these names."""

    def begin(self) -> None:
        """Scans the folder, unless a readable look was given. Raises FileUnreadable if the folder cannot be read."""
        if self._given is None or not self._given.is_readable:
            self._look = as_it_is(scan_or_raise(self._folder))

    @property
    def zone_files(self) -> list[str]:
        """Returns the paths of all zone files in the look, sorted by name.

        It includes files that are being written or have just been removed.
        """
        return [str(self._folder / name) for name in _zone_names({*self._look.settled, *self._look.unsettled})]

    @property
    def unsettled_zone_files(self) -> list[str]:
        """Returns the paths of the zone files that are being written or have just been removed, sorted by name."""
        return [str(self._folder / name) for name in _zone_names(self._look.unsettled)]

    @property
    def is_shared_settled(self) -> bool:
        """Returns whether no shared file (_shared.yaml) is being written."""
        return self._look.unsettled.isdisjoint(SHARED_FILES)

    @property
    def shared_files(self) -> list[str]:
        """Returns the paths of the shared files (_shared.yaml) in the folder."""
        names = {*self._look.settled, *self._look.unsettled}
        return [str(self._folder / name) for name in SHARED_FILES if name in names]

    @property
    def shared_stamps(self) -> Stamps:
        """Returns the stamps of the settled shared files (_shared.yaml) by name; empty when no look was given."""
        settled = self._look.settled
        return {} if self._given is None else {name: settled[name] for name in SHARED_FILES if name in settled}

    @property
    def sizes(self) -> dict[str, int]:
        """Returns the size in bytes of every settled file, by name; 0 where the size is not known."""
        settled = self._look.settled.items()
        return {name: 0 if stamp is None else max(0, stamp.size_bytes) for name, stamp in settled}

    def is_as(self, stamps: Stamps) -> bool:
        """Returns whether all these files are settled and still have these stamps.

        It is False when no look was given or `stamps` is empty.
        """
        if self._given is None or not stamps:
            return False
        settled, unsettled = self._look.settled, self._look.unsettled
        return all(name not in unsettled and settled.get(name) == stamp for name, stamp in stamps.items())

    def note(self, name: str) -> None:
        """Stores the stamp of a file before it is read. Raises Unsettled if the file is being written."""
        if not is_listed(name):
            self.unlisted.add(name)  # also while it is being written; else the next look does not see that
        if name in self._look.unsettled:
            raise Unsettled(name)
        if not is_listed(name) and name not in self._look.settled:
            self._note_unseen(name)
            return
        if self._given is not None:
            self.noted[name] = self._look.settled.get(name)

    def _note_unseen(self, name: str) -> None:
        """Stores the stamp of a file that the look does not list.

        Raises Unsettled unless the look takes files as they are: only the next look can say whether the file is being
        written.
        """
        if self._given is not None and not self._look.takes_what_is_there:
            raise Unsettled(name)
        self.noted[name] = ZONE_FILES.stamp(self._folder / name)

    def require_settled(self, name: str) -> None:
        """Raises Unsettled if the stamp of a file that was just read is no longer the stamp of the look."""
        if self._given is None or self._look.takes_what_is_there:
            return
        if ZONE_FILES.stamp(self._folder / name) != self._look.settled.get(name):
            raise Unsettled(name)

    def overdue(self, file: str, name: str) -> RefusedFile | None:
        """Returns the refusal of the zone file `file` if `name` has been written for too long; else None.

        `name` is the zone file itself, or one of the files that it uses.
        """
        if name not in self._look.overdue:
            return None
        what = "this file" if Path(file).name == name else name
        return RefusedFile(file, (Problem(file, 1, 1, f"{what} {OVERDUE_WORDS}"),))


def to_be_read_again(catalogue: Catalogue) -> Catalogue:
    """Returns the catalogue without the stamps of its files, so that the next reading reads every file again.

    A refused file that may be retried also loses its fingerprint, so it is parsed again.
    """
    loaded = tuple(replace(each, stamps={}) for each in catalogue.loaded)
    return replace(catalogue, loaded=loaded, refused=tuple(map(_to_be_read_again, catalogue.refused)))


def _to_be_read_again(refused: RefusedFile) -> RefusedFile:
    twin = refused.twin and replace(refused.twin, stamps={})
    return replace(refused, stamps={}, twin=twin, fingerprint="" if refused.is_retried else refused.fingerprint)


def _zone_names(names: Iterable[str]) -> list[str]:
    return sorted(
        name for name in names if is_listed(name) and name.endswith(ZONE_ENDINGS) and name not in SHARED_FILES
    )
