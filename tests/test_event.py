from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gtm.errors import StateInvalid
from gtm.event import (
    MAX_LIST,
    MAX_TEXT,
    Event,
    EventId,
    EventKind,
    NoRecorder,
    compose_line,
    kinds_of,
    parse_line,
    recorded,
    verdict_id,
)
from gtm.ids import CheckId, NodeName

CHECK = CheckId("gtm.example.com/api/192.0.2.20")
TEXTS = st.text(st.characters(), max_size=80)
FACTS = st.dictionaries(
    st.text("abc_", max_size=10),
    st.one_of(TEXTS, st.integers(-(2**53), 2**53), st.booleans(), st.lists(TEXTS, max_size=30).map(tuple)),
    max_size=5,
)
EVENTS = st.builds(
    Event,
    st.sampled_from(EventKind),
    TEXTS,
    TEXTS,
    FACTS,
    st.lists(TEXTS.map(EventId), max_size=30).map(tuple),
)


def line_of(event: Event) -> bytes:
    return compose_line(recorded(event, 7, node=NodeName("ns1"), boot=5, monotonic=1.5, wall=1.7e9, at="now"))


@given(EVENTS)
def test_an_event_is_one_line_and_comes_back_the_same(event: Event) -> None:
    line = line_of(event)
    assert line.count(b"\n") == 1
    assert compose_line(parse_line(line)) == line
    parsed = parse_line(line)
    assert (parsed.id, parsed.type, parsed.node) == ("ns1:5:7", event.kind.value, "ns1")
    assert len(parsed.causes) <= MAX_LIST
    assert "" not in parsed.causes


@given(st.binary(max_size=200))
def test_any_bytes_are_an_event_or_a_damaged_line(line: bytes) -> None:
    with suppress(StateInvalid):
        parse_line(line)


@pytest.mark.parametrize("length", [0, 1, 40, 100])
def test_a_torn_line_is_damage(length: int) -> None:
    with pytest.raises(StateInvalid):
        parse_line(line_of(Event(EventKind.PLAN, "1", "generation 1 serves"))[:length])


def test_a_deep_line_is_damage() -> None:
    with pytest.raises(StateInvalid):
        parse_line(b'{"id":' + b"[" * 100_000)


def test_long_texts_and_lists_are_cut() -> None:
    event = Event(EventKind.PLAN, "s", "m" * 10_000, {"many": ("x" * 9_999,) * 99})
    parsed = parse_line(line_of(event))
    assert len(parsed.message) == MAX_TEXT
    assert parsed.facts["many"] == ("x" * MAX_TEXT,) * MAX_LIST


def test_a_kind_of_a_later_version_is_still_an_event() -> None:
    line = line_of(Event(EventKind.PLAN, "s", "m")).replace(b"gtm.plan.swapped", b"gtm.moon.rising")
    assert parse_line(line).type == "gtm.moon.rising"


def test_a_verdict_has_the_same_name_for_the_probe_and_for_who_heard_its_report() -> None:
    assert verdict_id(NodeName("fra"), CHECK, 12.34567) == f"fra:verdict:{CHECK}:12.346"


def test_kinds_are_named_whole_or_by_their_group() -> None:
    assert kinds_of(["gtm.endpoint.down"]) == {"gtm.endpoint.down"}
    assert kinds_of(["quorum", "plan.swapped"]) == {"gtm.quorum.lost", "gtm.quorum.found", "gtm.plan.swapped"}
    assert kinds_of([]) == frozenset()


@pytest.mark.parametrize("name", ["", "gtm", "end", "gtm.endpoint.", "gtm.endpoint.downed"])
def test_a_name_that_is_no_kind_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match=f'"{name}" is no type of event; types start with one of: .*endpoint'):
        kinds_of([name])


def test_every_kind_has_a_name_of_its_own_below_gtm() -> None:
    assert all(kind.value.count(".") == 2 and kind.value.startswith("gtm.") for kind in EventKind)


def test_without_a_node_nothing_is_kept() -> None:
    assert NoRecorder().record(Event(EventKind.PLAN, "s", "m")) == ""
