"""Who is in the minority for long is quarantined, and nobody else, and never too many."""

from collections.abc import Sequence
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gtm.geo.place import Coordinates
from gtm.health.belief import Belief
from gtm.health.consensus.local_view import neighbours, positions
from gtm.health.consensus.outliers import Standings, dissent, judged, quarantined, settled, views_of
from gtm.health.consensus.quorum import AllUp, AnyUp, AtLeast, Majority, Quorum, Rule, Share
from gtm.health.consensus.status import NO_STATUS, Status, merge
from gtm.health.consensus.voices import Freshness
from gtm.health.report.book import Book, Heard
from gtm.ids import CheckId, NodeName
from tests.health.examples import report, vote

CHECKS = [CheckId(f"gtm.example.com/api/192.0.2.{number}") for number in range(4)]
WATCHED = {check: Freshness(interval_s=5.0, timeout_s=2.0) for check in CHECKS}
UP, DOWN, UNKNOWN = Belief.UP, Belief.DOWN, Belief.UNKNOWN
QUORUM = Quorum(voters=2, vantages=2)
ROUND_S = 5.0
RULES: tuple[Rule, ...] = (Majority(), AllUp(), AnyUp(), Share(0.18), AtLeast(1), AtLeast(3))


def heard(node: str, *beliefs: Belief, vantage: str | None = None, at: Coordinates | None = None) -> Heard:
    cast = {check: vote(belief) for check, belief in zip(CHECKS, beliefs, strict=True)}
    return Heard(replace(report(node, cast, vantage=vantage), at=at), 100.0)


def status_of(*everyone: Heard, quorum: Quorum = QUORUM, out: frozenset[NodeName] = frozenset()) -> Status:
    book = Book({one.report.node: one for one in everyone})
    return merge(NO_STATUS, book, WATCHED, quorum, now=100.0, wall=0.0, quarantined=out)


def rounds(
    count: int, *everyone: Heard, quorum: Quorum = QUORUM, before: Standings | None = None, since: float = 100.0
) -> Standings:
    standings = before or {}
    status = status_of(*everyone, quorum=quorum, out=quarantined(standings))
    for number in range(count):
        now = since + ROUND_S * number
        anew = [replace(one, heard_at=now) for one in everyone]
        near = neighbours(positions(anew))
        standings = judged(standings, anew, status, WATCHED, near, now=now, round_s=ROUND_S, quorum=quorum)
    return standings


def share_of(one: Heard, *everyone: Heard, out: frozenset[NodeName] = frozenset()) -> float | None:
    """The dissent of one among everyone, once it has lasted."""
    views = views_of(one, settled(status_of(*everyone, out=out)), WATCHED, {}, now=100.0)
    return dissent(views, dict.fromkeys(views, 0.0), WATCHED, now=100.0)


HONEST = tuple(heard(node, UP, UP, UP, UP) for node in "abc")
LIAR = heard("liar", DOWN, DOWN, DOWN, DOWN)


@pytest.mark.parametrize("rule", RULES, ids=str)
@pytest.mark.parametrize(("truth", "lie"), [(UP, DOWN), (DOWN, UP)], ids=["truth is up", "truth is down"])
def test_whatever_the_rule_the_liar_is_quarantined_and_nobody_else(rule: Rule, truth: Belief, lie: Belief) -> None:
    honest = [heard(f"h{number}", *[truth] * 4) for number in range(4)]
    everyone = [*honest, heard("liar", *[lie] * 4)]
    assert quarantined(rounds(10, *everyone, quorum=replace(QUORUM, rule=rule))) == {"liar"}


@pytest.mark.parametrize("rule", RULES, ids=str)
def test_a_tie_judges_nobody(rule: Rule) -> None:
    pairs = [heard(node, *[UP] * 4) for node in "ab"] + [heard(node, *[DOWN] * 4) for node in "cd"]
    assert not quarantined(rounds(50, *pairs, quorum=replace(QUORUM, rule=rule)))


