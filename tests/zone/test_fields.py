import pytest
from pydantic_core import PydanticCustomError

from gtm.zone.fields import MAX_TTL, found, seconds, suggestion


@pytest.mark.parametrize(
    ("text", "duration_s"),
    [("500ms", 0.5), ("5s", 5.0), ("0s", 0.0), ("1.5s", 1.5), ("2m", 120.0), ("1h", 3600.0), (f"{MAX_TTL}s", MAX_TTL)],
)
def test_durations_are_seconds(text: str, duration_s: float) -> None:
    assert seconds(text) == duration_s


@pytest.mark.parametrize("value", ["5", "s", "5 s", "-5s", "5S", "1d", "5s5s", ".5s", "", 5, 5.0, None, True, ["5s"]])
def test_what_is_no_duration_says_what_one_looks_like(value: object) -> None:
    with pytest.raises(PydanticCustomError, match="expected a duration such as 500ms, 5s, 2m or 1h"):
        seconds(value)


@pytest.mark.parametrize("text", ["2147483648s", "999999999999h"])
def test_a_duration_has_an_end(text: str) -> None:
    with pytest.raises(PydanticCustomError, match="too long"):
        seconds(text)


@pytest.mark.parametrize(
    ("word", "expected"),
    [
        ("eu-wst", '; did you mean "eu-west"?'),
        ("EU-WEST", '; did you mean "eu-west"?'),
        ("mars", "; known: ap-southeast, eu-west, us-east"),
        ("", "; known: ap-southeast, eu-west, us-east"),
    ],
)
def test_a_misspelt_word_is_told_what_is_near(word: str, expected: str) -> None:
    assert suggestion(word, ["us-east", "eu-west", "ap-southeast"], or_all=True) == expected


def test_nothing_is_suggested_where_there_is_nothing() -> None:
    assert suggestion("api", [], or_all=True) == "; none is defined"
    assert suggestion("api", []) == ""


def test_a_long_list_is_not_shown() -> None:
    assert suggestion("api", [f"region-{index}" for index in range(13)], or_all=True) == ""


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (None, "nothing"),
        (True, "true"),
        (1.5, "the number 1.5"),
        ("x", '"x"'),
        ("x" * 100, '"' + "x" * 57 + '..."'),
        ([], "a list"),
        ({}, "keys with values"),
    ],
)
def test_what_was_found_is_told_in_words(value: object, words: str) -> None:
    assert found(value) == words
