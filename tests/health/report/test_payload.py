"""A delta and its base make the report that was meant, and nothing else makes one."""

import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gtm.errors import ReportInvalid
from gtm.geo.place import Coordinates
from gtm.health.belief import Belief
from gtm.health.report.envelope import Sealed, parse_envelope, seal
from gtm.health.report.payload import Base, compose_delta, compose_payload, parse_delta, parse_payload, patched
from gtm.health.report.report import Edition, Report, Vote
from gtm.health.verdict.reading import Reason
from gtm.ids import CheckId, NodeName
from tests.fakes.peers import key_of
from tests.health.examples import NOW_WALL, report, reports, vote, votes

FRA = NodeName("fra")
TRUSTED = {FRA: key_of(FRA).public}
CHECKS = [CheckId(f"gtm.example.com/api/192.0.2.{number}") for number in range(20)]


def base_with(cast: dict[CheckId, Vote]) -> Base:
    first = report(FRA, cast)
    return Base(first, compose_payload(first))


ALL_UP = {check: vote(Belief.UP, age_s=1.25) for check in CHECKS}
BASE = base_with(ALL_UP)


def later(**changed: Vote) -> Report:
    """The next report: all a second older, some with another vote."""
    cast = {check: replace(one, age_s=2.25) for check, one in ALL_UP.items()}
    return report(
        FRA, cast | {CheckId(f"gtm.example.com/api/192.0.2.{name[1:]}"): one for name, one in changed.items()}, serial=2
    )


@given(reports)
def test_composing_and_parsing_a_whole_payload_is_identity(example: Report) -> None:
    assert parse_payload(compose_payload(example)) == example


def test_a_reason_of_a_newer_version_is_other_and_the_rest_of_the_report_counts() -> None:
    down = vote(Belief.DOWN, reason=Reason.SLOW, detail="from the future")
    text = compose_payload(report(FRA, {CHECKS[0]: down, CHECKS[1]: vote(Belief.UP)}))
    newer = text.replace('"slow"', '"haunted"')
    assert newer != text
    found = parse_payload(newer)
    assert found.votes[CHECKS[0]] == replace(down, reason=Reason.OTHER)
    assert found.votes[CHECKS[1]].belief is Belief.UP
    with pytest.raises(ReportInvalid):
        parse_payload(text.replace('"slow"', "7"))


@pytest.mark.slow
@given(st.lists(votes, min_size=1, max_size=6), st.lists(votes, min_size=6, max_size=6), st.sets(st.integers(0, 5)))
def test_a_delta_and_its_base_are_the_report(first: list[Vote], then: list[Vote], changed: set[int]) -> None:
    base = base_with({CHECKS[number]: one for number, one in enumerate(first)})
    cast = {
        CHECKS[number]: replace(then[number] if number in changed else one, age_s=round(then[number].age_s, 3))
        for number, one in enumerate(first)
    }
    meant = report(FRA, cast, serial=2)
    delta = compose_delta(meant, base)
    if delta is not None:
        assert parse_delta(delta).base == base.digest
        assert patched(parse_delta(delta), base.report) == meant


def test_a_delta_has_only_what_changed() -> None:
    delta = compose_delta(later(c3=vote(Belief.DOWN)), BASE)
    assert delta is not None
    assert json.loads(delta)["votes"].keys() == {CHECKS[3]}
    quiet = compose_delta(later(), BASE)
    assert quiet is not None
    assert len(quiet) < len(BASE.text) / 5


def test_another_epoch_other_checks_or_too_many_changes_want_a_new_base() -> None:
    assert compose_delta(replace(later(), epoch=2), BASE) is None
    assert compose_delta(report(FRA, {CHECKS[0]: vote(Belief.UP)}, serial=2), BASE) is None
    down = {f"c{number}": vote(Belief.DOWN) for number in range(5)}
    assert compose_delta(later(**down), BASE) is None


def payload(**fields: object) -> str:
    delta = compose_delta(later(c3=vote(Belief.DOWN)), BASE)
    assert delta is not None
    return json.dumps({**json.loads(delta), **fields})


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{}",
        payload(base="0"),
        payload(ages_ms=[1] * 19),
        payload(ages_ms=[1] * 21),
        payload(ages_ms=[-1] * 20),
        payload(ages_ms=[1.5] * 20),
        payload(ages_ms=["1"] * 20),
        payload(epoch=2),
        payload(node="iad"),
        payload(
            votes={
                "gtm.example.com/api/192.0.2.99": {"belief": "up", "reason": "ok", "detail": "", "age_s": 0, "since": 0}
            }
        ),
        payload(extra=1),
    ],
)
def test_a_delta_that_does_not_fit_its_base_is_malformed(text: str) -> None:
    with pytest.raises(ReportInvalid) as caught:
        patched(parse_delta(text), BASE.report)
    assert caught.value.reason == "malformed"


