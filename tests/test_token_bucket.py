from hypothesis import given
from hypothesis import strategies as st

from gtm.token_bucket import MAX_KNOWN, Allowances, TokenBucket


def test_a_few_may_be_at_once_and_then_one_in_so_many_seconds() -> None:
    bucket = TokenBucket(3, every_s=5.0)
    assert [bucket.take(100.0) for _ in range(4)] == [True, True, True, False]
    assert not bucket.take(104.9)
    assert bucket.take(105.1)
    assert not bucket.take(105.2)


def test_it_fills_up_again_and_no_further() -> None:
    bucket = TokenBucket(2, every_s=5.0)
    assert [bucket.take(0.0), bucket.take(0.0)] == [True, True]
    assert [bucket.take(1e6) for _ in range(3)] == [True, True, False]


@given(st.lists(st.floats(0.0, 10.0), max_size=100))
def test_in_any_time_there_are_no_more_than_the_burst_and_what_time_gave(pauses: list[float]) -> None:
    bucket, now, taken = TokenBucket(4, every_s=5.0), 0.0, 0
    for pause in pauses:
        now += pause
        taken += bucket.take(now)
        assert taken <= 4 + now / 5.0 + 1e-6


def test_each_has_an_allowance_of_its_own_and_what_was_refused_is_counted() -> None:
    buckets = Allowances(2, every_s=5.0)
    assert [buckets.take("a", 0.0) for _ in range(5)] == [True, True, False, False, False]
    assert buckets.take("b", 0.0)
    assert (buckets.refused("a"), buckets.refused("a"), buckets.refused("b")) == (3, 0, 0)
    for number in range(2 * MAX_KNOWN):
        buckets.take(f"{number}", 0.0)
    assert len(buckets._known) <= MAX_KNOWN