def test_two_that_differ_and_a_vantage_that_abstains_judge_nobody() -> None:
    divided = heard("c-1", *[UP] * 4, vantage="c"), heard("c-2", *[DOWN] * 4, vantage="c")
    everyone = heard("a", *[UP] * 4), heard("b", *[DOWN] * 4), *divided
    assert not quarantined(rounds(50, *everyone))


def test_who_is_in_quarantine_convicts_nobody_and_is_still_measured() -> None:
    a, b, liar = heard("a", *[UP] * 4), heard("b", *[UP] * 4), heard("liar", *[DOWN] * 4)
    out = frozenset({NodeName("liar")})
    assert [share_of(one, a, b, liar, out=out) for one in (a, b, liar)] == [0.0, 0.0, 1.0]
    assert share_of(a, a, heard("b", *[DOWN] * 4), liar, out=out) is None, "one and one, and one that does not count"
    alone = settled(status_of(a, liar, heard("liar-2", *[DOWN] * 4), out=frozenset({NodeName("liar-2"), *out})))
    assert not alone, "one voice alone is right against nobody"


def test_dissent_is_the_share_of_votes_against_what_most_say() -> None:
    half = heard("d", UP, UP, DOWN, DOWN)
    assert share_of(half, *HONEST, half) == 0.5
    assert share_of(HONEST[0], *HONEST, half) == 0.0


def test_a_dissent_that_is_new_is_left_out() -> None:
    half = heard("d", UP, UP, DOWN, DOWN)
    views = views_of(half, settled(status_of(*HONEST, half)), WATCHED, {}, now=100.0)
    assert views == dict(zip(CHECKS, (False, False, True, True), strict=True))
    since = {CHECKS[2]: 83.1, CHECKS[3]: 83.0}
    assert dissent(views, since, WATCHED, now=100.0) == pytest.approx(1 / 3)
    assert dissent({CHECKS[2]: True}, since, WATCHED, now=100.0) is None


def test_two_voices_say_nothing_of_who_is_right() -> None:
    pair = HONEST[0], heard("d", UP, UP, UP, DOWN)
    assert share_of(pair[1], *pair) is None


def test_a_short_dissent_is_no_reason_and_a_long_one_is() -> None:
    assert not quarantined(rounds(7, *HONEST, LIAR)), "others may see it later, until a vote of theirs would be old"
    assert quarantined(rounds(8, *HONEST, LIAR)) == {"liar"}


def test_a_dissent_that_ended_begins_anew() -> None:
    standings: Standings = {}
    for number in range(60):
        now, says = 100.0 + ROUND_S * number, (UP if number % 4 == 3 else DOWN)
        everyone = [replace(one, heard_at=now) for one in (*HONEST, heard("late", *[says] * 4))]
        status = status_of(*HONEST, everyone[-1])
        standings = judged(standings, everyone, status, WATCHED, {}, now=now, round_s=ROUND_S, quorum=QUORUM)
        assert not quarantined(standings)
        assert len(standings[NodeName("late")].against_since) == (0 if says is UP else 4)


def test_who_is_cut_off_from_half_of_the_world_is_not_quarantined() -> None:
    assert not quarantined(rounds(100, *HONEST, heard("far", UP, UP, DOWN, DOWN)))


def test_a_vantage_whose_probes_agree_does_not_lie() -> None:
    far = heard("far-1", DOWN, DOWN, DOWN, DOWN, vantage="far"), heard("far-2", DOWN, DOWN, DOWN, DOWN, vantage="far")
    assert not quarantined(rounds(100, *HONEST, *far))


def test_who_says_nothing_of_most_checks_has_nobody_quarantined_for_a_dissent_on_another() -> None:
    honest = heard("v1", DOWN, UP, UP, UP), heard("v2", UP, UP, UP, UP)
    assert not quarantined(rounds(60, *honest, heard("sly", UP, *[UNKNOWN] * 3)))
    few = Heard(report("sly", {CHECKS[0]: vote(UP)}), 100.0)
    assert not quarantined(rounds(60, *honest, few))
    assert rounds(60, *honest, few)[NodeName("v1")].score == pytest.approx(0.25, abs=0.01)


