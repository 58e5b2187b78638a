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
"""The most known words that a message lists; a longer list is no help."""
_MAX_COMPARED = 100
"""Names that are compared letter by letter, which takes 30 microseconds each; a file may have 50,000."""
_MAX_WORD = 255
"""Characters. No known word is longer, so a longer one gets no suggestion."""


def unknown(what: str, name: str, known: Collection[str], *, shown: str = "") -> PydanticCustomError:
    """Returns the pydantic error of an unknown name; `what` is the kind of name, `shown` the name in the message.

    The suggestion is computed later, and only for an error that is shown.
    """
    return PydanticCustomError("unknown", "unknown", {"unknown": Unknown(what, name, known, shown or f'"{name}"')})


@dataclass(frozen=True, slots=True)
class Unknown:
    """An unknown name. `words` computes its message only when it is shown: pydantic formats errors many times."""

    what: str
    name: str
    known: Collection[str] = field(repr=False)
    shown: str

    def words(self) -> str:
        """Returns the message about the unknown name, with a suggestion."""
        return f"unknown {self.what} {self.shown}{suggestion(self.name, self.known, or_all=True)}"


def suggestion(word: str, known: Collection[str], *, or_all: bool = False) -> str:
    """Returns `; did you mean "..."?` with the most similar known word; empty if none is similar.

    With `or_all` it returns a short list of the known words if none is similar.
    """
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
    """Yields names of about the length of a word: first those with its begin and its end, then those with one."""
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
