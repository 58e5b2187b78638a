"""The result of reading each file of a zone folder -> a catalogue.

In come loaded zones and refused files, in the order of the files' names. Out goes a catalogue that has each zone once:
the zone of the file with the best claim (claims.py), or its last good version where the file is refused now.
"""

import hashlib
import logging
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace

from dns.name import Name

from gtm.errors import Problem, Problems, ZoneInvalid, ZoneTooCostly
from gtm.watch.claims import Rank, Territories, had, outer, rank
from gtm.watch.folder import Catalogue, Loaded, RefusedFile

log = logging.getLogger(__name__)


class Composing:
    """Makes a catalogue from the result of each file, in the order of names. Its state is the claims so far."""

    def __init__(self, before: Mapping[str, Loaded], territories: Territories | None = None) -> None:
        self._before = before
        self._territories = territories or Territories()
        self._claims: list[_Claim] = []
        self._taken: dict[Name, _Claim] = {}
        self.problems: list[Problem] = []
        self.refused: list[RefusedFile] = []

    def add(self, file: str, result: Loaded | RefusedFile | None) -> None:
        """Adds the result of reading a file: a zone, a refusal, or None for nothing.

        For a refused file it also adds the last good zone, which serves unless another file has that zone now.
        """
        if isinstance(result, Loaded):
            self._claims.append(_Claim(file, result, len(self._claims)))
        elif result is not None:
            self.refuse(result)
            if file in self._before:
                self._claims.append(_Claim(file, self._before[file], len(self._claims), is_of_refused=True))
            if result.keeps is not None:
                self.keep_gone(result.keeps)

    def keep_gone(self, loaded: Loaded) -> None:
        """Adds the last good zone of a file that was removed; it serves unless another file has that zone now."""
        self._claims.append(_Claim(loaded.zone.file, loaded, len(self._claims), is_of_refused=True, is_gone=True))

    def refuse(self, refused: RefusedFile) -> None:
        """Adds a refused file and its problems."""
        self.refused.append(refused)
        self.problems.extend(refused.problems)

    def loaded(self) -> tuple[Loaded, ...]:
        """Returns the loaded zones, each from one file, in the order of the files.

        Refuses every file whose claim to a zone loses against that of another file.
        """
        for claim in sorted(self._claims, key=self._rank):
            first = self._taken.setdefault(claim.origin, claim)
            if first is not claim:
                self._lose(claim, f"{_text(claim.origin)} is already the zone of {first.file}")
        for origin in sorted(self._taken, key=lambda name: len(name.labels)):
            for above in outer(origin):
                if above in self._taken and origin in self._taken:
                    self._settle(self._taken[above], self._taken[origin])
        return tuple(claim.loaded for claim in sorted(self._taken.values(), key=lambda file: file.number))

    def _rank(self, claim: "_Claim") -> tuple[bool, Rank]:
        return claim.is_gone, rank(claim.file, claim.loaded, self._before, claim.number)

    def _settle(self, above: "_Claim", below: "_Claim") -> None:
        """Removes one of two zones if the outer one, `above`, has names inside the inner one, `below`."""
        reaches, origin = self._territories.reaches_into, below.origin
        if not reaches(above.loaded.zone, origin):
            return
        if not had(below.file, origin, self._before):
            message = (
                f"{_text(origin)} is inside the zone {_text(above.origin)} of {above.file}, which has names there: "
                f"remove them there, or have NS records for {_text(origin)} there instead"
            )
            self._give_up(below, message)
            return
        message = (
            f"{_text(above.origin)} has names of {_text(origin)}, which is the zone of {below.file}: remove them, "
            f"or have NS records for {_text(origin)} instead"
        )
        if had(above.file, above.origin, self._before) and reaches(self._before[above.file].zone, origin):
            self.problems.extend(_refusal(above.loaded, above.file, message).problems)  # both served before: both stay
        else:
            self._give_up(above, message)

    def _give_up(self, claim: "_Claim", message: str) -> None:
        del self._taken[claim.origin]
        self._lose(claim, message)

    def _lose(self, claim: "_Claim", message: str) -> None:
        """Refuses a file because its claim to its zone lost.

        The last good zone of the file serves instead, unless another file has that zone.
        """
        if claim.is_of_refused:
            return
        self.refuse(_refusal(claim.loaded, claim.file, message))
        before = self._before.get(claim.file)
        if before is not None and before.zone is not claim.loaded.zone and before.zone.origin not in self._taken:
            self._taken[before.zone.origin] = replace(claim, loaded=before, is_of_refused=True)


