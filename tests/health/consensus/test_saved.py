import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gtm.errors import StateInvalid
from gtm.geo.place import Coordinates
from gtm.health.belief import Belief
from gtm.health.consensus.local_view import Vantage, Vantages
from gtm.health.consensus.quorum import Quorum
from gtm.health.consensus.saved import (
    compose_claims,
    compose_last_heard,
    compose_saved,
    compose_vantages,
    parse_claims,
    parse_last_heard,
    parse_saved,
    parse_vantages,
)
from gtm.health.consensus.status import NO_STATUS, CheckStatus, Status, merge
from gtm.health.consensus.voices import Freshness
from gtm.health.report.book import EMPTY_BOOK, LastHeard, LastReport
from gtm.health.report.claims import Claim, ClaimsByKey
from gtm.health.report.report import Edition
from gtm.health.verdict.reading import Reason
from gtm.ids import CheckId, NodeName, VantageName
from tests.fakes.deltas import delta_of
from tests.health.examples import check_texts, details, names

CHECK = CheckId("gtm.example.com/api/192.0.2.20")

statuses = st.builds(
    Status,
    st.dictionaries(
        check_texts.map(CheckId),
        st.builds(
            CheckStatus,
            belief=st.sampled_from(Belief),
            since=st.floats(0, 2e9),
            reason=st.sampled_from(Reason),
            detail=details,
        ),
        max_size=5,
    ),
)


@given(statuses)
def test_a_saved_status_comes_back_frozen(status: Status) -> None:
    restored = parse_saved(compose_saved(status))
    assert restored.checks == {check: replace(one, frozen=True) for check, one in status.checks.items()}
    assert not delta_of(status, restored).flipped


def test_a_restored_belief_stands_until_voices_are_heard() -> None:
    saved = compose_saved(Status({CHECK: CheckStatus(Belief.DOWN, 5.0, Reason.REFUSED)}))
    freshness = {CHECK: Freshness(5.0, 2.0)}
    merged = merge(parse_saved(saved), EMPTY_BOOK, freshness, Quorum(), now=1e6, wall=1e9)
    assert merged.checks[CHECK] == CheckStatus(Belief.DOWN, 5.0, Reason.REFUSED, frozen=True, frozen_at=1e6)


@given(st.text(max_size=200))
def test_any_other_text_raises_nothing_but_state_invalid(text: str) -> None:
    with pytest.raises(StateInvalid):
        parse_saved(text)


def test_another_version_is_refused() -> None:
    text = json.dumps({**json.loads(compose_saved(NO_STATUS)), "version": 2})
    with pytest.raises(StateInvalid, match="version"):
        parse_saved(text)


last_heard = st.dictionaries(
    names.map(NodeName),
    st.builds(LastReport, st.builds(Edition, st.integers(0, 2**62), st.integers(0, 2**62)), st.floats(0, 2e10)),
    max_size=5,
)


@given(last_heard)
def test_what_was_heard_last_of_nodes_comes_back(last: LastHeard) -> None:
    assert parse_last_heard(compose_last_heard(last)) == last


@pytest.mark.parametrize(
    "nodes",
    [{"fra": [1, 2]}, {"fra": [1, -2, 5.0]}, {"fra": [1, 2, None]}, {"f r a": [1, 2, 5.0]}, [["fra", 1, 2, 5.0]]],
    ids=repr,
)
def test_what_is_no_last_report_is_damage(nodes: object) -> None:
    with pytest.raises(StateInvalid):
        parse_last_heard(json.dumps({"version": 1, "nodes": nodes}))


vantages = st.dictionaries(names, st.tuples(st.floats(-90, 90), st.floats(-180, 180)), max_size=5).map(
    lambda found: tuple(Vantage(VantageName(name), Coordinates(*at)) for name, at in sorted(found.items()))
)


@given(vantages)
def test_where_vantages_are_survives_the_disk(known: Vantages) -> None:
    assert parse_vantages(compose_vantages(known)) == known


@pytest.mark.parametrize(
    "text", ["", "{}", '{"version": 1, "vantages": {"a b": [0, 0]}}', '{"version": 1, "vantages": {"a": [91, 0]}}']
)
def test_vantages_that_are_none_are_refused(text: str) -> None:
    with pytest.raises(StateInvalid, match="the saved vantages cannot be read"):
        parse_vantages(text)


claims = st.dictionaries(
    st.text(min_size=1, max_size=20),
    st.builds(
        Claim, names.map(VantageName), st.none() | st.builds(Coordinates, st.floats(-90, 90), st.floats(-180, 180))
    ),
    max_size=5,
)


@given(claims)
def test_what_was_claimed_survives_the_disk(held: ClaimsByKey) -> None:
    assert parse_claims(compose_claims(held)) == held


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{}",
        "[" * 10_000,
        '{"version": 2, "claims": {}}',
        '{"version": 1, "claims": {"k": {"vantage": "a b", "at": null}}}',
        '{"version": 1, "claims": {"k": {"vantage": "a", "at": [91, 0]}}}',
        '{"version": 1, "claims": {"k": {"vantage": "a"}}}',
    ],
)
def test_claims_that_are_none_are_refused(text: str) -> None:
    with pytest.raises(StateInvalid, match="the saved claims cannot be read"):
        parse_claims(text)
