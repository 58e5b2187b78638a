import pytest
from hypothesis import given
from hypothesis import strategies as st

from gtm.metrics.histogram import Tally

BOUNDS_S = (0.1, 1.0, 10.0)


@given(st.lists(st.one_of(st.floats(0, 100), st.sampled_from(BOUNDS_S))))
def test_a_bucket_has_what_took_at_most_so_long(took_s: list[float]) -> None:
    tally = Tally(BOUNDS_S)
    for each_s in took_s:
        tally.add(each_s)
    found = tally.distribution()
    assert found.bounds == BOUNDS_S
    assert found.at_most == tuple(sum(each_s <= bound for each_s in took_s) for bound in BOUNDS_S)
    assert found.count == len(took_s)
    assert found.sum == pytest.approx(sum(took_s))
