import pytest
from pydantic_core import PydanticCustomError

from gtm.config.fields import LONGEST_DURATION_S, found, seconds


@pytest.mark.parametrize(
    ("text", "duration_s"),
    [
        ("500ms", 0.5),
        ("5s", 5.0),
        ("0s", 0.0),
        ("1.5s", 1.5),
        ("2m", 120.0),
        ("1h", 3600.0),
        (f"{LONGEST_DURATION_S}s", LONGEST_DURATION_S),
    ],
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
