from hypothesis import given
from hypothesis import strategies as st

from gtm.ids import CheckId
from gtm.probe.inconclusive import MAX_TOLD, PERIOD_S, Unread

A, B = CheckId("gtm.example.com/web/192.0.2.1"), CheckId("gtm.example.com/web/192.0.2.2")


def many(count: int) -> list[CheckId]:
    return [CheckId(f"gtm.example.com/web/host-{number}") for number in range(count)]


def test_each_check_is_news_once() -> None:
    unread = Unread()
    assert [unread.is_news(check, now=0.0) for check in (A, B, A, B)] == [True, True, False, False]
    assert not unread.is_news(A, now=1e6)


def test_a_check_that_is_made_otherwise_is_news_again() -> None:
    unread = Unread()
    unread.is_news(A, now=0.0)
    unread.is_news(B, now=0.0)
    unread.forget([A])
    assert unread.is_news(A, now=1.0)
    assert not unread.is_news(B, now=1.0)


def test_what_is_too_much_for_a_minute_is_told_in_the_minutes_after() -> None:
    unread, checks = Unread(), many(2 * MAX_TOLD)
    assert [unread.is_news(check, now=1.0) for check in checks] == [True] * MAX_TOLD + [False] * MAX_TOLD
    assert not any(unread.is_news(check, now=PERIOD_S) for check in checks)
    assert [check for check in checks if unread.is_news(check, now=1.0 + PERIOD_S)] == checks[MAX_TOLD:]


@given(st.lists(st.tuples(st.floats(0, 30), st.integers(0, 60))))
def test_no_minute_has_more_news_than_the_limit_and_no_check_two(steps: list[tuple[float, int]]) -> None:
    unread, checks = Unread(), many(61)
    now, told = 0.0, {}
    for after_s, number in steps:
        now += after_s
        if unread.is_news(checks[number], now=now):
            assert number not in told
            told[number] = now
    for begin in told.values():
        assert sum(begin <= at < begin + PERIOD_S for at in told.values()) <= MAX_TOLD
