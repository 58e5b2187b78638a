"""A binary trie of one address family: network -> value, as numpy arrays in level order.

Every source of places becomes one (a database's search tree, the custom networks), and whatever is done with several of
them is one of three passes, each a few array operations per level and never per network:

    merge     two tries -> the trie of their pairs                     top-down
    collapse  values -> cells: nodes whose whole subtree is one cell   bottom-up
    locate    one address -> value and prefix length                   a walk

A *reference* is what a node's slot holds: a node's row when >= 0, otherwise the value ~reference. Value 0 means that
nothing is known. Rows are in level order and the root's is 0, so node n hangs from the n-th slot that holds a row.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from gtm.errors import DatabaseInvalid

References = NDArray[np.int32]
Words = NDArray[np.uint64]
"""Addresses, most significant word first: one column for IPv4, two for IPv6."""

MIXED = -1
"""The cell of a node whose addresses are of more than one."""


@dataclass(frozen=True, slots=True, eq=False)
class Trie:
    """Networks of one family, each with a value; together they cover every address."""

    bits: int
    """32 or 128: how long an address is."""
    slots: References
    """(nodes, 2): what follows a 0 bit and a 1 bit."""
    levels: tuple[int, ...]
    """The first row of each depth, and at the end the number of nodes."""
    root: int
    """A reference: 0, or ~value when one value covers everything."""

    @property
    def is_unknown(self) -> bool:
        """Returns whether nothing is known of any address."""
        return self.root == ~0

    def locate(self, address: int) -> tuple[int, int]:
        """Returns the value of an address, and the length of the network that holds it."""
        reference, depth = self.root, 0
        while reference >= 0:
            reference = int(self.slots[reference, address >> (self.bits - 1 - depth) & 1])
            depth += 1
        return ~reference, depth


@dataclass(frozen=True, slots=True, eq=False)
class Blocks:
    """Networks in the order of their addresses; the columns are equally long."""

    starts: Words
    lengths: NDArray[np.uint8]
    cells: NDArray[np.uint32]


def everywhere(bits: int, value: int) -> Trie:
    """Returns the trie that holds one value for every address."""
    return Trie(bits, np.empty((0, 2), np.int32), (0,), ~value)


def in_level_order(slots: References, root: int, *, bits: int, cut: int | None = None) -> Trie:
    """Returns the part of a search tree below a node, its rows in level order; slots that hold `cut` become unknown.

    Raises DatabaseInvalid for a tree that is deeper than addresses are long, or that shares more than aliases do.
    """
    if root < 0:
        return everywhere(bits, ~root)
    frontier = np.array([root], np.int32)
    ordered, levels = [], [0]
    for _ in range(bits):
        below = slots[frontier]
        if cut is not None:
            below[below == cut] = ~0
        inner = below >= 0
        frontier = below[inner]
        levels.append(levels[-1] + len(below))
        below[inner] = np.arange(levels[-1], levels[-1] + len(frontier), dtype=np.int32)
        ordered.append(below)
        if not len(frontier):
            return Trie(bits, np.concatenate(ordered), tuple(levels), 0)
        if levels[-1] + len(frontier) > MOST_SHARING * len(slots):
            raise DatabaseInvalid("the search tree has loops, or shares too much")
    raise DatabaseInvalid(f"the search tree is deeper than {bits} bits")


MOST_SHARING = 4
"""A tree visits each node once. Writers that share equal subtrees exceed that a little, and loops without end."""


def from_networks(networks: Iterable[tuple[int, int, int]], *, bits: int) -> Trie:
    """Returns the trie of (first address, prefix length, value) rows, where a later row covers an earlier one."""
    slots: list[list[int]] = []
    root = ~0
    for start, length, value in networks:
        parent: list[int] | None = None
        side, reference = 0, root
        for depth in range(length):
            if reference < 0:
                slots.append([reference, reference])
                reference = len(slots) - 1
                if parent is None:
                    root = reference
                else:
                    parent[side] = reference
            parent, side = slots[reference], start >> (bits - 1 - depth) & 1
            reference = parent[side]
        if parent is None:
            root = ~value
        else:
            parent[side] = ~value
    return in_level_order(np.array(slots, np.int32).reshape(-1, 2), root, bits=bits)


def merge(trie: Trie, other: Trie) -> tuple[Trie, list[tuple[int, int]]]:
    """Returns the trie whose values are pairs of the values of two tries, and the pair of each value."""
    one_slots, other_slots = _with_leaves(trie), _with_leaves(other)
    width = len(other_slots) - len(other.slots)
    if trie.root < 0 and other.root < 0:
        return everywhere(trie.bits, 0), [(~trie.root, ~other.root)]
    a, b = np.array([trie.root], np.int32), np.array([other.root], np.int32)
    most = max(width * (len(one_slots) - len(trie.slots)), len(trie.slots) + len(other.slots))
    number = np.dtype("i4" if most < 2**31 else "i8")  # half the memory to go through
    rows, levels = [], [0]
    while len(a):
        below_a, below_b = one_slots[a], other_slots[b]
        inner = (below_a >= 0) | (below_b >= 0)
        a, b = below_a[inner], below_b[inner]
        levels.append(levels[-1] + len(inner))
        # Leaves are numbered densely at the end; until then they hold the pair as one number.
        references = ~(~below_a.astype(number) * width + ~below_b)
        references[inner] = np.arange(levels[-1], levels[-1] + len(a))
        rows.append(references)
    slots, pairs = _dense(np.concatenate(rows))
    return Trie(trie.bits, slots, tuple(levels), 0), [divmod(pair, width) for pair in pairs]


def _with_leaves(trie: Trie) -> References:
    """Returns the slots, with a row for each value at the end: so any reference, negative too, finds its slots."""
    lowest = min(trie.root, int(trie.slots.min(initial=-1)))
    leaves = np.arange(lowest, 0, dtype=np.int32)
    return np.concatenate([trie.slots, np.stack([leaves, leaves], axis=1)])


def _dense(references: NDArray[np.int64]) -> tuple[References, list[int]]:
    """Returns the references with their values numbered from 0 on, and which value each number stands for."""
    leaf = references < 0
    values = ~references[leaf]
    slots = references.astype(np.int32)
    highest = int(values.max(initial=-1))
    if highest > 2 * len(references):
        distinct = np.unique(values)
        slots[leaf] = ~np.searchsorted(distinct, values).astype(np.int32)
        return slots, distinct.tolist()
    # A table of all numbers is several times faster than sorting, where it is not much larger than the trie.
    occurs = np.zeros(highest + 1, np.int32)
    occurs[values] = 1
    slots[leaf] = -np.cumsum(occurs, dtype=np.int32)[values]
    return slots, np.flatnonzero(occurs).tolist()


def renumber(trie: Trie, numbers: Sequence[int]) -> Trie:
    """Returns the trie with the value numbers[v] in place of each v."""
    table = np.array(numbers, np.int32)
    leaf = trie.slots < 0
    slots = trie.slots.copy()
    slots[leaf] = ~table[~slots[leaf]]
    return Trie(trie.bits, slots, trie.levels, trie.root if trie.root >= 0 else ~int(table[~trie.root]))


def collapse(trie: Trie, cells: Sequence[int]) -> Blocks:
    """Returns the largest networks that lie in one cell each, where cells[v] is the cell of value v."""
    nodes = len(trie.slots)
    # Indexed by reference: a node's cell, and from the end backwards the cell of each value.
    table = np.concatenate([np.empty(nodes, np.int64), np.array(cells, np.int64)[::-1]])
    for start, end in reversed(list(pairwise(trie.levels))):
        below = table[trie.slots[start:end]]
        table[start:end] = np.where(below[:, 0] == below[:, 1], below[:, 0], MIXED)
    if table[trie.root] != MIXED:
        first = np.zeros((1, _words(trie.bits)), np.uint64)
        return Blocks(first, np.zeros(1, np.uint8), table[[trie.root]].astype(np.uint32))
    below = table[trie.slots]
    # A mixed node's ancestors are mixed too, so the slots that are not, right below a mixed one, are all the networks.
    slots = np.flatnonzero((table[:nodes, None] == MIXED) & (below != MIXED))
    starts, lengths = slot_networks(trie, slots)
    order = np.lexsort(starts.T[::-1])
    return Blocks(starts[order], lengths[order], below.ravel()[slots[order]].astype(np.uint32))


def slot_networks(trie: Trie, slots: NDArray[np.int64]) -> tuple[Words, NDArray[np.uint8]]:
    """Returns the first address and the prefix length of slots, given by their place in the flattened `slots`."""
    firsts = _node_addresses(trie)
    depths = np.repeat(np.arange(len(trie.levels) - 1), np.diff(trie.levels))[slots >> 1]
    starts = firsts[slots >> 1]
    word, shift = _bit(depths, trie.bits)
    starts[np.arange(len(slots)), word] |= (slots & 1).astype(np.uint64) << shift
    return starts, (depths + 1).astype(np.uint8)


def integers(addresses: Words) -> list[int]:
    """Returns addresses as integers."""
    rows: list[list[int]] = addresses.tolist()
    return [low for (low,) in rows] if addresses.shape[1] == 1 else [high << 64 | low for high, low in rows]


def _node_addresses(trie: Trie) -> Words:
    """Returns the first address of each node's network."""
    addresses = np.zeros((len(trie.slots), _words(trie.bits)), np.uint64)
    slot_of_node = np.flatnonzero(trie.slots.ravel() >= 0)
    for depth, (start, end) in enumerate(pairwise(trie.levels[1:])):
        slot = slot_of_node[start - 1 : end - 1]
        word, shift = _bit(np.array([depth]), trie.bits)
        addresses[start:end] = addresses[slot >> 1]
        addresses[start:end, word[0]] |= (slot & 1).astype(np.uint64) << shift[0]
    return addresses


def _words(bits: int) -> int:
    return max(1, bits // 64)


def _bit(depth: NDArray[np.int64], bits: int) -> tuple[NDArray[np.int64], Words]:
    """Returns which word of an address holds the bit that nodes of a depth decide, and how far left it is."""
    return depth // 64, (min(bits, 64) - 1 - depth % 64).astype(np.uint64)
