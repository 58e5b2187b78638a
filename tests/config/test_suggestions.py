import pytest

from gtm.config.suggestions import suggestion


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
