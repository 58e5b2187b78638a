import base64
import json
from dataclasses import replace

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from gtm.errors import ReportInvalid
from gtm.health.belief import Belief
from gtm.health.report.bounds import MAX_ENVELOPE_BYTES, MAX_OFFER_BYTES
from gtm.health.report.envelope import (
    compose_envelope,
    compose_offer,
    parse_envelope,
    parse_offer,
)
from gtm.health.report.payload import MAX_VOTES
from gtm.health.report.report import Edition, Report, Vote
from gtm.health.verdict.reading import Reason
from gtm.health.verdict.verdict import VerdictState
from gtm.ids import CheckId, NodeName
from tests.fakes.peers import key_of
from tests.health.examples import NOW_WALL, report, reports, vote

FRA, IAD = NodeName("probe-fra"), NodeName("probe-iad")
TRUSTED = {FRA: key_of(FRA).public, IAD: key_of(IAD).public}
CHECK = CheckId("gtm.example.com/api/192.0.2.20")
REPORT = report(FRA, {CHECK: vote(Belief.UP)}, epoch=7, serial=40)


def parsed(raw: bytes, known: Edition | None = None) -> Report:
    return parse_envelope(raw, trusted=TRUSTED, known={} if known is None else {FRA: known}, wall=NOW_WALL).report


def refusal(raw: bytes, known: Edition | None = None) -> str:
    with pytest.raises(ReportInvalid) as caught:
        parsed(raw, known)
    return caught.value.reason


def outcome(raw: bytes) -> str:
    """`heard`, or the reason of the refusal."""
    try:
        parsed(raw)
    except ReportInvalid as refused:
        return refused.reason
    return "heard"


def signed(payload: str) -> bytes:
    """Any payload under a good signature."""
    key = key_of(FRA)
    signature = base64.b64encode(key.sign(payload.encode())).decode()
    return json.dumps({"payload": payload, "key": str(key.public), "signature": signature}).encode()


PLAIN_VOTE = {"belief": "up", "reason": "ok", "detail": "", "age_s": 0.0, "since": 0.0}


def payload_with(**changed: object) -> str:
    fields = json.loads(json.loads(compose_envelope(REPORT, key_of(FRA)))["payload"])
    return json.dumps({**fields, **changed})


@pytest.mark.slow
@given(reports)
def test_composing_and_parsing_is_identity(example: Report) -> None:
    key = key_of("any")
    raw = compose_envelope(example, key)
    assert parse_envelope(raw, trusted={example.node: key.public}, known={}, wall=NOW_WALL).report == example


@given(st.binary(max_size=300))
def test_arbitrary_bytes_raise_nothing_but_report_invalid(raw: bytes) -> None:
    assert refusal(raw) == "malformed"


@given(data=st.data())
def test_mutated_envelopes_raise_nothing_but_report_invalid(data: st.DataObject) -> None:
    raw = bytearray(compose_envelope(REPORT, key_of(FRA)))
    for _ in range(data.draw(st.integers(1, 4))):
        raw[data.draw(st.integers(0, len(raw) - 1))] = data.draw(st.integers(0, 255))
    assert outcome(bytes(raw)) in {"heard", "malformed", "unknown_reporter", "forged"}


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)


@pytest.mark.slow
@example(field="epoch", value=1_700_000_029_601)
@example(field="serial", value=2**62)
@given(field=st.sampled_from(["version", "node", "vantage", "epoch", "serial", "made_at", "votes"]), value=json_values)
def test_a_signed_payload_of_any_shape_raises_nothing_but_report_invalid(field: str, value: object) -> None:
    refused = {"malformed", "forged", "skewed"} | ({"edition"} if field in {"epoch", "serial"} else set())
    assert outcome(signed(payload_with(**{field: value}))) in {"heard"} | refused


def test_an_envelope_over_the_limit_is_refused_unread() -> None:
    assert refusal(b" " * (MAX_ENVELOPE_BYTES + 1)) == "oversized"


def test_a_stranger_is_an_unknown_reporter() -> None:
    assert refusal(compose_envelope(replace(REPORT, node=NodeName("mallory")), key_of("mallory"))) == "unknown_reporter"
    assert refusal(compose_envelope(REPORT, key_of("mallory"))) == "unknown_reporter"


def test_a_changed_payload_is_forged() -> None:
    raw = compose_envelope(REPORT, key_of(FRA))
    assert refusal(raw.replace(b"up", b"dn")) == "forged"


def test_a_trusted_key_that_speaks_for_another_node_is_forged() -> None:
    assert refusal(compose_envelope(REPORT, key_of(IAD))) == "forged"
    assert refusal(compose_envelope(replace(REPORT, node=NodeName("nobody")), key_of(IAD))) == "forged"


@pytest.mark.parametrize("made_at", [NOW_WALL - 30.1, NOW_WALL + 30.1, 0.0])
def test_a_report_from_another_time_is_skewed(made_at: float) -> None:
    assert refusal(compose_envelope(replace(REPORT, made_at=made_at), key_of(FRA))) == "skewed"


@pytest.mark.parametrize("made_at", [NOW_WALL - 30, NOW_WALL + 30])
def test_clocks_may_differ_by_half_a_minute(made_at: float) -> None:
    late = replace(REPORT, made_at=made_at)
    assert parsed(compose_envelope(late, key_of(FRA))) == late


NOW_MS = int(NOW_WALL * 1000)


