"""Whose clock is off: this node's where most say so, else the peer's that differs."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gtm.health.report.clocks import KEPT_S, OFF_S, SETTLE_S, Clocks, judged
from gtm.ids import NodeName

WALL = 1_700_000_000.0
FRA, IAD, PDX, SIN = (NodeName(name) for name in ("fra", "iad", "pdx", "sin"))
THEN = "what is more than 30 s off is not believed"


def skew_of(*ahead: float) -> dict[NodeName, float]:
    return dict(zip((FRA, IAD, PDX, SIN), ahead, strict=False))


OWN = f": set it (NTP); {THEN}, here and there"
THERE = f"this node's: set it there (NTP); {THEN}"
EITHER = f"this node's, and no third tells which is off: set it (NTP); {THEN}"
OF_FOUR = "3 of 4 peers (fra {0} s, iad {0} s, {1} {0} s)"


@pytest.mark.parametrize(
    ("ahead", "problems"),
    [
        ((), []),
        ((0.3, -0.2, 9.9, -9.9), []),
        ((41.0, 41.4, 40.9, 0.1), [f"this node's clock is 41 s behind {OF_FOUR.format('+41', 'pdx')}{OWN}"]),
        ((-41.0, -41.4, 0.0, -40.9), [f"this node's clock is 41 s ahead of {OF_FOUR.format('-41', 'sin')}{OWN}"]),
        ((41.0, 42.0), [f"this node's clock is 42 s behind 2 of 2 peers (fra +41 s, iad +42 s){OWN}"]),
        ((41.0, 0.0), [f"the clock of peer fra is 41 s ahead of {THERE}"]),
        (
            (41.0, -41.0, 0.0, 0.0),
            [f"the clock of peer fra is 41 s ahead of {THERE}", f"the clock of peer iad is 41 s behind {THERE}"],
        ),
        ((-41.0,), [f"the clock of peer fra is 41 s behind {EITHER}"]),
    ],
)
def test_who_is_off_is_told_by_name(ahead: tuple[float, ...], problems: list[str]) -> None:
    assert list(judged(skew_of(*ahead)).problems) == problems


def test_a_tie_of_two_against_two_blames_no_node_that_asks() -> None:
    """Two of three peers and this node: four clocks, and no side is more than half."""
    assert judged(skew_of(41.0, 41.0, 0.0)).blamed == (FRA, IAD)
    assert judged(skew_of(-41.0, 0.0, 0.0)).blamed == (FRA,)


def test_who_is_off_on_the_other_side_is_told_beside_the_own() -> None:
    skew = judged(skew_of(41.0, 41.0, 41.0, -60.0))
    assert (skew.own_s, skew.blamed) == (-41.0, (SIN,))


def test_a_clock_that_was_off_is_right_again_only_well_within_the_limit() -> None:
    off = judged({FRA: OFF_S + 0.1}).off
    assert judged({FRA: OFF_S - 0.1}, off).off == {FRA}
    assert judged({FRA: OFF_S - 0.1}).off == frozenset()
    assert judged({FRA: OFF_S - 3.0}, off).off == frozenset()


@given(st.lists(st.floats(-1000, 1000), max_size=9), st.floats(-1000, 1000))
def test_one_cluster_never_has_two_nodes_of_one_time_that_blame_each_other(clocks: list[float], mine: float) -> None:
    """Where more than half of all clocks agree, no node with one of them takes its own for the odd one out."""
    names = [NodeName(f"n{number}") for number in range(len(clocks))]
    agreeing = sum(abs(clock - mine) <= OFF_S for clock in clocks) + 1
    skew = judged({name: clock - mine for name, clock in zip(names, clocks, strict=True)})
    if 2 * agreeing > len(clocks) + 1:
        assert skew.own_s == 0.0
    assert all(abs(skew.ahead[name]) > OFF_S for name in skew.blamed)


class Heard:
    """Clocks that hear reports, at a time that passes."""

    def __init__(self) -> None:
        self.clocks, self.now = Clocks(), 1000.0

    def hear(self, node: NodeName, ahead_s: float, *, delay_s: float = 0.0, is_direct: bool = True) -> None:
        """Hears a report of a peer whose clock is so far ahead; it was on its way for a while."""
        self.now += 1.0
        wall = WALL + self.now
        self.clocks.see(node, wall - delay_s + ahead_s, now=self.now, wall=wall, is_direct=is_direct)

    def ahead(self) -> dict[NodeName, float]:
        return {node: round(far, 3) for node, far in self.clocks.look(now=self.now).ahead.items()}


def test_the_fastest_of_the_last_reports_tells_the_time() -> None:
    heard = Heard()
    heard.hear(FRA, 41.0, delay_s=9.0)
    assert heard.ahead() == {}, "the first was on the desk of its node, nobody knows for how long"
    heard.hear(FRA, 41.0, delay_s=0.2)
    heard.hear(FRA, 41.0, delay_s=12.0)
    assert heard.ahead() == {FRA: 40.8}


def test_a_clock_that_was_set_is_right_within_three_reports() -> None:
    heard = Heard()
    for ahead_s in (41.0, 41.0, 41.0, 0.0, 0.0, 0.0):
        heard.hear(FRA, ahead_s)
    assert heard.ahead() == {FRA: 0.0}


def test_what_peers_tell_one_after_the_other_blames_nobody_before_all_have_told_it() -> None:
    """This node's clock is set 300 s ahead, and the peers are heard in turns."""
    heard, peers, ahead_s = Heard(), (FRA, IAD, PDX, SIN), 0.0
    told: list[tuple[float, tuple[NodeName, ...]]] = []
    for number in range(64):
        if number == 20:
            ahead_s = -300.0
        heard.hear(peers[number % 4], ahead_s)
        skew = heard.clocks.look(now=heard.now)
        told.append((skew.own_s, skew.blamed))
    assert set(told) == {(0.0, ()), (300.0, ())}
    assert told[-1] == (300.0, ())


def test_peers_that_fell_silent_hold_it_up_for_a_moment_only() -> None:
    heard = Heard()
    heard.hear(FRA, 0.0)
    for _ in range(int(SETTLE_S) + 4):
        heard.hear(IAD, 41.0)
        heard.clocks.look(now=heard.now)
    assert heard.clocks.skew.blamed == (IAD,)


def test_a_replay_over_another_tells_nothing() -> None:
    heard = Heard()
    for _ in range(3):
        heard.hear(FRA, 0.0)
    for _ in range(3):
        heard.hear(FRA, -300.0, is_direct=False)
    assert heard.ahead() == {FRA: 0.0}


def test_who_is_not_heard_any_more_tells_nothing() -> None:
    heard = Heard()
    heard.hear(FRA, 41.0)
    heard.hear(FRA, 41.0)
    heard.now += KEPT_S
    assert heard.ahead() == {}
