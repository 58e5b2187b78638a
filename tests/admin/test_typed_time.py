from contextlib import suppress
from datetime import UTC, datetime
from math import isfinite

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gtm.admin.typed_time import moment, shown

NOW = datetime(2026, 1, 31, 2, 30, tzinfo=UTC).timestamp()


@pytest.mark.parametrize(
    ("text", "at"),
    [
        ("02:14", "2026-01-31 02:14:00Z"),
        ("02:30", "2026-01-31 02:30:00Z"),
        ("02:30:01", "2026-01-30 02:30:01Z"),
        ("23:59", "2026-01-30 23:59:00Z"),
        ("2:14Z", "2026-01-31 02:14:00Z"),
        ("03:14+01:00", "2026-01-31 02:14:00Z"),
        ("21:14-0500", "2026-01-31 02:14:00Z"),
        ("yesterday 02:14", "2026-01-30 02:14:00Z"),
        ("today 02:40", "2026-01-31 02:40:00Z"),
        ("2026-01-30", "2026-01-30 00:00:00Z"),
        ("2026-01-30T02:14", "2026-01-30 02:14:00Z"),
        ("2026-01-30 02:14:05+02:00", "2026-01-30 00:14:05Z"),
        ("2026-01-30T02:14:05Z", "2026-01-30 02:14:05Z"),
        ("90s", "2026-01-31 02:28:30Z"),
        ("2h", "2026-01-31 00:30:00Z"),
        ("3d", "2026-01-28 02:30:00Z"),
        (str(int(NOW)), "2026-01-31 02:30:00Z"),
    ],
)
def test_a_time_is_what_people_mean(text: str, at: str) -> None:
    assert shown(moment(text, now=NOW)) == at


@pytest.mark.parametrize(
    ("text", "after", "at"),
    [
        ("02:40", "2026-01-31 02:14:00Z", "2026-01-31 02:40:00Z"),
        ("00:30", "2026-01-30 23:30:00Z", "2026-01-31 00:30:00Z"),
        ("02:40", "2026-01-28 02:14:00Z", "2026-01-28 02:40:00Z"),
        ("02:14", "2026-01-28 02:14:00Z", "2026-01-28 02:14:00Z"),
    ],
)
def test_the_end_is_the_first_such_time_after_the_beginning(text: str, after: str, at: str) -> None:
    begin = datetime.fromisoformat(after).timestamp()
    assert shown(moment(text, now=NOW, after=begin)) == at


@pytest.mark.parametrize(
    "text", ["soon", "", "d", "nand", "-2d", "25:00", "02:60", "2026-13-01", "inf", "1e400d", "yesterday", "02:14 pm"]
)
def test_what_is_no_time_is_refused_with_what_is(text: str) -> None:
    with pytest.raises(ValueError, match=r'^".*" is no time such as 02:14, 2026-01-31T02:14 or 2h \(ago\)$'):
        moment(text, now=NOW)


@pytest.mark.slow
@given(st.text(max_size=200))
def test_any_text_is_a_time_or_refused_in_one_way(text: str) -> None:
    with suppress(ValueError):
        assert isfinite(moment(text, now=NOW))