@pytest.mark.parametrize(
    "edition", [Edition(NOW_MS + 30_001, 0), Edition(NOW_MS + 30_000, 1), Edition(NOW_MS, 3_001)], ids=str
)
def test_an_edition_that_no_node_can_have_now_is_refused(edition: Edition) -> None:
    ahead = replace(REPORT, epoch=edition.epoch, serial=edition.serial)
    assert refusal(compose_envelope(ahead, key_of(FRA))) == "edition"


@pytest.mark.parametrize(
    "edition", [Edition(NOW_MS + 30_000, 0), Edition(NOW_MS + 29_000, 100), Edition(NOW_MS, 3_000)], ids=str
)
def test_an_edition_by_a_clock_half_a_minute_ahead_is_heard(edition: Edition) -> None:
    ahead = replace(REPORT, epoch=edition.epoch, serial=edition.serial)
    assert parsed(compose_envelope(ahead, key_of(FRA))) == ahead


@pytest.mark.parametrize("known", [Edition(7, 40), Edition(7, 41), Edition(8, 0)])
def test_an_old_edition_is_replayed(known: Edition) -> None:
    assert refusal(compose_envelope(REPORT, key_of(FRA)), known) == "replayed"


@pytest.mark.parametrize("known", [Edition(7, 39), Edition(6, 99)])
def test_a_newer_edition_is_heard(known: Edition) -> None:
    assert parsed(compose_envelope(REPORT, key_of(FRA)), known) == REPORT


@pytest.mark.parametrize(
    "payload",
    [
        "",
        "[]",
        "[" * 100_000,
        payload_with(version=3),
        payload_with(extra=1),
        payload_with(node="with space"),
        payload_with(node="x" * 65),
        payload_with(vantage="line\nbreak"),
        payload_with(epoch=-1),
        payload_with(epoch=2**63),
        payload_with(epoch=1.0),
        payload_with(serial="1"),
        payload_with(made_at=-1),
        payload_with(votes=[]),
        payload_with(votes={CHECK: {}}),
        payload_with(votes={"": {"belief": "up", "reason": "ok", "detail": "", "age_s": 0, "since": 0}}),
        payload_with(votes={"a\x1b": {"belief": "up", "reason": "ok", "detail": "", "age_s": 0, "since": 0}}),
        payload_with(votes={CHECK: {"belief": "up", "reason": "ok", "detail": "", "age_s": -1, "since": 0}}),
        payload_with(votes={CHECK: {"belief": "maybe", "reason": "ok", "detail": "", "age_s": 0, "since": 0}}),
        payload_with(votes={CHECK: {"belief": "up", "reason": 7, "detail": "", "age_s": 0, "since": 0}}),
        payload_with(votes={CHECK: {"belief": "up", "reason": "ok", "detail": "x" * 201, "age_s": 0, "since": 0}}),
        payload_with(votes={CHECK: PLAIN_VOTE | {"flip_in_s": -1}}),
        payload_with(votes={CHECK: PLAIN_VOTE | {"flip_in_s": 1e13}}),
        payload_with(votes={CHECK: PLAIN_VOTE | {"flip_in_s": float("nan")}}),
        payload_with(votes={CHECK: PLAIN_VOTE | {"state": "odd"}}),
        payload_with(votes={CHECK: PLAIN_VOTE | {"reason": []}}),
        payload_with(made_at=float("nan")),
        payload_with(made_at=float("inf")),
    ],
)
def test_a_signed_report_out_of_bounds_is_malformed(payload: str) -> None:
    assert refusal(signed(payload)) == "malformed"


def test_a_vote_that_knows_of_no_state_and_no_promise_is_heard_and_promises_nothing() -> None:
    older = payload_with(votes={CHECK: PLAIN_VOTE})
    assert parsed(signed(older)).votes[CHECK] == Vote(Belief.UP, Reason.OK, "", 0.0, 0.0, VerdictState.UP, 0.0)


@pytest.mark.slow
def test_a_signed_report_with_too_many_votes_is_malformed() -> None:
    cast: dict[str, object] = {f"c{number}": {} for number in range(MAX_VOTES + 1)}
    assert refusal(signed(payload_with(votes=cast))) == "malformed"


def test_a_refusal_repeats_none_of_the_bytes_that_it_refuses() -> None:
    with pytest.raises(ReportInvalid) as caught:
        parsed(signed(payload_with(node="line\nbreak")))
    assert str(caught.value).isprintable()
    assert "break" not in str(caught.value)


@pytest.mark.slow
@given(st.lists(reports, max_size=3))
def test_an_offer_keeps_every_envelope_byte_for_byte(examples: list[Report]) -> None:
    envelopes = tuple(compose_envelope(example, key_of(example.node)) for example in examples)
    assert parse_offer(compose_offer(envelopes)) == envelopes


@given(st.binary(max_size=200) | json_values.map(lambda value: json.dumps({"reports": value}).encode()))
def test_any_other_offer_raises_nothing_but_report_invalid(body: bytes) -> None:
    try:
        assert parse_offer(body) == ()
    except ReportInvalid as refused:
        reason = refused.reason
    else:
        reason = "malformed"
    assert reason == "malformed"


def test_an_offer_over_the_limit_is_refused_unread() -> None:
    with pytest.raises(ReportInvalid, match="the limit is") as caught:
        parse_offer(b" " * (MAX_OFFER_BYTES + 1))
    assert caught.value.reason == "oversized"
