"""A document -> the entries of gtm/zone/schema.py, keeping all that is right when something is wrong.

In comes a document, out go its entries, the problems found, and what had to be left out. Mistakes are cut out of the
values, the smallest piece first, until the rest is valid: so the rules that look at a whole zone report theirs
together with misspelt keys, and the operator sees everything at once. It must not hide a mistake: whatever is cut
has its problem.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Generic, TypeVar

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from gtm.config import messages
from gtm.config.document import Document, Path, Plain, plain
from gtm.config.entry import Entry
from gtm.errors import MAX_PROBLEMS, Problem
from gtm.zone.grammar import ZONE_GRAMMAR
from gtm.zone.references import ReferenceContext

_STAND_INS: dict[str, Plain] = {"nameservers": ["stand-in.invalid."], "hostmaster": "stand-in.invalid."}
"""Values for required keys that are wrong. They let the rest be checked; a file that needs one is never served."""

_MAX_ROUNDS = 10
"""A cut moves up at least one level in each round, and files are seven levels deep."""

EntryKind = TypeVar("EntryKind", bound=Entry)


@dataclass(frozen=True, slots=True)
class Validated(Generic[EntryKind]):
    """The valid part of a zone file or shared file (_shared.yaml), and its problems."""

    entry: EntryKind | None
    """None when the rest of the file, without its mistakes, is not valid either."""
    problems: tuple[Problem, ...]
    cuts: frozenset[Path]
    """The paths that were left out of the entry, because they have mistakes."""

    touched: frozenset[Path] = frozenset()
    """The paths that were left out, and all paths above them."""

    def is_whole(self, path: Path) -> bool:
        """Returns whether nothing was left out at or below this path."""
        return path not in self.touched


def validate(kind: type[EntryKind], document: Document, scope: ReferenceContext | None) -> Validated[EntryKind]:
    """Returns the valid part of a document as an entry, and its problems.

    `scope` has the names that values may refer to; None for the shared file (_shared.yaml), which refers to nothing.
    """
    values = plain(document.root)
    problems: tuple[Problem, ...] = ()
    cuts: set[Path] = set()
    for _ in range(_MAX_ROUNDS):
        try:
            entry = kind.model_validate(values, context=scope)
            return Validated(entry, problems, frozenset(cuts), frozenset(_with_above(cuts)))
        except ValidationError as error:
            problems = problems or messages.problems(error, document, kind, ZONE_GRAMMAR)
            if len(problems) > MAX_PROBLEMS:
                break  # there is enough to fix
            paths = {_to_cut(details, values) for details in error.errors(include_url=False)}
            if not all(_cut(values, path) for path in paths):
                break
            cuts |= paths
    return Validated(None, problems, frozenset(cuts))


def _with_above(paths: Iterable[Path]) -> Iterator[Path]:
    return (path[:count] for path in paths for count in range(len(path) + 1))


def _to_cut(details: ErrorDetails, values: Plain) -> Path:
    """Returns the path of the smallest piece with this error that can be cut: a key of a mapping with its value."""
    path: Path = details["loc"]
    here = _within(values, path)
    if details["type"] == "missing" and len(path) > 1:
        here = here[: len(path) - 1]
    elif details["type"] == "missing":
        return path
    while here and isinstance(here[-1], int):
        here = here[:-1]
    return here


def _within(values: Plain, path: Path) -> Path:
    """Returns the first steps of a path that exist in the file: pydantic adds steps such as `values` and `[key]`."""
    there: list[int | str] = []
    for step in path:
        if isinstance(values, dict) and step in values:
            values = values[str(step)]
        elif isinstance(values, list) and isinstance(step, int) and step < len(values):
            values = values[step]
        else:
            break
        there.append(step)
    return tuple(there)


def _cut(values: Plain, path: Path) -> bool:
    """Removes the key at a path from `values`, or puts a stand-in there; returns whether the rest may be valid."""
    if not path:
        return False
    if len(path) == 1 and path[0] in _STAND_INS:
        assert isinstance(values, dict)
        values[str(path[0])] = _STAND_INS[str(path[0])]
        return True
    for step in path[:-1]:
        if isinstance(values, dict) and step in values:
            values = values[str(step)]
        elif isinstance(values, list) and isinstance(step, int):
            values = values[step]
        else:
            return True  # already cut with something around it
    if isinstance(values, dict) and path[-1] in values:
        del values[str(path[-1])]
        return True
    return len(path) > 1
