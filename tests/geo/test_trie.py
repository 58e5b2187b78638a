"""Tries of six bits are small enough to compare every operation with brute force over all 64 addresses."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gtm.errors import DatabaseInvalid
from gtm.geo.trie import Trie, collapse, everywhere, from_networks, in_level_order, integers, merge, renumber

BITS = 6
ADDRESSES = range(2**BITS)
MOST_VALUES = 5

Row = tuple[int, int, int]


@st.composite
def rows(draw: st.DrawFn) -> list[Row]:
    """Networks as (first address, length, value), shortest first."""
    found = []
    for _ in range(draw(st.integers(0, 12))):
        length = draw(st.integers(0, BITS))
        start = draw(st.integers(0, 2**length - 1)) << (BITS - length)
        found.append((start, length, draw(st.integers(0, MOST_VALUES))))
    return sorted(found, key=lambda row: row[1])


def covers(start: int, length: int, address: int) -> bool:
    return address >> (BITS - length) == start >> (BITS - length)


def value_by_brute_force(networks: list[Row], address: int) -> int:
    return next((value for start, length, value in reversed(networks) if covers(start, length, address)), 0)


@given(rows())
def test_the_longest_network_around_an_address_has_its_value(networks: list[Row]) -> None:
    trie = from_networks(networks, bits=BITS)
    for address in ADDRESSES:
        assert trie.locate(address)[0] == value_by_brute_force(networks, address)


@pytest.mark.slow
@given(rows())
def test_the_length_found_is_that_of_a_network_with_one_value(networks: list[Row]) -> None:
    trie = from_networks(networks, bits=BITS)
    for address in ADDRESSES:
        value, length = trie.locate(address)
        inside = [other for other in ADDRESSES if covers(address, length, other)]
        assert all(trie.locate(other) == (value, length) for other in inside)


@pytest.mark.slow
@given(rows(), rows())
def test_a_merged_trie_holds_the_pair_of_values_for_the_longer_network_of_both(one: list[Row], two: list[Row]) -> None:
    first, second = from_networks(one, bits=BITS), from_networks(two, bits=BITS)
    merged, pairs = merge(first, second)
    for address in ADDRESSES:
        value, length = merged.locate(address)
        (value_one, length_one), (value_two, length_two) = first.locate(address), second.locate(address)
        assert pairs[value] == (value_one, value_two)
        assert length == max(length_one, length_two)


@pytest.mark.slow
@given(rows(), rows(), rows())
def test_what_was_merged_can_be_merged_again(one: list[Row], two: list[Row], three: list[Row]) -> None:
    parts = [from_networks(networks, bits=BITS) for networks in (one, two, three)]
    first, pairs = merge(parts[0], parts[1])
    merged, triples = merge(first, parts[2])
    for address in ADDRESSES:
        pair, last = triples[merged.locate(address)[0]]
        assert (*pairs[pair], last) == tuple(part.locate(address)[0] for part in parts)


@given(rows(), st.lists(st.integers(0, 2), min_size=MOST_VALUES + 1, max_size=MOST_VALUES + 1))
def test_renumbering_changes_values_and_no_network(networks: list[Row], numbers: list[int]) -> None:
    before = from_networks(networks, bits=BITS)
    after = renumber(before, numbers)
    for address in ADDRESSES:
        value, length = before.locate(address)
        assert after.locate(address) == (numbers[value], length)


@given(rows(), st.lists(st.integers(0, 2), min_size=MOST_VALUES + 1, max_size=MOST_VALUES + 1))
def test_collapsed_blocks_are_the_largest_aligned_ones_of_one_cell(networks: list[Row], cells: list[int]) -> None:
    trie = from_networks(networks, bits=BITS)
    cell_of = [cells[trie.locate(address)[0]] for address in ADDRESSES]
    blocks = collapse(trie, cells)
    assert list(zip(integers(blocks.starts), blocks.lengths.tolist(), blocks.cells.tolist(), strict=True)) == (
        largest_blocks(cell_of)
    )


def largest_blocks(cell_of: list[int]) -> list[tuple[int, int, int]]:
    """Returns (first address, length, cell) of the largest aligned blocks of one cell, by trying all lengths."""
    found: list[tuple[int, int, int]] = []
    address = 0
    while address < len(cell_of):
        for length in range(BITS + 1):
            size = 2 ** (BITS - length)
            if address % size == 0 and len(set(cell_of[address : address + size])) == 1:
                found.append((address, length, cell_of[address]))
                address += size
                break
    return found


def test_a_network_of_a_128_bit_trie_starts_where_it_should() -> None:
    start = 0x2001_0DB8 << 96 | 0xFFFF_0000_0000_0000
    blocks = collapse(from_networks([(start, 80, 1), (start | 1, 128, 2)], bits=128), [0, 1, 2])
    starts = integers(blocks.starts)
    assert starts == sorted(starts)
    assert (start | 1, 128, 2) in zip(starts, blocks.lengths.tolist(), blocks.cells.tolist(), strict=True)
    assert sum(2 ** (128 - length) for length in blocks.lengths.tolist()) == 2**128


def test_one_value_everywhere_is_a_network_of_length_0() -> None:
    trie = everywhere(32, 3)
    assert trie.locate(0x0A000001) == (3, 0)
    assert not trie.is_unknown
    assert everywhere(32, 0).is_unknown


def test_level_order_keeps_every_value() -> None:
    # Node 0 holds value 1 and node 2; node 2 holds node 1 and value 2; node 1 holds values 3 and 4.
    tree = np.array([[~1, 2], [~3, ~4], [1, ~2]], np.int32)
    trie = in_level_order(tree, 0, bits=4)
    assert [trie.locate(address)[0] for address in range(16)] == [1] * 8 + [3] * 2 + [4] * 2 + [2] * 4
    assert trie.levels == (0, 1, 2, 3)


def test_a_cut_node_becomes_unknown() -> None:
    tree = np.array([[1, ~1], [~2, ~3]], np.int32)
    trie = in_level_order(tree, 0, bits=4, cut=1)
    assert [trie.locate(address)[0] for address in (0, 15)] == [0, 1]


def test_a_tree_that_loops_is_invalid() -> None:
    with pytest.raises(DatabaseInvalid, match="loops"):
        in_level_order(np.array([[0, 0]], np.int32), 0, bits=32)


def test_a_tree_deeper_than_addresses_is_invalid() -> None:
    chain = np.array([[node + 1, ~0] for node in range(9)] + [[~0, ~0]], np.int32)
    with pytest.raises(DatabaseInvalid, match="deeper than 8 bits"):
        in_level_order(chain, 0, bits=8)


def test_level_order_of_a_value_is_that_value_everywhere() -> None:
    trie: Trie = in_level_order(np.empty((0, 2), np.int32), ~7, bits=32)
    assert trie.locate(1) == (7, 0)
