import pytest

from gtm.health.certificate import DAY_S, Certificate


def ending(days: float, *, of: float) -> bool:
    """Whether a certificate of so many days that ends in so many is a reason to worry, where nobody asks for days."""
    return Certificate((days - of) * DAY_S, days * DAY_S).is_expiring(0.0, min_days=0)


@pytest.mark.parametrize(
    ("days", "of", "is_expiring"),
    [(15.0, 90.0, False), (13.9, 90.0, True), (-1.0, 90.0, True), (1.1, 6.0, False), (0.9, 6.0, True)],
)
def test_it_is_expiring_two_weeks_before_its_end_or_in_its_last_sixth(
    days: float, of: float, *, is_expiring: bool
) -> None:
    assert ending(days, of=of) is is_expiring


def test_a_monitor_that_asks_for_days_says_from_when_on() -> None:
    certificate = Certificate(0.0, 90 * DAY_S)
    assert certificate.is_expiring(60.1 * DAY_S, min_days=30)
    assert not certificate.is_expiring(80 * DAY_S, min_days=9)


def test_the_days_that_are_left_are_counted_from_now() -> None:
    assert Certificate(0.0, 10 * DAY_S).days_left(7.5 * DAY_S) == 2.5
    assert Certificate(0.0, 10 * DAY_S).days_left(11 * DAY_S) == -1.0
