"""Types of fields, against what the writer wrote and against any bytes."""

from io import BytesIO

import pytest
from hypothesis import given
from hypothesis import strategies as st
from mmdb_writer import Encoder, MmdbF32

from gtm.geo.fieldtypes import ABSENT, ARRAY, BOOLEAN, DOUBLE, FLOAT, MAP, TEXT, DataSection

RECORD = {
    "names": {"en": "x" * 20, "de": "x" * 300, "fr": "x" * 70_000},
    "more": [1, [2.0], {"latitude": True}, b"bytes"],
    "location": {"accuracy_radius": 100, "latitude": MmdbF32(1.5), "longitude": -1.5, "anycast": False},
    "latitude": 2.5,
}


@pytest.mark.parametrize("cache", [False, True])
@pytest.mark.parametrize("before", [0, 10, 3_000, 600_000])
@pytest.mark.parametrize(
    ("path", "kind"),
    [
        (("location", "latitude"), FLOAT),
        (("location", "longitude"), DOUBLE),
        (("location", "anycast"), BOOLEAN),
        (("latitude",), DOUBLE),
        (("names", "de"), TEXT),
        (("more",), ARRAY),
        (("location",), MAP),
        ((), MAP),
        (("location", "altitude"), ABSENT),
        (("latitude", "north"), ABSENT),
        (("none",), ABSENT),
    ],
)
def test_the_type_of_a_field_is_found_behind_pointers_too(
    path: tuple[str, ...], kind: int, before: int, *, cache: bool
) -> None:
    encoder = Encoder(cache=cache)
    if before and cache:
        encoder.encode("y" * before)
    if cache:
        offset = encoder.encode(RECORD, return_offset=True)
        section = DataSection(b"-" * 16 + b"".join(encoder.data_list), 16)
    else:
        offset, section = before, DataSection(b"-" * (16 + before) + encoder.encode(RECORD), 16)
    assert section.type_at(offset, path) == kind


@given(st.binary(max_size=200), st.integers(0, 250))
def test_any_bytes_have_a_type_or_none(content: bytes, offset: int) -> None:
    assert 0 <= DataSection(content, 16).type_at(offset, ("location", "latitude")) <= 7 + 255


def test_a_loop_of_fields_ends() -> None:
    endless = bytes([0xFF, 0xFF, 0xFF, 0xFF]) + b"\x20\x00" * 40_000  # a map of pointers to itself, so many times
    assert DataSection(BytesIO(endless).getbuffer(), 0).type_at(0, ("latitude",)) == ABSENT
