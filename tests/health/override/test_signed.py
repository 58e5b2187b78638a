import base64
import json
from contextlib import suppress
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gtm.errors import ReportInvalid
from gtm.health.override.override import (
    MAX_BY_LENGTH,
    MAX_SKEW_S,
    MAX_SPAN_S,
    MAX_WHY_LENGTH,
    MIN_SPAN_S,
    Action,
    Override,
    SafetyRule,
)
from gtm.health.override.scope import MAX_SCOPE_LENGTH
from gtm.health.override.signed import MAX_SEALED_LENGTH, open_override, seal_override
from gtm.ids import NodeName
from tests.fakes.overrides import WALL, overrides, said
from tests.fakes.peers import key_of

TRUSTED = {NodeName(name): key_of(name).public for name in ("ns1", "ns2")}
ONE = said("region gtm.example.com/eu-west", rules=(SafetyRule.AT_LEAST,))


def opened(text: str, *, wall: float = WALL) -> Override:
    return open_override(text, trusted=TRUSTED, wall=wall)


def refused(text: str, *, wall: float = WALL) -> str:
    with pytest.raises(ReportInvalid) as error:
        opened(text, wall=wall)
    return error.value.reason


def signed(**changes: object) -> str:
    """ONE with other fields, rightly signed."""
    payload = {**json.loads(json.loads(seal_override(ONE, key_of("ns1")))["payload"]), **changes}
    return resigned({name: value for name, value in payload.items() if value is not ...})


def resigned(payload: object) -> str:

    text, key = json.dumps(payload), key_of("ns1")
    signature = base64.b64encode(key.sign(text.encode())).decode()
    return json.dumps({"payload": text, "key": str(key.public), "signature": signature})


@given(overrides)
def test_what_is_sealed_opens_as_the_same(one: Override) -> None:
    assert opened(seal_override(one, key_of(one.node)), wall=one.made_at) == one


def test_an_end_is_written_so_that_the_version_before_ends_by_it_too() -> None:
    """It knows no `clear`; an `obey` that is over counts there in the place of what was said, and exempts no more."""
    end = said("region gtm.example.com/eu-west", Action.CLEAR, made_at=WALL + 1)
    payload = json.loads(json.loads(seal_override(end, key_of("ns1")))["payload"])
    assert payload["action"] == "obey"
    assert WALL + 1 < payload["until"] < WALL + 1.002
    assert opened(seal_override(end, key_of("ns1")), wall=WALL + 1) == end


def test_no_obey_that_a_person_said_is_taken_for_an_end() -> None:
    shortest = said("region gtm.example.com/eu-west", Action.OBEY, span_s=MIN_SPAN_S)
    assert opened(seal_override(shortest, key_of("ns1"))) == shortest


def test_the_longest_override_fits() -> None:
    service = "service " + "\\009" * ((MAX_SCOPE_LENGTH - 8) // 4)
    longest = replace(said(service), why="\U0001f525" * MAX_WHY_LENGTH, by="é" * MAX_BY_LENGTH)
    longest = replace(longest, rules=tuple(SafetyRule))
    text = seal_override(longest, key_of("ns1"))
    assert len(text) <= MAX_SEALED_LENGTH
    assert opened(text) == longest


def test_an_override_has_no_age_limit_but_its_end() -> None:
    text = seal_override(replace(ONE, until=ONE.made_at + MAX_SPAN_S), key_of("ns1"))
    assert opened(text, wall=WALL + MAX_SPAN_S + 1e6).made_at == WALL


def test_one_from_the_future_is_skewed() -> None:
    text = seal_override(ONE, key_of("ns1"))
    assert opened(text, wall=WALL - MAX_SKEW_S) == ONE
    assert refused(text, wall=WALL - MAX_SKEW_S - 1) == "skewed"


def test_strangers_and_impostors_are_refused() -> None:
    assert refused(seal_override(ONE, key_of("eve"))) == "unknown_reporter"
    assert refused(seal_override(ONE, key_of("ns2"))) == "forged", "a trusted key speaks for itself alone"
    text = json.loads(seal_override(ONE, key_of("ns1")))
    text["payload"] = text["payload"].replace("down", "up")
    assert refused(json.dumps(text)) == "forged"


@pytest.mark.parametrize(
    "changes",
    [
        {"version": 2},
        {"id": "ns2:1700000000000"},
        {"id": "ns1:1\n"},
        {"scope": "everything"},
        {"scope": "service API.example."},
        {"action": "explode"},
        {"action": "clear"},
        {"why": ""},
        {"why": "   "},
        {"why": "a\nb"},
        {"why": "a" * (MAX_WHY_LENGTH + 1)},
        {"by": ""},
        {"by": "a\x1bb"},
        {"until": WALL},
        {"until": WALL + MAX_SPAN_S + 1},
        {"until": float("nan")},
        {"until": "never"},
        {"made_at": -1},
        {"rules": ["gravity"]},
        {"rules": ["at_least"] * 9},
        {"extra": 1},
        {"why": ...},
        {"until": ...},
    ],
)
def test_a_signed_override_out_of_bounds_is_malformed(changes: dict[str, object]) -> None:
    assert refused(signed(**changes)) == "malformed"


def test_more_than_the_limit_is_oversized() -> None:
    assert refused("x" * (MAX_SEALED_LENGTH + 1)) == "oversized"


@given(st.text() | st.binary().map(lambda raw: raw.decode("latin-1")))
def test_any_text_is_refused_in_order(text: str) -> None:
    assert refused(text) == "malformed"


@given(st.integers(0, 10_000), st.characters())
def test_a_changed_character_is_never_another_override(place: int, character: str) -> None:
    text = seal_override(ONE, key_of("ns1"))
    place %= len(text)
    with suppress(ReportInvalid):
        assert opened(text[:place] + character + text[place + 1 :]) == ONE
