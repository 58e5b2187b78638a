"""Walks over graphs with more ways than anybody can walk, and deeper than any stack."""

import pytest

from gtm.zone.graph import inner_first, outer_first, way_text

ROWS = 60


def rows(node: int) -> list[int]:
    """Two nodes in each row, each over both of the next row."""
    first = (node // 2 + 1) * 2
    return [first, first + 1] if first < 2 * ROWS else []


def deep(node: int) -> list[int]:
    return [node + 1] if node < 50_000 else []


def test_each_node_comes_once_and_after_one_that_it_is_below() -> None:
    found = list(outer_first(0, rows, lambda node: node))
    assert sorted(found) == [0, *range(2, 2 * ROWS)]
    for node in found[1:]:
        assert any(node in rows(above) for above in found[: found.index(node)])


def test_each_node_comes_once_and_after_what_is_below_it() -> None:
    found = list(inner_first(0, rows, lambda node: node))
    assert sorted(found) == [0, *range(2, 2 * ROWS)]
    assert all(found.index(below) < found.index(node) for node in found for below in rows(node))


@pytest.mark.slow
def test_a_graph_may_be_deeper_than_any_stack() -> None:
    assert list(outer_first(0, deep, lambda node: node)) == list(range(50_001))
    assert list(inner_first(0, deep, lambda node: node)) == list(range(50_000, -1, -1))


def test_a_long_way_is_told_by_its_ends() -> None:
    assert way_text(["a", "b", "a"]) == "a -> b -> a"
    assert way_text(range(100), str) == "0 -> 1 -> 2 -> 3 -> (92 more) -> 96 -> 97 -> 98 -> 99"
