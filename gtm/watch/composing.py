"""What came of each file of a zone folder -> a catalogue.

In come zones and refusals, in the order of the files' names; out goes a catalogue in which each zone is there once:
that of the first file that has it, as it was before where the file is refused now.
"""

import hashlib
import logging
import re
from collections.abc import Mapping
from dataclasses import replace

from dns.name import Name

from gtm.errors import Problem, Problems, ZoneInvalid
from gtm.watch.folder import Catalogue, Loaded, Refused

log = logging.getLogger(__name__)


class Composing:
    """Makes a catalogue out of what came of each file, in the order of their names. Its state is what is in it."""

    def __init__(self, before: Mapping[str, Loaded]) -> None:
        self._before = before
        self._files: dict[Name, str] = {}
        self.loaded: list[Loaded] = []
        self.problems: list[Problem] = []
        self.refused: list[Refused] = []

    def add(self, file: str, result: Loaded | Refused | None) -> None:
        """Adds what came of a file; of a refused one the zone of before, if no other file has that now."""
        if isinstance(result, Loaded):
            if self._take(file, result):
                return
            result = _second(result, file, self._files[result.zone.origin])
        if result is not None:
            self.refuse(result)
            if file in self._before:
                self._take(file, self._before[file])

    def refuse(self, refused: Refused) -> None:
        """Adds a file that is refused."""
        self.refused.append(refused)
        self.problems.extend(refused.problems)

    def _take(self, file: str, loaded: Loaded) -> bool:
        if loaded.zone.origin in self._files:
            return False
        self.loaded.append(loaded)
        self._files[loaded.zone.origin] = file
        return True


def without(catalogue: Catalogue, serving: Catalogue, failures: Mapping[str, Exception]) -> Catalogue:
    """Returns a catalogue in which the files of which no plan can be made are refused: their zones serve as before."""
    composing = Composing({each.zone.file: each for each in serving.loaded})
    for refused in catalogue.refused:
        composing.refuse(refused)
    for each in catalogue.loaded:
        error = failures.get(each.zone.file)
        result = each if error is None else _unplanned(each, error)
        composing.add(each.zone.file, result)
    problems = (*composing.problems, *(each for each in catalogue.problems if each.line == 0))
    return replace(
        catalogue,
        loaded=tuple(composing.loaded),
        problems=tuple(sorted(problems)),
        refused=tuple(composing.refused),
    )


def _unplanned(loaded: Loaded, error: Exception) -> Refused:
    words = f"no plan can be made of this zone; the log has the traceback: {type(error).__name__}: {error}"
    problems = Problems([Problem(loaded.zone.file, 1, 1, words)]).all
    records = () if loaded.records is None else ((loaded.zone.records_file, fingerprint_of(loaded.records)),)
    return Refused(loaded.zone.file, problems, loaded.fingerprint, records)


def _second(loaded: Loaded, file: str, first: str) -> Refused:
    """Returns the refusal of a file whose zone another has; it is kept, for that other may go."""
    text = "" if loaded.source is None else loaded.source.content
    key = re.search(r"(?m)^[\"']?zone[\"']?[ \t]*:[ \t]*", text)
    at = 0 if key is None else key.end()
    line, column = text.count("\n", 0, at) + 1, at - text.rfind("\n", 0, at)
    message = f"{loaded.zone.origin.to_text(omit_final_dot=True)} is already the zone of {first}"
    return Refused(file, (Problem(file, line, column, message),), loaded.fingerprint, twin=loaded)


def fingerprint_of(content: bytes) -> str:
    """Returns what changes with the content of a file."""
    return hashlib.sha256(content).hexdigest()


def problems_of(error: Exception, file: str, *, logs: bool = True) -> tuple[Problem, ...]:
    """Returns what reading a file raised as problems of it: whatever that is, it keeps no other file from serving."""
    if isinstance(error, ZoneInvalid):
        return error.problems
    if logs:
        log.error("zone file: %s cannot be read by a mistake of this program", file, exc_info=error)
    words = f"cannot be read by a mistake of this program: {type(error).__name__}: {error}"
    return Problems([Problem(file, 1, 1, words)]).all