def test_who_contradicts_one_other_finds_nothing_there_that_speaks_for_it() -> None:
    half = {check: vote(UP) for check in CHECKS[:2]}
    everyone = heard("a", *[UP] * 4), Heard(report("b", half), 100.0), LIAR
    assert quarantined(rounds(60, *everyone)) == {"liar"}


EUROPE = {"fra": (50.1, 8.7), "lon": (51.5, -0.1), "par": (48.9, 2.4)}
ELSEWHERE = {"iad": (39.0, -77.5), "pdx": (45.6, -121.2), "sin": (1.3, 103.8), "gru": (-23.5, -46.6)}


def one_each(**says: Sequence[Belief]) -> list[Heard]:
    """One probe in each place; those that are not named see everything up."""
    return [
        heard(f"{name}-1", *says.get(name, (UP,) * 4), vantage=name, at=Coordinates(*at))
        for name, at in (EUROPE | ELSEWHERE).items()
    ]


def test_vantages_of_one_probe_each_that_see_the_same_as_their_neighbours_do_not_lie() -> None:
    cut = (DOWN, DOWN, DOWN, UP)
    assert not quarantined(rounds(100, *one_each(fra=cut, lon=cut, par=cut)))
    assert not quarantined(rounds(100, *one_each(fra=cut, par=cut))), "two of three"


@pytest.mark.parametrize("name", [*EUROPE, *ELSEWHERE])
def test_a_lone_liar_is_found_wherever_it_is(name: str) -> None:
    assert quarantined(rounds(10, *one_each(**{name: (DOWN,) * 4}))) == {f"{name}-1"}


def test_two_liars_that_an_ocean_or_a_majority_of_their_neighbours_parts_are_found() -> None:
    lies = (DOWN,) * 4
    assert quarantined(rounds(10, *one_each(fra=lies, iad=lies))) == {"fra-1", "iad-1"}
    more = [heard(f"{name}-1", *[UP] * 4, vantage=name, at=Coordinates(50.0, 9.0)) for name in ("ams", "bru")]
    assert quarantined(rounds(10, *one_each(fra=lies, par=lies), *more)) == {"fra-1", "par-1"}


def test_a_neighbour_in_quarantine_seconds_nobody() -> None:
    lies = (DOWN,) * 4
    everyone = one_each(fra=lies, par=lies)
    known = settled(status_of(*everyone, out=frozenset({NodeName("par-1")})))
    near = neighbours(positions(everyone))
    [fra] = [one for one in everyone if one.report.node == "fra-1"]
    assert all(views_of(fra, known, WATCHED, near, now=100.0).values())


def test_a_probe_that_its_own_vantage_contradicts_is_not_seconded_by_another() -> None:
    lies, near_fra = (DOWN,) * 4, Coordinates(*EUROPE["fra"])
    honest = [heard(f"fra-{number}", *[UP] * 4, vantage="fra", at=near_fra) for number in (2, 3)]
    everyone = [*one_each(fra=lies, lon=lies, par=lies), *honest]
    assert "fra-1" in quarantined(rounds(10, *everyone))


def test_a_liar_among_honest_probes_of_its_vantage_is_found() -> None:
    honest = [heard(node, UP, UP, UP, UP, vantage="fra") for node in ("fra-1", "fra-2")]
    liar = heard("liar", DOWN, DOWN, DOWN, DOWN, vantage="fra")
    assert quarantined(rounds(10, *HONEST, *honest, liar)) == {"liar"}
    assert quarantined(rounds(10, *HONEST, honest[0], liar)) == {"liar"}


def test_a_round_is_judged_once() -> None:
    status = status_of(*HONEST, LIAR)
    first = judged({}, (*HONEST, LIAR), status, WATCHED, {}, now=100.0, round_s=5.0, quorum=QUORUM)
    assert judged(first, (*HONEST, LIAR), status, WATCHED, {}, now=104.9, round_s=5.0, quorum=QUORUM) is first


