"""Bytes in whatever pieces, taken as lines and by number."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gtm.probe.incoming import Incoming


def pieces_of(octets: bytes, cuts: list[int]) -> list[bytes]:
    """The octets in pieces that end at these places."""
    ends = [0, *sorted(min(cut, len(octets)) for cut in cuts), len(octets)]
    return [octets[start:end] for start, end in pairwise(ends)]


@pytest.mark.slow
@given(st.lists(st.binary().map(lambda line: line.replace(b"\n", b""))), st.binary(), st.lists(st.integers(0, 200)))
def test_lines_are_the_same_in_any_pieces(lines: list[bytes], rest: bytes, cuts: list[int]) -> None:
    rest = rest.replace(b"\n", b"")
    incoming, taken = Incoming(), []
    for piece in pieces_of(b"".join(line + b"\n" for line in lines) + rest, cuts):
        incoming.feed(piece)
        while (line := incoming.line()) is not None:
            taken.append(line)
    assert taken == lines
    assert incoming.octets(len(incoming)) == rest


@pytest.mark.slow
@given(st.binary(), st.lists(st.integers(0, 20)), st.lists(st.integers(0, 200)))
def test_octets_are_the_same_in_any_pieces(octets: bytes, counts: list[int], cuts: list[int]) -> None:
    incoming, taken = Incoming(), b""
    for number, piece in enumerate(pieces_of(octets, cuts)):
        incoming.feed(piece)
        taken += incoming.octets(counts[number % len(counts)] if counts else 1)
    assert taken + incoming.octets(len(octets)) == octets
    assert not len(incoming)


def test_lines_and_octets_alternate() -> None:
    incoming = Incoming()
    incoming.feed(b"3\r\na\nb")
    assert incoming.line() == b"3\r"
    assert incoming.beginning(2) == b"a\n"
    assert incoming.octets(3) == b"a\nb"
    assert incoming.line() is None
    incoming.feed(b"\r")
    assert incoming.line() is None
    incoming.feed(b"\n0")
    assert incoming.line() == b"\r"
    assert len(incoming) == 1
