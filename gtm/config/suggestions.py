"""What to write instead of a word that is not known: the most similar word, or the words there are.

In come the word and those that are known; out goes the end of a message. It must not take long, however many words are
known and however long they are: a file may have 50,000 names and refer to each wrongly.
"""

import difflib
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, field
from itertools import islice

from pydantic_core import PydanticCustomError

_MAX_LISTED = 12
"""A longer list is no help in a message."""
_MAX_COMPARED = 100
"""Names that are compared letter by letter, which takes 30 microseconds each; a file may have 50,000."""
_MAX_WORD = 255
"""A longer name is nobody's."""


def unknown(what: str, name: str, known: Collection[str], *, shown: str = "") -> PydanticCustomError:
    """Returns the error of a name that nobody has, without a suggestion yet: only what is told gets one."""
    return PydanticCustomError("unknown", "unknown", {"unknown": Unknown(what, name, known, shown or f'"{name}"')})


@dataclass(frozen=True, slots=True)
class Unknown:
    """A name that nobody has. Its words are made only when somebody asks: pydantic makes text of it again and again."""

    what: str
    name: str
    known: Collection[str] = field(repr=False)
    shown: str

    def words(self) -> str:
        """Returns the message, with a suggestion."""
        return f"unknown {self.what} {self.shown}{suggestion(self.name, self.known, or_all=True)}"


def suggestion(word: str, known: Collection[str], *, or_all: bool = False) -> str:
    """Returns `; did you mean "..."?`, or what there is to choose from, or nothing."""
    folded = word.casefold()
    alike = known if len(known) <= _MAX_COMPARED else islice(_alike(folded, known), _MAX_COMPARED)
    names = {name.casefold(): name for name in reversed(list(alike))} if len(word) <= _MAX_WORD else {}
    near = difflib.get_close_matches(folded, list(names), n=1, cutoff=0.6)
    if near:
        return f'; did you mean "{names[near[0]]}"?'
    if not or_all or len(known) > _MAX_LISTED:
        return ""
    return f"; known: {', '.join(sorted(known))}" if known else "; none is defined"


def _alike(word: str, known: Iterable[str]) -> Iterator[str]:
    """Yields names of about the length of a word: those that begin and end as it does, then those that do either."""
    begins, ends = word[:2], word[-2:]
    some: list[str] = []
    for name in known:
        if abs(len(name) - len(word)) <= 1:
            folded = name.casefold()
            if folded.startswith(begins) and folded.endswith(ends):
                yield name
            elif len(some) < _MAX_COMPARED and (folded.startswith(begins) or folded.endswith(ends)):
                some.append(name)
    yield from some
