from itertools import pairwise

from hypothesis import assume, given
from hypothesis import strategies as st

from gtm.ids import CheckId
from gtm.probe.schedule import JITTER, STARTS_PER_S, Schedule, phase_of, window_s

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