def test_who_left_comes_back_in_quarantine_and_what_it_was_against_has_not_lasted() -> None:
    standings = rounds(10, *HONEST, LIAR)
    assert quarantined(standings) == {"liar"}
    before = standings[NodeName("liar")]
    after = judged(standings, HONEST, status_of(*HONEST), WATCHED, {}, now=200.0, round_s=5.0, quorum=QUORUM)
    assert after[NodeName("liar")] == replace(before, against_since={})
    assert judged(after, HONEST, status_of(*HONEST), WATCHED, {}, now=201.0, round_s=5.0, quorum=QUORUM) is after


def test_who_left_in_quarantine_is_still_one_of_whom_the_others_must_be_a_majority() -> None:
    two, other = HONEST[:2], heard("c", DOWN, DOWN, DOWN, DOWN)
    standings = rounds(10, *HONEST, LIAR)
    while_it_is_gone = rounds(10, *two, other, before=standings, since=200.0)
    back = rounds(10, *two, other, LIAR, before=while_it_is_gone, since=300.0)
    for each in (while_it_is_gone, back):
        assert quarantined(each) == {"liar"}, "with the other one, two of four would count when it comes back"


def test_nobody_is_quarantined_whom_the_quorum_needs() -> None:
    assert not quarantined(rounds(50, *HONEST, LIAR, quorum=Quorum(voters=4)))
    same_place = tuple(heard(node, UP, UP, UP, UP, vantage="one") for node in "abc")
    assert not quarantined(rounds(50, *same_place, LIAR, heard("x", UP, UP, UP, DOWN), quorum=Quorum(vantages=3)))


def test_a_node_whose_votes_do_not_count_is_nobody_of_whom_the_others_are_a_majority() -> None:
    silent = [heard(f"s{number}", *[UNKNOWN] * 4) for number in range(4)]
    two = heard("x", DOWN, DOWN, DOWN, UP), heard("y", DOWN, DOWN, UP, DOWN)
    everyone = heard("a", *[UP] * 4), heard("b", *[UP] * 4), heard("c", *[UP] * 4), *two, *silent
    assert not settled(status_of(*everyone[:2], *silent))
    assert quarantined(rounds(50, *everyone)) == {"x", "y"}
    assert len(quarantined(rounds(50, *everyone[:2], *two, *silent))) <= 1


def test_nobody_is_quarantined_without_whom_a_check_that_says_so_has_no_quorum() -> None:
    one_check = {CHECKS[0]: vote(UP)}
    few = [Heard(report(node, one_check), 100.0) for node in "ab"]
    liar = heard("liar", DOWN, DOWN, DOWN, DOWN)
    many = [Heard(report(node, dict.fromkeys(CHECKS[1:], vote(UP))), 100.0) for node in "cde"]
    assert quarantined(rounds(50, *few, *many, liar)) == {"liar"}
    assert not quarantined(rounds(50, *few, *many, liar, quorum=Quorum(voters=3, vantages=2))), (
        "the first check has two"
    )
    assert not quarantined(rounds(50, *few, *many, liar, quorum=replace(QUORUM, rule=AtLeast(3)))), (
        "and decides nothing"
    )


@pytest.mark.slow
@settings(max_examples=200)
@given(
    st.lists(st.lists(st.sampled_from((UP, DOWN)), min_size=4, max_size=4), min_size=1, max_size=9),
    st.sampled_from(RULES),
    st.booleans(),
)
def test_the_quarantined_are_always_fewer_than_half(beliefs: list[list[Belief]], rule: Rule, is_placed: bool) -> None:  # noqa: FBT001
    everyone = tuple(
        heard(f"n{number}", *each, at=Coordinates(0.0, 20.0 * number) if is_placed else None)
        for number, each in enumerate(beliefs)
    )
    out = quarantined(rounds(60, *everyone, quorum=replace(QUORUM, rule=rule)))
    assert 2 * len(out) < len(everyone) or not out
