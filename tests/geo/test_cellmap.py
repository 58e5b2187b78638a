from array import array
from bisect import bisect_right
from ipaddress import IPv4Address, IPv6Address

from hypothesis import given
from hypothesis import strategies as st

from gtm.geo.cellmap import ONE_CELL, CellMap, Halves, Hit, Networks

MAP = CellMap(
    v4=Networks(array("I", [0, 2**31]), array("B", [1, 1]), array("I", [3, 4])),
    v6=Networks(Halves.of([0, 2**127, 2**127 + 2**126]), array("B", [1, 2, 2]), array("I", [5, 6, 7])),
)


def test_an_address_falls_into_the_last_network_that_starts_at_or_before_it() -> None:
    assert MAP.lookup(IPv4Address("127.255.255.255")) == Hit(3, 1)
    assert MAP.lookup(IPv4Address("128.0.0.0")) == Hit(4, 1)
    assert MAP.lookup(IPv4Address("255.255.255.255")) == Hit(4, 1)


def test_each_family_has_its_own_networks() -> None:
    assert MAP.lookup(IPv6Address("::")) == Hit(5, 1)
    assert MAP.lookup(IPv6Address("8000::1")) == Hit(6, 2)
    assert MAP.lookup(IPv6Address("ffff::")) == Hit(7, 2)


def test_one_cell_covers_everything_with_scope_0() -> None:
    assert ONE_CELL.lookup(IPv4Address("192.0.2.1")) == Hit(0, 0)
    assert ONE_CELL.lookup(IPv6Address("2001:db8::1")) == Hit(0, 0)


@given(st.lists(st.integers(0, 2**128 - 1) | st.integers(2**64 - 2, 2**64 + 2), min_size=1, unique=True), st.data())
def test_halves_are_searched_as_whole_numbers_are(numbers: list[int], data: st.DataObject) -> None:
    whole = sorted(numbers)
    halves = Halves.of(whole)
    number = data.draw(st.sampled_from(whole) | st.integers(0, 2**128 - 1))
    assert halves.after(number) == bisect_right(whole, number)
    assert list(halves) == whole
    assert list(halves[1:]) == whole[1:]
