"""A geo database: the bytes of an .mmdb file and a reader that opened them in, two tries of places out.

The search tree is read from the bytes by the MaxMind DB File Format Specification 2.0, all of it at once; records are
decoded by the reader, once for each that differs, at one address that has it. IPv4 addresses live in one place only:
the subtree at ::/96 becomes the IPv4 trie, and in the IPv6 trie it and its aliases (mapped, 6to4, Teredo) are unknown.

Whatever is malformed, or too large for the memory of this machine, raises DatabaseInvalid; nothing else is raised.
"""

import struct
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address
from typing import NamedTuple

import numpy as np
from maxminddb import InvalidDatabaseError, Reader
from maxminddb.reader import Metadata
from numpy.typing import NDArray

from gtm.errors import DatabaseInvalid
from gtm.geo.database_row import place_of
from gtm.geo.fieldtypes import DataSection
from gtm.geo.oddities import oddities_of
from gtm.geo.place import NOWHERE, Place
from gtm.geo.trie import References, Trie, everywhere, in_level_order, integers, slot_networks
from gtm.ids import Address

SEPARATOR_BYTES = 16
"""Zeros between the search tree and the records."""

MOST_NODES = 2**28
"""The largest city databases have about 2**24."""


NO_MEMORY = "this machine has too little memory to decode it"


class DatabaseOddity(NamedTuple):
    """A kind of value in a database that is read as something else than the file says."""

    text: str
    networks: int
    """That have such a record."""


@dataclass(frozen=True, slots=True, eq=False)
class Database:
    """One database. Values of the tries index `places`; value 0 is NOWHERE."""

    type: str
    """As the file says: `GeoLite2-City`."""
    description: str
    built_at: int
    """Seconds since 1970."""
    nodes: int
    networks: int
    """That have a record; addresses of both families, aliases not counted."""
    places: tuple[Place, ...]
    v4: Trie
    v6: Trie
    oddities: tuple[DatabaseOddity, ...] = ()
    """The most frequent first; none where nobody asked."""


def parse(reader: Reader, content: bytes | memoryview, *, odd: bool = False) -> Database:
    """Returns the database, from a reader and the bytes of the same file; with its oddities if `odd` is True.

    Raises DatabaseInvalid if the file is malformed or too large for the memory of this machine.
    """
    try:
        return _parse(reader, content, odd=odd)
    except MemoryError as exc:
        raise DatabaseInvalid(NO_MEMORY) from exc
    except MALFORMED as exc:
        raise DatabaseInvalid(f"malformed: {exc}") from exc


MALFORMED = (
    InvalidDatabaseError,
    struct.error,
    ValueError,
    TypeError,
    LookupError,
    ArithmeticError,
    AttributeError,
    RecursionError,
)
"""What readers raise on malformed files: their own error, and those of Python that slip through."""


