"""Damaged geo databases: a small writer of the MaxMind DB format, and the ways in which its files are spoilt.

What comes in: nothing, or a seed. What goes out: the bytes of files. A file is a search tree, 16 zeros, records, a
marker and metadata (MaxMind DB File Format Specification 2.0). The damage is plain: sizes, counts and types that are
wrong, and bytes that are missing or changed. Nothing here nests deeply, points in a circle or multiplies itself. What
crashes or hangs a reader is no file at all: decoders that do so stand in for one.
"""

import os
import signal
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from random import Random
from typing import NamedTuple

from gtm.geo.database import Database

SEPARATOR = bytes(16)
MARKER = b"\xab\xcd\xefMaxMind.com"

TEXT, DOUBLE, OCTETS, UINT16, UINT32, MAP = 2, 3, 4, 5, 6, 7
UINT64, UINT128, ARRAY = 9, 10, 11


class Raw(NamedTuple):
    """Octets that stand in a file as they are."""

    octets: bytes


class Unsigned(NamedTuple):
    """A number of a type that is not what its size asks for."""

    kind: int
    value: int


def control(kind: int, size: int) -> bytes:
    """Returns what begins a field of up to 284 octets or entries."""
    first, more = (size, b"") if size < 29 else (29, bytes([size - 29]))
    return (bytes([kind << 5 | first]) if kind <= MAP else bytes([first, kind - 7])) + more


