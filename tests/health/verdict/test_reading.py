from hypothesis import given
from hypothesis import strategies as st

from gtm.health.verdict.reading import MAX_DETAIL_LENGTH, Reading, Reason, clean_detail


def test_only_the_reason_ok_is_ok() -> None:
    assert [reason for reason in Reason if Reading(reason, 0.0).ok] == [Reason.OK]


def test_a_detail_cannot_break_a_log_line() -> None:
    assert clean_detail("503 \r\nINFO forged line\x1b[2J") == "503 ??INFO forged line?[2J"


@given(st.text())
def test_a_clean_detail_is_short_printable_and_stays_as_it_is(text: str) -> None:
    cleaned = clean_detail(text)
    assert len(cleaned) <= MAX_DETAIL_LENGTH
    assert cleaned.isprintable()
    assert clean_detail(cleaned) == cleaned


def test_a_long_detail_shows_that_it_was_cut() -> None:
    assert clean_detail("x" * 201) == "x" * 199 + "…"
    assert clean_detail("x" * 200) == "x" * 200
