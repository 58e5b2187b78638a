import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gtm.escape import escaped, escaped_json

ANY_TEXT = st.text(st.characters(), max_size=60)
"""Surrogates too."""


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("eu-west, 北京, Ελλάδα, café", "eu-west, 北京, Ελλάδα, café"),
        ("\x1b]0;x\x07", r"\x1b]0;x\x07"),
        ("a\n2026-01-01 ERROR forged", r"a\n2026-01-01 ERROR forged"),
        ("\r\t\0\x7f\x9b31m", r"\r\t\x00\x7f\x9b31m"),
        ("\u202etxt.exe\u2028\ufeff", r"\u202etxt.exe\u2028\ufeff"),
        ("\udcff.yaml", r"\udcff.yaml"),
        ("\U000e0041", r"\U000e0041"),
        ("", ""),
    ],
)
def test_what_does_not_print_is_escaped_and_letters_of_every_script_stay(text: str, shown: str) -> None:
    assert escaped(text, limit=100) == shown


def test_long_text_is_cut_and_says_how_long_it_was() -> None:
    assert escaped("x" * 1_000, limit=10) == "x" * 10 + "... (1000 characters)"
    assert escaped("\0" * 10, limit=10) == r"\x00\x00\x" + "... (10 characters)", "escapes are counted too"


@pytest.mark.slow
@given(ANY_TEXT)
def test_any_text_becomes_printable_and_short(text: str) -> None:
    shown = escaped(text, limit=40)
    assert shown.isprintable()
    assert len(shown) < 40 + 30
    assert escaped(shown, limit=100) == shown


@given(st.dictionaries(ANY_TEXT, ANY_TEXT), st.sampled_from([None, 2]))
def test_json_prints_and_means_the_same(value: dict[str, str], indent: int | None) -> None:
    shown = escaped_json(json.dumps(value, ensure_ascii=False, indent=indent))
    assert shown.replace("\n", "").isprintable()
    meant = json.loads(shown.encode())
    whole = {key: each for key, each in value.items() if (key + each).isascii()}
    assert {key: meant[key] for key in whole} == whole
    assert len(meant) == len(value)


def test_characters_beyond_sixteen_bits_are_two_units_in_json() -> None:
    assert escaped_json('"\U000e0041\x7f"') == '"\\udb40\\udc41\\u007f"'
    assert json.loads(escaped_json('"\U000e0041\udcff"')) == "\U000e0041\\udcff"
