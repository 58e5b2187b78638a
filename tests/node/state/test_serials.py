from dataclasses import replace

import pytest
from dns.name import from_text
from hypothesis import example, given
from hypothesis import strategies as st

from gtm.node.state.serials import MAX_SERIAL, Saved, is_later, next_serial, with_serials
from gtm.zone.model import Zone
from tests.fakes import world

NOW = 1_700_000_000.0
ORIGIN = "gtm.example.com."
ZONE = world.zone()


def zone(digest: str) -> Zone:
    return replace(ZONE, digest=digest)


def serial(saved: Saved) -> int:
    return saved.zones[ORIGIN].serial


def test_a_new_zone_gets_the_time_as_its_serial() -> None:
    assert serial(with_serials(Saved(), (zone("a"),), wall=NOW)) == int(NOW)


def test_an_unchanged_zone_keeps_its_serial() -> None:
    before = with_serials(Saved(), (zone("a"),), wall=NOW)
    assert with_serials(before, (zone("a"),), wall=NOW + 999) == before


def test_a_changed_zone_gets_a_larger_serial_even_when_the_clock_went_back() -> None:
    before = with_serials(Saved(), (zone("a"),), wall=NOW)
    assert serial(with_serials(before, (zone("b"),), wall=NOW - 999_999)) == int(NOW) + 1
    assert serial(with_serials(before, (zone("b"),), wall=NOW)) == int(NOW) + 1
    assert serial(with_serials(before, (zone("b"),), wall=NOW + 60)) == int(NOW) + 60


def test_a_zone_that_went_and_came_back_has_no_smaller_serial() -> None:
    before = with_serials(Saved(), (zone("a"),), wall=NOW)
    gone = with_serials(before, (), wall=NOW + 1)
    assert serial(with_serials(gone, (zone("b"),), wall=NOW - 5)) == int(NOW) + 1


def test_of_zones_that_are_gone_the_newest_serials_are_known(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gtm.node.state.serials.MAX_GONE", 3)
    saved = with_serials(Saved(), (zone("a"),), wall=NOW)
    for second in range(20):
        origin = from_text(f"z{second}.example.com.")
        saved = with_serials(saved, (zone("a"), replace(zone("a"), origin=origin)), wall=NOW + second)
    assert [*saved.zones] == [ORIGIN, *(f"z{second}.example.com." for second in (16, 17, 18, 19))]


def greater(one: int, other: int) -> bool:
    """As RFC 1982 3.2 has it, word by word."""
    half = 2**31
    return (one < other and other - one > half) or (one > other and one - other < half)


@pytest.mark.parametrize(
    ("last", "wall", "wanted"),
    [
        (MAX_SERIAL, 0.0, 1),
        (MAX_SERIAL, NOW, int(NOW)),
        (MAX_SERIAL - 1, 3e9, MAX_SERIAL),
        (2**31 + 1, 0.0, 2**31 + 2),
        (MAX_SERIAL, 2**32 + 5.0, 5),
        (5, 2**32 - 1.0, 6),
        (7, 7 + 2.0**31, 8),
        (7, 6 + 2.0**31, 6 + 2**31),
        (None, 2.0**32, 1),
        (None, 1e12, int(1e12) % 2**32),
        (None, -5.0, 2**32 - 5),
        (None, 0.0, 1),
    ],
)
def test_serials_go_round_at_the_end_of_their_32_bits(last: int | None, wall: float, wanted: int) -> None:
    assert next_serial(last, wall=wall) == wanted
    assert last is None or greater(wanted, last)


@given(st.lists(st.tuples(st.sampled_from("abc"), st.floats(0, 2e10)), min_size=1, max_size=20))
def test_serials_only_grow_and_change_with_the_zone_alone(steps: list[tuple[str, float]]) -> None:
    saved, digest = Saved(), ""
    for wanted, wall in steps:
        after = with_serials(saved, (zone(wanted),), wall=wall)
        assert 0 < serial(after) <= MAX_SERIAL
        if saved.zones:
            assert greater(serial(after), serial(saved)) == (wanted != digest)
            assert is_later(serial(after), serial(saved)) == (wanted != digest)
            assert (serial(after) == serial(saved)) == (wanted == digest)
        saved, digest = after, wanted


@given(st.integers(0, MAX_SERIAL), st.integers(0, MAX_SERIAL))
@example(0, 2**31)
@example(2**31, 0)
def test_serials_are_compared_as_rfc_1982_says(one: int, other: int) -> None:
    assert is_later(one, other) == greater(one, other)
