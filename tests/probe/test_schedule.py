from itertools import pairwise

from hypothesis import assume, given
from hypothesis import strategies as st

from gtm.ids import CheckId
from gtm.probe.schedule import JITTER, LATE_S, STARTS_PER_S, Schedule, Turn, phase_of, window_s

phases = st.floats(0, 1, exclude_max=True)
coins = st.floats(0, 1, exclude_max=True)
intervals = st.floats(0.2, 3600)
SECOND = Schedule(started_at=100.0, interval_s=1.0, window_s=0.1, phase=0.5)


def test_the_first_round_is_within_the_window() -> None:
    assert SECOND.due_at(0, coin=0.9) == 100.05


def test_later_rounds_keep_their_place_in_every_interval() -> None:
    assert [SECOND.due_at(turn, coin=0.5) for turn in (1, 2, 1001)] == [100.5, 101.5, 1100.5]


@given(phases, coins, intervals, st.integers(1, 10**6))
def test_rounds_do_not_drift(phase: float, coin: float, interval_s: float, turn: int) -> None:
    schedule = Schedule(0.0, interval_s, 0.1, phase)
    place = schedule.due_at(turn, coin=coin) / interval_s
    assert abs(place - (turn - 1 + phase)) <= JITTER + 1e-6


@given(phases, coins, intervals, st.integers(1, 1000))
def test_a_check_that_ends_in_time_misses_no_round(phase: float, coin: float, interval_s: float, turn: int) -> None:
    schedule = Schedule(0.0, interval_s, 0.1, phase)
    ended_at = schedule.due_at(turn, coin=coin) + 1.3 * interval_s  # late by up to half an interval with the jitter
    assert schedule.next_turn(turn, now=ended_at) == turn + 1


@given(phases, intervals, st.integers(0, 1000), st.floats(0, 1e5))
def test_a_round_that_is_over_is_skipped(phase: float, interval_s: float, turn: int, passed: float) -> None:
    schedule = Schedule(0.0, interval_s, 0.1, phase)
    now = passed * interval_s
    following = schedule.next_turn(turn, now=now)
    assert following > turn
    assert following == turn + 1 or schedule.due_at(following, coin=0.5) >= now - 0.51 * interval_s


@given(st.integers(1, 10_000), intervals)
def test_a_start_is_spread_over_enough_time_and_no_more_than_an_interval(count: int, interval_s: float) -> None:
    window = window_s(interval_s, count)
    assert window <= interval_s
    assume(window < interval_s)
    assert count / window <= STARTS_PER_S + 1e-6


def test_phases_are_the_same_in_every_run_and_spread_evenly() -> None:
    assert phase_of(CheckId("gtm.example.com/api/192.0.2.10")) == phase_of(CheckId("gtm.example.com/api/192.0.2.10"))
    phases = sorted(
        phase_of(CheckId(f"gtm.example.com/api/10.0.{high}.{low}")) for high in range(10) for low in range(100)
    )
    assert all(0 <= phase < 1 for phase in phases)
    gaps = [after - before for before, after in pairwise(phases)]
    assert max(gaps) < 0.02


LONG = Schedule(started_at=100.0, interval_s=10.0, window_s=0.1, phase=0.5)


def test_a_quick_reading_comes_soon_and_the_rounds_keep_their_places() -> None:
    last = Turn(3, 125.0)
    quick = LONG.after(last, began_at=125.0, now=125.3, recheck_s=1.0, coin=0.5)
    assert quick == Turn(3, 126.0)
    assert LONG.after(quick, began_at=126.0, now=126.3, recheck_s=None, coin=0.5) == Turn(4, 135.0)


def test_a_quick_reading_after_a_long_one_comes_at_once() -> None:
    assert LONG.after(Turn(3, 125.0), began_at=125.0, now=127.0, recheck_s=1.0, coin=0.5) == Turn(3, 127.0)


def test_a_round_that_is_due_sooner_is_not_put_off_by_a_quick_reading() -> None:
    assert LONG.after(Turn(3, 134.5), began_at=134.5, now=134.6, recheck_s=1.0, coin=0.5) == Turn(4, 135.0)


def test_a_late_probe_reads_nothing_besides_its_rounds() -> None:
    late = LONG.after(Turn(3, 125.0), began_at=125.1 + LATE_S, now=125.5, recheck_s=1.0, coin=0.5)
    assert late == Turn(4, 135.0)


@given(
    schedule=st.builds(Schedule, st.just(0.0), intervals, st.just(0.1), phases),
    number=st.integers(0, 1000),
    late_s=st.floats(0, LATE_S),
    shares=st.tuples(st.floats(0, 1), st.none() | st.floats(0.01, 1)),
    coin=coins,
)
def test_the_next_reading_is_never_later_than_the_next_round_nor_before_the_last_is_over(
    schedule: Schedule, number: int, late_s: float, shares: tuple[float, float | None], coin: float
) -> None:
    took, recheck = shares
    turn = Turn(number, schedule.due_at(number, coin=0.5))
    began_at = turn.due_at + late_s
    now = began_at + took * schedule.interval_s
    recheck_s = None if recheck is None else recheck * schedule.interval_s
    then = schedule.after(turn, began_at=began_at, now=now, recheck_s=recheck_s, coin=coin)
    following = schedule.next_turn(number, now=now)
    assert then.due_at <= schedule.due_at(following, coin=coin)
    assert then.number in {number, following}
    if then.number == number:
        assert recheck_s is not None
        assert then.due_at == max(now, began_at + recheck_s)