def test_overrides_travel_with_a_base_and_a_change_of_them_makes_a_new_one() -> None:
    carrying = replace(BASE.report, overrides=("signed",))
    text = compose_payload(carrying)
    assert json.loads(text)["version"] == 2
    assert parse_payload(text) == carrying
    delta = compose_delta(replace(later(), overrides=("signed",)), Base(carrying, text))
    assert delta is not None
    assert "signed" not in delta
    assert patched(parse_delta(delta), carrying).overrides == ("signed",)
    assert compose_delta(later(), Base(carrying, text)) is None


def test_a_report_without_overrides_is_as_before_there_were_any() -> None:
    head = json.loads(compose_payload(BASE.report))
    assert head["version"] == 1
    assert "overrides" not in head


def opened(raw: bytes, base: Base | None = None) -> Sealed:
    held = None if base is None else {FRA: Sealed(base.report, base, b"", b"", base.digest)}
    return parse_envelope(raw, trusted=TRUSTED, known={}, wall=NOW_WALL, held=held)


def test_who_has_the_base_needs_only_the_delta_and_can_pass_on_both() -> None:
    sealed = seal(later(c3=vote(Belief.DOWN)), key_of(FRA), last=BASE)
    assert len(sealed.brief) < len(sealed.full) / 3
    heard = opened(sealed.brief, BASE)
    assert heard == sealed
    assert opened(heard.full) == sealed


def test_without_the_base_a_delta_is_baseless_and_another_base_does_not_help() -> None:
    sealed = seal(later(), key_of(FRA), last=BASE)
    other = base_with({check: vote(Belief.DOWN) for check in CHECKS})
    swapped = json.dumps({**json.loads(sealed.brief), "base": other.text}).encode()
    for raw, base in ((sealed.brief, None), (sealed.brief, other), (swapped, None)):
        with pytest.raises(ReportInvalid) as caught:
            opened(raw, base)
        assert caught.value.reason == "baseless"


@given(st.data())
def test_mutated_deltas_raise_nothing_but_report_invalid(data: st.DataObject) -> None:
    raw = bytearray(seal(later(), key_of(FRA), last=BASE).full)
    for _ in range(data.draw(st.integers(1, 4))):
        raw[data.draw(st.integers(0, len(raw) - 1))] = data.draw(st.integers(0, 255))
    assert outcome(bytes(raw)) in {"heard", "malformed", "unknown_reporter", "forged", "baseless"}


def outcome(raw: bytes) -> str:
    """`heard`, or the reason of the refusal."""
    try:
        opened(raw)
    except ReportInvalid as refused:
        return refused.reason
    return "heard"


def test_a_delta_that_comes_late_is_replayed_even_if_its_base_is_gone() -> None:
    late = seal(later(), key_of(FRA), last=BASE)
    with pytest.raises(ReportInvalid) as caught:
        parse_envelope(late.brief, trusted=TRUSTED, known={FRA: Edition(1, 2)}, wall=NOW_WALL)
    assert caught.value.reason == "replayed"


def test_where_a_probe_is_travels_with_whole_reports_and_with_deltas() -> None:
    first = replace(report(FRA, ALL_UP), at=Coordinates(50.11, 8.68))
    base = Base(first, compose_payload(first))
    assert parse_payload(base.text).at == Coordinates(50.11, 8.68)
    delta = compose_delta(replace(later(), at=first.at), base)
    assert delta is not None
    assert patched(parse_delta(delta), first).at == Coordinates(50.11, 8.68)
    assert '"at"' not in compose_payload(report(FRA, ALL_UP)), "nothing is said where nothing is known"


@pytest.mark.parametrize("at", ["[90.1, 0]", "[0, -180.1]", "[NaN, 0]", "[0]", "[0, 0, 0]", '"0,0"', "[null, 0]", "{}"])
def test_a_place_that_is_none_is_malformed(at: str) -> None:
    text = compose_payload(report(FRA, {})).replace('"votes"', f'"at": {at}, "votes"')
    with pytest.raises(ReportInvalid) as caught:
        parse_payload(text)
    assert caught.value.reason == "malformed"