def _parse(reader: Reader, content: bytes | memoryview, *, odd: bool) -> Database:
    metadata = reader.metadata()
    nodes = _node_count(metadata)
    tree = _search_tree(metadata, content)
    slots, records = _references(tree, nodes, room=len(content) - nodes * metadata.record_size // 4)
    v4, v6 = _families(slots, metadata.ip_version)
    addresses = _first_addresses(v6, records) | _first_addresses(v4, records)
    return Database(
        type=str(metadata.database_type),
        description=str(metadata.description.get("en", "")),
        built_at=int(metadata.build_epoch),
        nodes=nodes,
        networks=sum(int(np.count_nonzero(trie.slots < ~0)) for trie in (v4, v6)),
        places=tuple(
            place_of(reader.get(addresses[value])) if value in addresses else NOWHERE for value in range(records + 1)
        ),
        v4=v4,
        v6=v6,
        oddities=_oddities(reader, content, addresses, _uses(v4, records) + _uses(v6, records)) if odd else (),
    )


def _uses(trie: Trie, records: int) -> NDArray[np.int64]:
    """Returns the number of networks of a trie that have each record."""
    if trie.root < 0:
        return np.bincount([~trie.root], minlength=records + 1)
    return np.bincount(~trie.slots[trie.slots < 0], minlength=records + 1)


def _oddities(
    reader: Reader, content: bytes | memoryview, addresses: Mapping[int, Address], uses: NDArray[np.int64]
) -> tuple[DatabaseOddity, ...]:
    metadata = reader.metadata()
    tree_bytes = metadata.node_count * metadata.record_size // 4
    pointers = np.unique(_pointers(_search_tree(metadata, content), metadata.node_count))  # numbered in this order
    data = DataSection(content, tree_bytes + SEPARATOR_BYTES)
    counts: Counter[str] = Counter()
    for value, address in addresses.items():
        for text in oddities_of(reader.get(address), data, int(pointers[value - 1]) - SEPARATOR_BYTES):
            counts[text] += int(uses[value])
    return tuple(DatabaseOddity(text, networks) for text, networks in counts.most_common())


def _node_count(metadata: Metadata) -> int:
    if not 0 <= metadata.node_count <= MOST_NODES:
        raise DatabaseInvalid(f"a search tree of {metadata.node_count} nodes")
    return metadata.node_count


def _search_tree(metadata: Metadata, content: bytes | memoryview) -> NDArray[np.uint32]:
    """Returns the records of each node, left and right, as they are in the file."""
    node_bytes = {24: 6, 28: 7, 32: 8}.get(metadata.record_size)
    if node_bytes is None:
        raise DatabaseInvalid(f"records of {metadata.record_size} bits")
    if metadata.node_count * node_bytes + SEPARATOR_BYTES > len(content):
        raise DatabaseInvalid("the file is shorter than its search tree")
    raw = np.frombuffer(content, np.uint8, metadata.node_count * node_bytes).reshape(-1, node_bytes)
    if node_bytes == 8:
        return raw.reshape(-1).view(">u4").reshape(-1, 2).astype(np.uint32)
    quads = np.zeros((len(raw), 2, 4), np.uint8)
    quads[:, 0, 1:] = raw[:, :3]
    quads[:, 1, 1:] = raw[:, -3:]
    if node_bytes == 7:
        # The middle byte holds the most significant four bits of both records.
        quads[:, 0, 0] = raw[:, 3] >> 4
        quads[:, 1, 0] = raw[:, 3] & 0x0F
    return quads.reshape(-1).view(">u4").reshape(-1, 2).astype(np.uint32)


def _references(tree: NDArray[np.uint32], nodes: int, *, room: int) -> tuple[References, int]:
    """Returns the slots of the tree, its records numbered from 1 (0: not found), and how many records there are."""
    at_record = tree > nodes
    pointers = _pointers(tree, nodes)
    if len(pointers) and (int(pointers.max()) >= room or int(pointers.min()) < SEPARATOR_BYTES):
        raise DatabaseInvalid("the search tree points outside the records")
    numbers = np.zeros(int(pointers.max(initial=0)) + 1, np.int32)
    numbers[pointers] = 1
    records = int(numbers.sum())
    numbers[numbers == 1] = np.arange(1, records + 1)
    slots = tree.astype(np.int32)
    slots[at_record] = ~numbers[pointers]
    slots[tree == nodes] = ~0
    return slots, records


def _pointers(tree: NDArray[np.uint32], nodes: int) -> NDArray[np.uint32]:
    """Returns the offsets of the records that the tree holds, in its order, counted from the end of the tree."""
    pointers: NDArray[np.uint32] = tree[tree > nodes] - np.uint32(nodes)
    return pointers


def _families(slots: References, ip_version: int) -> tuple[Trie, Trie]:
    if ip_version not in {4, 6}:
        raise DatabaseInvalid(f"addresses of IP version {ip_version}")
    if not len(slots):
        return everywhere(32, 0), everywhere(128, 0)
    if ip_version == 4:
        return in_level_order(slots, 0, bits=32), everywhere(128, 0)
    root = 0
    for _ in range(96):
        if root >= 0:
            root = int(slots[root, 0])
    v4 = in_level_order(slots, root, bits=32)
    return v4, in_level_order(slots, 0, bits=128, cut=root if root > 0 else None)


def _first_addresses(trie: Trie, records: int) -> dict[int, Address]:
    """Returns one address for each record that a trie reaches."""
    address_type = IPv4Address if trie.bits == 32 else IPv6Address
    if trie.root < 0:
        return {~trie.root: address_type(0)} if trie.root != ~0 else {}
    slot_of = np.full(records + 1, -1, np.int64)
    flat = trie.slots.ravel()
    leaves = np.flatnonzero(flat < ~0)
    slot_of[~flat[leaves]] = leaves
    values = np.flatnonzero(slot_of >= 0)
    starts, _ = slot_networks(trie, slot_of[values])
    return {int(v): address_type(address) for v, address in zip(values, integers(starts), strict=True)}
