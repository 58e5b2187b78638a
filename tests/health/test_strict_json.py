"""Oddities of JSON: each is refused as malformed, or means what it means everywhere."""

from contextlib import suppress
from typing import Annotated

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import Meta

from gtm.errors import ReportInvalid
from gtm.health.belief import Belief
from gtm.health.strict_json import Count, Name, Position, Seconds, Strict, decoded


class Example(Strict, frozen=True, kw_only=True):
    name: Name = "a"
    count: Count = 0
    seconds: Seconds = 0.0
    text: Annotated[str, Meta(max_length=5)] = ""
    belief: Belief = Belief.UP
    at: Position | None = None
    votes: dict[str, int] = msgspec.field(default_factory=dict)


DECODER = msgspec.json.Decoder(Example)


def read(raw: bytes | str) -> Example:
    return decoded(DECODER, raw)


@pytest.mark.parametrize(
    ("raw", "meant"),
    [
        (b'{"text": "a", "text": "b"}', Example(text="b")),
        (b'{"votes": {"a": 1, "a": 2}}', Example(votes={"a": 2})),
        (b'{"seconds": 5}', Example(seconds=5.0)),
        (b'{"seconds": 1e-400}', Example(seconds=0.0)),
        (b'{"count": -0}', Example(count=0)),
        (b'{"count": 9223372036854775807}', Example(count=2**63 - 1)),
        (b'{"text": "\\ud83d\\ude00"}', Example(text="\U0001f600")),
        (b' {"at": [90, -180.0]} ', Example(at=(90.0, -180.0))),
    ],
)
def test_what_is_odd_and_good_means_what_it_means_everywhere(raw: bytes, meant: Example) -> None:
    assert read(raw) == meant


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"null",
        b"[]",
        b"\xef\xbb\xbf{}",
        b"{} x",
        b'{"more": 1}',
        b'{"name": "a\\n"}',
        b'{"name": ""}',
        b'{"count": 1.0}',
        b'{"count": 1e2}',
        b'{"count": true}',
        b'{"count": "1"}',
        b'{"count": 9223372036854775808}',
        b'{"count": ' + b"9" * 5_000 + b"}",
        b'{"count": -1}',
        b'{"seconds": 1e999}',
        b'{"seconds": NaN}',
        b'{"seconds": Infinity}',
        b'{"seconds": ' + b"9" * 400 + b"}",
        b'{"seconds": true}',
        b'{"text": "123456"}',
        b'{"text": "\\ud800"}',
        b'{"text": "\\udc00\\ud800"}',
        b'{"text": "\xff"}',
        b'{"text": "\xed\xa0\x80"}',
        b'{"\xff": 1}',
        b'{"votes": {"\\udfff": 1}}',
        b'{"belief": "maybe"}',
        b'{"at": [91, 0]}',
        b'{"at": [0]}',
        b'{"votes": ' + b"[" * 100_000,
        b'{"votes": ' + b'{"a":' * 100_000,
        b"[" * 100_000,
        b'{"more": ' + b"[" * 100_000 + b"]" * 100_000 + b"}",
    ],
)
def test_what_is_not_good_is_malformed(raw: bytes) -> None:
    with pytest.raises(ReportInvalid) as caught:
        read(raw)
    assert caught.value.reason == "malformed"


@pytest.mark.slow
@given(st.binary(max_size=100) | st.text(max_size=100))
def test_anything_else_raises_nothing_but_report_invalid(raw: bytes | str) -> None:
    with suppress(ReportInvalid):
        assert isinstance(read(raw), Example)


@pytest.mark.parametrize(
    ("raw", "words"),
    [
        (b'{"a secret": 1}', "a key that is not known"),
        (b'{"belief": "a secret"}', "a word that is not known at $.belief"),
        (b'{"x` - at `$.y": 1}', "a key that is not known"),
        (b'{"count": -1}', "Expected `int` >= 0 - at `$.count`"),
        (b'{"votes": {"a secret": "b"}}', "Expected `int`, got `str` - at `$.votes[...]`"),
    ],
)
def test_a_refusal_says_where_and_repeats_nothing(raw: bytes, words: str) -> None:
    with pytest.raises(ReportInvalid) as caught:
        read(raw)
    assert str(caught.value) == words
