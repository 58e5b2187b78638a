"""What the probes of one vantage agree on is its truth, where the rest of the world sees something else."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gtm.geo.place import Coordinates
from gtm.health.belief import Belief
from gtm.health.consensus.delta import StatusDelta
from gtm.health.consensus.local_view import (
    LocalBelief,
    Vantage,
    by_distance,
    learned,
    neighbours,
    positions,
    seen_down,
    stand_in,
)
from gtm.health.consensus.quorum import AnyUp, Quorum
from gtm.health.consensus.status import NO_STATUS, CheckStatus, Status, merge
from gtm.health.consensus.voices import Freshness, in_order
from gtm.health.report.book import EMPTY_BOOK, Book, hear
from gtm.health.report.report import Report
from gtm.ids import CheckId, NodeName, VantageName
from tests.fakes.deltas import delta_of
from tests.health.examples import report, vote

UP, DOWN, UNKNOWN = Belief.UP, Belief.DOWN, Belief.UNKNOWN
CHECK = CheckId("gtm.example.com/api/192.0.2.20")
WATCHED = {CHECK: Freshness(interval_s=5.0, timeout_s=2.0)}
QUORUM = Quorum(voters=2, vantages=2)
FRA, LON = VantageName("fra"), VantageName("lon")


def says(node: str, belief: Belief, *, age_s: float = 0.0) -> Report:
    """A report of a probe whose vantage is the first word of its name."""
    return report(node, {CHECK: vote(belief, age_s=age_s)}, vantage=node.partition("-")[0])


def status_of(*reports: Report, quorum: Quorum = QUORUM, out: frozenset[NodeName] = frozenset()) -> Status:
    book = EMPTY_BOOK
    for one in reports:
        book = hear(book, one, heard_at=100.0) or book
    return merge(NO_STATUS, book, WATCHED, quorum, now=100.0, wall=2000.0, quarantined=out)


def local(*reports: Report, quorum: Quorum = QUORUM, out: frozenset[NodeName] = frozenset()) -> list[str]:
    one = status_of(*reports, quorum=quorum, out=out).checks[CHECK]
    return [f"{each.vantage} {each.belief.value}" for each in one.local]


WELL = says("iad-1", UP), says("sin-1", UP)


def test_two_probes_of_one_vantage_that_agree_have_a_truth_of_their_own() -> None:
    status = status_of(*WELL, says("fra-1", DOWN), says("fra-2", DOWN))
    assert status.belief(CHECK) is UP
    assert status.checks[CHECK].local == (LocalBelief(FRA, DOWN),)


@pytest.mark.parametrize(
    "reports",
    [
        pytest.param([says("fra-1", DOWN)], id="one probe alone"),
        pytest.param([says("fra-1", DOWN), says("fra-2", UP)], id="two that differ"),
        pytest.param([says("fra-1", DOWN), says("fra-2", DOWN, age_s=60.0)], id="one of them stale"),
        pytest.param([says("fra-1", DOWN), says("fra-2", UNKNOWN)], id="one that does not know"),
        pytest.param([says("fra-1", UP), says("fra-2", UP)], id="no difference"),
    ],
)
def test_what_has_no_truth_of_its_own(reports: list[Report]) -> None:
    assert local(*WELL, *reports) == []


def test_one_probe_is_enough_where_the_node_file_says_so() -> None:
    assert local(*WELL, says("fra-1", DOWN), quorum=replace(QUORUM, local_voters=1)) == ["fra down"]


def test_what_is_seen_from_one_vantage_alone_is_no_difference() -> None:
    assert local(says("fra-1", DOWN), says("fra-2", DOWN), quorum=Quorum(voters=2)) == []
    alone = says("fra-1", DOWN), says("fra-2", DOWN), says("iad-1", UP, age_s=60.0)
    assert local(*alone, quorum=Quorum(AnyUp(), voters=2)) == []


def test_a_probe_in_quarantine_has_no_say() -> None:
    cut = says("fra-1", DOWN), says("fra-2", DOWN)
    assert local(*WELL, *cut, out=frozenset({NodeName("fra-2")})) == []


def placed(one: Report) -> Report:
    """The report of a probe that says where it is."""
    return replace(one, at=Coordinates(*PLACES[one.vantage]))


PLACES = {"fra": (50.1, 8.7), "lon": (51.5, -0.1), "par": (48.9, 2.4), "iad": (39.0, -77.5), "sin": (1.3, 103.8)}
FAR = says("iad-1", UP), says("sin-1", UP)


ANY = Quorum(AnyUp(), voters=2, vantages=2)


def local_of(*beliefs: Belief, quorum: Quorum = ANY) -> list[str]:
    """The local truths where Frankfurt, London and Paris have one probe each that says this."""
    europe = [says(f"{name}-1", belief) for name, belief in zip(("fra", "lon", "par"), beliefs, strict=True)]
    return local(*map(placed, (*FAR, says("iad-2", UP), *europe)), quorum=quorum)


def test_neighbouring_vantages_that_agree_have_a_truth_of_their_own() -> None:
    assert local_of(DOWN, DOWN, DOWN) == ["fra down", "lon down", "par down"]
    assert local_of(DOWN, UP, DOWN) == ["fra down", "par down"]
    assert local_of(DOWN, UP, UP) == []
    assert local_of(DOWN, DOWN, UNKNOWN) == ["fra down", "lon down"], "who abstains is nobody's neighbour"


def test_neighbours_are_as_many_as_the_quorum_asks_for() -> None:
    three = replace(ANY, local_voters=3)
    assert local_of(DOWN, DOWN, DOWN, quorum=three) == ["fra down", "lon down", "par down"]
    assert local_of(DOWN, DOWN, UP, quorum=three) == []


def test_who_does_not_say_where_it_is_has_no_neighbours() -> None:
    assert local(*FAR, says("iad-2", UP), says("fra-1", DOWN), says("par-1", DOWN), quorum=ANY) == []


def test_neighbours_are_within_a_part_of_the_world() -> None:
    book = EMPTY_BOOK
    for name in ("sin-1", "par-1", "lon-1", "iad-1", "fra-2", "fra-1"):
        book = hear(book, placed(says(name, UP)), heard_at=100.0) or book
    near = neighbours(positions(in_order(book.by_node.values())))
    assert {name: set(those) for name, those in near.items()} == {
        "fra": {"lon", "par"},
        "lon": {"fra", "par"},
        "par": {"fra", "lon"},
        "iad": set(),
        "sin": set(),
    }


def test_below_the_quorum_there_is_no_local_truth_either() -> None:
    status = status_of(*WELL, says("fra-1", DOWN), says("fra-2", DOWN), quorum=Quorum(voters=9))
    assert status.checks[CHECK].frozen
    assert status.checks[CHECK].local == ()


def test_what_is_up_from_here_alone_is_told_too() -> None:
    reports = says("iad-1", DOWN), says("sin-1", DOWN), says("fra-1", UP), says("fra-2", UP)
    assert local(*reports) == ["fra up"]
    assert seen_down(status_of(*reports).checks[CHECK].local) == ()


votes = st.lists(st.tuples(st.sampled_from(("fra", "lon", "iad", "sin")), st.sampled_from(Belief)), max_size=10)


@given(votes, st.integers(1, 3))
def test_a_local_truth_differs_and_has_enough_fresh_votes_behind_it(cast: list[tuple[str, Belief]], least: int) -> None:
    reports = [says(f"{vantage}-{number}", belief) for number, (vantage, belief) in enumerate(cast)]
    one = status_of(*reports, quorum=replace(QUORUM, local_voters=least)).checks[CHECK]
    for each in one.local:
        assert each.belief is not one.belief
        assert cast.count((each.vantage, each.belief)) >= least
        opposed = UP if each.belief is DOWN else DOWN
        assert cast.count((each.vantage, each.belief)) > cast.count((each.vantage, opposed))
    assert one.local == tuple(sorted(one.local, key=lambda each: each.vantage))


def test_where_vantages_are_is_what_the_first_of_their_probes_says() -> None:
    frankfurt, elsewhere = Coordinates(50.11, 8.68), Coordinates(0.0, 0.0)
    reports = [
        replace(says("fra-2", UP), at=elsewhere),
        replace(says("fra-1", UP), at=frankfurt),
        says("iad-1", UP),
        says("lon-1", UP),
        replace(says("lon-2", UP), at=elsewhere),
    ]
    book = EMPTY_BOOK
    for one in reports:
        book = hear(book, one, heard_at=100.0) or book
    assert positions(in_order(book.by_node.values())) == {FRA: frankfurt, LON: elsewhere}
    assert positions([]) == {}


def heard(vantage: str, at: Coordinates, *, votes: bool = True) -> Book:
    said = {CHECK: vote(UP)} if votes else {}
    return hear(EMPTY_BOOK, replace(report(vantage, said, vantage=vantage), at=at), heard_at=100.0) or EMPTY_BOOK


FRA_VOTES, LON_VOTES, NOBODY = frozenset({NodeName("fra")}), frozenset({NodeName("lon")}), frozenset[NodeName]()


def test_a_vantage_is_remembered_for_an_hour_after_it_last_voted() -> None:
    here, there = Coordinates(50.0, 8.0), Coordinates(51.0, 0.0)
    known = learned({}, heard("fra", here), FRA_VOTES, now=100.0)
    known = learned(known, heard("lon", there), LON_VOTES, now=2000.0)
    assert set(known) == {Vantage(FRA, here), Vantage(LON, there)}
    assert set(learned(known, heard("fra", here), NOBODY, now=3699.9)) == set(known)
    assert set(learned(known, heard("fra", here), NOBODY, now=3700.0)) == {Vantage(LON, there)}
    assert set(learned(known, heard("fra", here), FRA_VOTES, now=3700.0)) == set(known)


def test_who_does_not_vote_is_no_vantage() -> None:
    here = Coordinates(50.0, 8.0)
    assert learned({}, heard("fra", here), NOBODY, now=100.0) == {}
    assert learned({}, heard("fra", here, votes=False), FRA_VOTES, now=100.0) == {}


def test_a_vantage_that_moved_is_where_it_is_now() -> None:
    known = learned({}, heard("fra", Coordinates(50.0, 8.0)), FRA_VOTES, now=100.0)
    assert set(learned(known, heard("fra", Coordinates(48.0, 11.0)), FRA_VOTES, now=200.0)) == {
        Vantage(FRA, Coordinates(48.0, 11.0))
    }


@pytest.mark.parametrize(
    ("reports", "quarantined", "say"),
    [
        pytest.param([says("fra-1", UP)], "", True, id="a vote"),
        pytest.param([says("fra-1", UP), says("fra-2", DOWN)], "", True, id="two that differ"),
        pytest.param([says("fra-1", UNKNOWN), says("fra-2", DOWN)], "", True, id="one that does not know"),
        pytest.param([says("fra-1", UNKNOWN), says("fra-2", UNKNOWN)], "", False, id="none that knows"),
        pytest.param([says("fra-1", UP, age_s=60.0)], "", False, id="a stale vote"),
        pytest.param([says("fra-1", UP)], "fra-1", False, id="quarantine"),
        pytest.param([says("fra-1", UP), says("fra-2", UP)], "fra-1", True, id="one of them in quarantine"),
        pytest.param([report("fra-1", vantage="fra")], "", False, id="no vote on this check"),
    ],
)
def test_a_vantage_says_something_of_a_check_where_a_vote_counts(
    reports: list[Report], quarantined: str, *, say: bool
) -> None:
    found = status_of(*WELL, *reports, out=frozenset({NodeName(quarantined)})).checks[CHECK].said_by
    assert found == {"iad", "sin"} | ({"fra"} if say else set())


IN_ORDER = by_distance(tuple(Vantage(VantageName(name), Coordinates(*PLACES[name])) for name in sorted(PLACES)))


@pytest.mark.parametrize(
    ("said_by", "expected"),
    [
        ("fra iad lon par sin", "fra"),
        ("iad lon par sin", "par"),
        ("iad lon sin", "lon"),
        ("fra sin", "fra"),
        ("par sin", "fra"),
        ("", "fra"),
    ],
)
def test_the_nearest_that_says_something_stands_in_where_three_do(said_by: str, expected: str) -> None:
    assert stand_in(FRA, frozenset(map(VantageName, said_by.split())), IN_ORDER) == expected


def test_who_stands_in_for_a_vantage_is_news_where_somebody_sees_it_otherwise() -> None:
    cut, more = (says("fra-1", DOWN), says("fra-2", DOWN)), says("lon-1", UP)
    before, after = status_of(*WELL, more, *cut), status_of(*WELL, replace(more, votes={}), *cut)
    assert before.checks[CHECK].local == after.checks[CHECK].local
    assert delta_of(before, after).local == delta_of(after, before).local == {CHECK}
    assert delta_of(before, after).local_changes == (), "it is none of a belief"
    calm = status_of(*WELL, more), status_of(*WELL)
    assert delta_of(*calm).local == frozenset()


def test_a_local_truth_that_comes_and_goes_is_a_line_of_the_log() -> None:
    cut = status_of(*WELL, says("fra-1", DOWN), says("fra-2", DOWN))
    healed = status_of(*WELL, says("fra-1", UP), says("fra-2", UP))
    [began] = delta_of(NO_STATUS, cut).local_changes
    assert str(began) == f"check {CHECK}: DOWN as seen from fra (2 probes: timeout), UP elsewhere"
    [ended] = delta_of(cut, healed).local_changes
    assert str(ended) == f"check {CHECK}: UP everywhere; fra does not see it DOWN any more, or is not heard"
    assert delta_of(cut, healed).local == {CHECK}
    assert delta_of(healed, Status({CHECK: CheckStatus(UP, 1.0)})).local == frozenset()
    assert StatusDelta.between(cut, cut) is None


def test_a_local_truth_that_neighbours_share_says_so() -> None:
    reports = map(placed, (*FAR, says("fra-1", DOWN), says("par-1", DOWN)))
    [fra, _] = delta_of(NO_STATUS, status_of(*reports, quorum=ANY)).local_changes
    assert str(fra) == f"check {CHECK}: DOWN as seen from fra and from its neighbours (timeout), UP elsewhere"


def test_a_local_truth_of_one_probe_that_is_trusted_alone_has_no_neighbours_in_it() -> None:
    [fra] = delta_of(
        NO_STATUS, status_of(*WELL, says("fra-1", DOWN), quorum=replace(QUORUM, local_voters=1))
    ).local_changes
    assert str(fra) == f"check {CHECK}: DOWN as seen from fra (1 probe: timeout), UP elsewhere"
