from hypothesis import given
from hypothesis import strategies as st

from gtm.zone.monitors.hysteresis import default_window, recheck_of, window_of


def test_the_window_that_nobody_named_is_six_of_ten_for_the_default_fall() -> None:
    assert default_window(3) == (6, 10)
    assert window_of(None, fall=2) == (4, 6)


@given(st.integers(1, 100))
def test_a_window_that_nobody_named_never_decides_before_fall_does(fall: int) -> None:
    bad, of = default_window(fall)
    assert fall < bad <= of


def test_a_window_may_be_named_or_not_wanted() -> None:
    assert window_of((3, 5), fall=2) == (3, 5)
    assert window_of("none", fall=2) is None


def test_a_recheck_is_soon_unless_it_is_named_or_not_wanted() -> None:
    assert recheck_of(None, interval_s=5.0) == 1.0
    assert recheck_of(None, interval_s=0.5) == 0.5
    assert recheck_of(2.0, interval_s=5.0) == 2.0
    assert recheck_of("none", interval_s=5.0) == 5.0
