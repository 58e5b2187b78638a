"""Oddities of a records file, which loads all the same, as in BIND and NSD -> warnings.

    the same record twice                   the first one stays (RFC 2181 5)
    TTLs that differ within an RRset        the least counts (RFC 2181 5.2)
    the SOA and the NS of the zone itself   left out: they are made from the zone file; every exported zone has them

In come notes of six numbers each, which the scanner of the extension makes too (dataplane/zonefile/src/pack.rs); out go
warnings with their lines.
"""

from collections.abc import Callable, Iterable
from enum import IntEnum
from typing import NamedTuple

from gtm.errors import MAX_PROBLEMS, REST, Problem, more_problems


class Oddity(IntEnum):
    """What a note is about."""

    DUPLICATE = 0
    TTL = 1
    SOA = 2
    NS = 3


class Note(NamedTuple):
    """One oddity; they are sorted by what stands first here."""

    line: int
    oddity: int
    first_line: int = 0
    """Of what the record repeats or differs from."""
    ttl: int = 0
    first_ttl: int = 0
    least_ttl: int = 0


Place = Callable[[int], tuple[str, int]]
"""The number of a line -> its file, and its number there."""


def warnings_of(notes: Iterable[tuple[int, int, int, int, int, int]], count: int, place: Place) -> tuple[Problem, ...]:
    """Returns the warnings of so many notes, of which these are the first, and a line for the others."""
    told = [_warning(Note(*note), place) for note in notes]
    file, _ = place(1)
    rest = [Problem(file, REST, 1, more_problems(count - len(told), "warning"))] if count > len(told) else []
    return (*told, *rest)


def first_notes(notes: Iterable[Note]) -> list[Note]:
    """Returns as many as are told of one file."""
    return sorted(notes)[:MAX_PROBLEMS]


def _warning(note: Note, place: Place) -> Problem:
    file, line = place(note.line)
    return Problem(file, line, 1, _words(note, place))


def _words(note: Note, place: Place) -> str:
    match Oddity(note.oddity):
        case Oddity.SOA:
            return "the SOA is made from the zone file; this one is left out"
        case Oddity.NS:
            return "the NS of the zone itself are made from nameservers; this one is left out"
        case Oddity.DUPLICATE:
            return f"duplicate value, left out; the first one is {_where_first(note, place)}"
        case Oddity.TTL:
            return (
                f"all values of a record have one TTL, {note.least_ttl}, the least of them: this has {note.ttl}, that "
                f"{_where_first(note, place)} has {note.first_ttl}"
            )


def _where_first(note: Note, place: Place) -> str:
    here, (file, line) = place(note.line), place(note.first_line)
    if (file, line) == here:
        return "on this same line (included again, or generated)"
    return f"on line {line}" if file == here[0] else f"on line {line} of {file}"