@dataclass(frozen=True, slots=True)
class _Claim:
    """The claim of a file to its zone."""

    file: str
    loaded: Loaded
    number: int
    """The position of the file in the order of names."""
    is_of_refused: bool = False
    """Whether this is the last good zone of a file that is refused or was removed."""
    is_gone: bool = False

    @property
    def origin(self) -> Name:
        return self.loaded.zone.origin


def without(catalogue: Catalogue, before: Catalogue, failures: Mapping[str, Exception]) -> Catalogue:
    """Returns the catalogue with the files refused whose zones no plan can be made of.

    `failures` has the error of the planner by file. The zone that served in `before` stays in place of such a file's
    zone.
    """
    failed = {id(each.zone) for each in catalogue.loaded if each.zone.file in failures}
    composing = Composing({each.zone.file: each for each in before.loaded if id(each.zone) not in failed})
    for refused in catalogue.refused:
        composing.refuse(refused)
    for each in catalogue.loaded:
        error = failures.get(each.zone.file)
        result = each if error is None else _unplanned(each, error)
        composing.add(each.zone.file, result)
    loaded = composing.loaded()
    problems = (*composing.problems, *(problem for problem in catalogue.problems if problem.line == 0))
    return replace(
        catalogue,
        loaded=loaded,
        problems=tuple(sorted(problems)),
        refused=tuple(composing.refused),
    )


def _unplanned(loaded: Loaded, error: Exception) -> RefusedFile:
    message = f"no plan can be made of this zone; the log has the traceback: {type(error).__name__}: {error}"
    is_costly = isinstance(error, ZoneTooCostly)
    if is_costly:
        message = (
            f"{error}. It is tried again once it changes or somebody reloads; until then what served before it stays"
        )
    problems = Problems([Problem(loaded.zone.file, 1, 1, message)]).all
    records = tuple((name, fingerprint_of(content)) for name, content in loaded.records_files.items())
    return RefusedFile(
        loaded.zone.file, problems, loaded.fingerprint, records, stamps=loaded.stamps, is_retried=is_costly
    )


def _refusal(loaded: Loaded, file: str, message: str) -> RefusedFile:
    """Returns the refusal of a file whose zone belongs to another file.

    It keeps the loaded zone as `twin`, which can serve when the other file is removed.
    """
    return replace(refusal_at_zone(loaded, file, message), twin=loaded)


def refusal_at_zone(loaded: Loaded, file: str, message: str) -> RefusedFile:
    """Returns the refusal of a file for a problem of its whole zone, placed at the key `zone` of the file."""
    text = "" if loaded.source is None else loaded.source.content
    key = re.search(r"(?m)^[\"']?zone[\"']?[ \t]*:[ \t]*", text)
    at = 0 if key is None else key.end()
    line, column = text.count("\n", 0, at) + 1, at - text.rfind("\n", 0, at)
    return RefusedFile(file, (Problem(file, line, column, message),), loaded.fingerprint)


def _text(name: Name) -> str:
    return name.to_text(omit_final_dot=True)


def fingerprint_of(content: bytes) -> str:
    """Returns the SHA-256 hash of a file's content, as hexadecimal text."""
    return hashlib.sha256(content).hexdigest()


def problems_of(error: Exception, file: str, *, logs: bool = True) -> tuple[Problem, ...]:
    """Returns the problems that an error in reading a file stands for.

    An error that is not ZoneInvalid is an internal error of this program: it is logged if `logs` is True.
    """
    if isinstance(error, ZoneInvalid):
        return error.problems
    if logs:
        log.error("zone file: %s cannot be read because of an internal error", file, exc_info=error)
    message = f"cannot be read because of an internal error: {type(error).__name__}: {error}"
    return Problems([Problem(file, 1, 1, message)]).all