def encoded(value: object) -> bytes:
    """Returns a field as it is in a file."""
    match value:
        case Raw(octets):
            return octets
        case Unsigned(kind, number):
            payload = number.to_bytes((number.bit_length() + 7) // 8, "big")
            return control(kind, len(payload)) + payload
        case int():
            return encoded(Unsigned(UINT16 if value < 2**16 else UINT32 if value < 2**32 else UINT64, value))
        case str():
            return control(TEXT, len(value.encode())) + value.encode()
        case list():
            return control(ARRAY, len(value)) + b"".join(map(encoded, value))
        case dict():
            return control(MAP, len(value)) + b"".join(encoded(key) + encoded(value[key]) for key in value)
    raise AssertionError(f"no field for {value!r}")


METADATA: Mapping[str, object] = {
    "binary_format_major_version": 2,
    "binary_format_minor_version": 0,
    "build_epoch": 1_700_000_000,
    "database_type": "Test-City",
    "description": {"en": "for tests"},
    "ip_version": 4,
    "languages": ["en"],
    "node_count": 2,
    "record_size": 24,
}

WIDE = {"build_epoch": UINT64, "node_count": UINT32}
"""Numbers of the metadata whose type is no matter of their size."""

IRELAND = encoded({"country": {"iso_code": "IE"}})
US = encoded({"country": {"iso_code": "US"}})


@dataclass(frozen=True, slots=True)
class Parts:
    """A whole file: 0.0.0.0/2 is in Ireland, 64.0.0.0/2 nowhere, and 128.0.0.0/1 in the US."""

    nodes: tuple[tuple[int, int], ...] = ((1, 2 + 16 + len(IRELAND)), (2 + 16, 2))
    """Left and right of each: a node, the count of them for nowhere, or that and where the record is."""
    records: bytes = IRELAND + US
    metadata: Mapping[str, object] = field(default_factory=lambda: METADATA)

    @property
    def tree(self) -> bytes:
        """The nodes, in records of 24 bits."""
        return b"".join(record.to_bytes(3, "big") for node in self.nodes for record in node)

    @property
    def content(self) -> bytes:
        """The bytes of the file."""
        typed = {
            key: Unsigned(WIDE[key], value) if key in WIDE and isinstance(value, int) else value
            for key, value in self.metadata.items()
        }
        return self.tree + SEPARATOR + self.records + MARKER + encoded(typed)

    def borders(self) -> tuple[int, ...]:
        """Returns where the tree, the separator, the records and the marker end."""
        tree, records = len(self.tree), len(self.records)
        return (tree, tree + 16, tree + 16 + records, tree + 16 + records + len(MARKER))

    def told(self, **metadata: object) -> "Parts":
        """Returns a file with other metadata."""
        return replace(self, metadata={**self.metadata, **metadata})

    def ending(self, key: str, value: object) -> "Parts":
        """Returns a file whose metadata end in a field."""
        others = {other: told for other, told in self.metadata.items() if other != key}
        return replace(self, metadata={**others, key: value})

    def recording(self, record: bytes) -> "Parts":
        """Returns a file whose first record is another."""
        return replace(self, nodes=((1, 2 + 16 + len(record)), (2 + 16, 2)), records=record + US)


WHOLE = Parts()

OUTSIDE = "the search tree points outside the records"
NO_DATABASE = "not a MaxMind DB file, or its metadata is malformed"
NO_PLACES = 'type "Test-City" tells no places; City, Country and ASN databases do'
LOOPS = "the search tree has loops, or shares too much"
MALFORMED = "malformed: "
"""And then what the reader says."""
NOT_NOTICED = ""
"""It is read all the same."""


def _country(value: bytes) -> bytes:
    return encoded({"country": {"iso_code": Raw(value)}})


SPOILT_RECORDS: Mapping[str, tuple[bytes, str]] = {
    "a double of 7 octets": (_country(control(DOUBLE, 7) + bytes(7)), MALFORMED),
    "a text that is longer than the file": (_country(control(TEXT, 250) + b"IE"), MALFORMED),
    "octets that are longer than the file": (_country(control(OCTETS, 250) + b"IE"), NOT_NOTICED),
    "a key that is longer than the file": (control(MAP, 1) + control(TEXT, 250), MALFORMED),
    "a key that is a number": (control(MAP, 1) + encoded(7) + encoded("IE"), NOT_NOTICED),
    "a key that is not UTF-8": (control(MAP, 1) + control(TEXT, 2) + b"\xff\xfe" + encoded("IE"), MALFORMED),
    "a text that is not UTF-8": (_country(control(TEXT, 2) + b"\xff\xfe"), MALFORMED),
    "a pointer beyond the end": (_country(b"\x38\xff\xff\xff\xff"), MALFORMED),
    "a type that there is not": (_country(bytes([1, 200])), MALFORMED),
    "a text": (encoded("IE"), NOT_NOTICED),
}

DAMAGED: Mapping[str, tuple[bytes, str]] = {
    "a record beyond the end": (replace(WHOLE, nodes=((1, 2**24 - 1), (18, 2))).content, OUTSIDE),
    "a record in the separator, left": (replace(WHOLE, nodes=((3, 18), (18, 2))).content, OUTSIDE),
    "a record in the separator, right": (replace(WHOLE, nodes=((1, 3), (18, 2))).content, OUTSIDE),
    "a record at the end of the separator": (replace(WHOLE, nodes=((1, 17), (18, 2))).content, OUTSIDE),
    "a node that is its own child": (replace(WHOLE, nodes=((1, 18), (1, 18))).content, LOOPS),
    "more nodes than there are": (WHOLE.told(node_count=40).content, OUTSIDE),
    "more nodes than any has": (WHOLE.told(node_count=2**28 + 1).content, NO_DATABASE),
    "no node": (WHOLE.told(node_count=0).content, NO_PLACES),
    "nodes of another size": (WHOLE.told(record_size=20).content, NO_DATABASE),
    "IP version 5": (WHOLE.told(ip_version=5).content, "addresses of IP version 5"),
    **{
        f"a record: {what}": (WHOLE.recording(record).content, problem)
        for what, (record, problem) in SPOILT_RECORDS.items()
    },
    "records of zeros": (replace(WHOLE, records=bytes(len(WHOLE.records))).content, NO_PLACES),
    "a build date of 64 bits": (WHOLE.told(build_epoch=2**64 - 1).content, NOT_NOTICED),
    "metadata that end in an empty list": (WHOLE.ending("languages", []).content, NOT_NOTICED),
    "metadata that end in an empty map": (WHOLE.ending("description", {}).content, NOT_NOTICED),
    "the marker alone": (MARKER, NO_DATABASE),
    "no marker": (WHOLE.content.replace(MARKER, bytes(len(MARKER))), NO_DATABASE),
    "metadata that are a number of 128 bits": (MARKER + encoded(Unsigned(UINT128, 1)), NO_DATABASE),
    "metadata that are a list": (MARKER + encoded(["node_count", 2]), NO_DATABASE),
    "metadata that are no field": (MARKER + bytes(range(200, 256)), NO_DATABASE),
    "metadata that are longer than the file": (MARKER + control(OCTETS, 250), NO_DATABASE),
}
"""What is damaged: the bytes of the file, and how the problem begins."""


def truncated() -> Iterator[bytes]:
    """Yields a file that ends at the border of each section, and an octet before and after it."""
    for border in WHOLE.borders():
        yield from (WHOLE.content[: border + by] for by in (-1, 0, 1))
    yield WHOLE.content[:-1]


def mistyped() -> Iterator[tuple[str, bytes]]:
    """Yields files whose metadata lack a field, or have a text, a map or a list instead of another."""
    for key, right in METADATA.items():
        yield f"without {key}", replace(WHOLE, metadata={k: v for k, v in METADATA.items() if k != key}).content
        for wrong in ("text", {"en": "map"}, ["list"], 7):
            if type(wrong) is not type(right):
                yield f"{key}: {wrong}", WHOLE.told(**{key: wrong}).content


def changed(seed: int) -> bytes:
    """Returns a file with a few octets of one section changed."""
    chance, content = Random(seed), bytearray(WHOLE.content)
    tree, _, records, marker = WHOLE.borders()
    start, end = chance.choice([(0, tree), (tree + len(SEPARATOR), records), (records, marker), (marker, len(content))])
    for _ in range(chance.randint(1, 6)):
        content[chance.randrange(start, end)] = chance.randrange(256)
    return bytes(content)


class Crash(NamedTuple):
    """Decodes as a reader does that ends the process, by a signal."""

    by: int

    def __call__(self, content: bytes, *, odd: bool) -> Database:
        os.kill(os.getpid(), self.by)
        raise AssertionError("the signal ends the process")


def hang(content: bytes, *, odd: bool) -> Database:
    """Decodes without end."""
    while True:
        signal.pause()


class Fail(NamedTuple):
    """Decodes as where the system has too little of something."""

    error: Exception

    def __call__(self, content: bytes, *, odd: bool) -> Database:
        raise self.error
