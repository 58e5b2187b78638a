"""What is in files that look as they did: it is seen sooner or later, and reading for it takes little."""

import mmap
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from gtm.content import Stamp
from gtm.files import FileReader
from gtm.rereading import EVERY_S, SLICE_BYTES, SLICE_FILES, SLICE_S


class Clock:
    """Seconds that the test says."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


class Looked:
    """A reader and the time by which it reads again."""

    def __init__(self) -> None:
        self.clock = Clock()
        self.reader = FileReader("test", monotonic=self.clock)

    def stamp(self, path: Path) -> Stamp | None:
        """What a look shows, a slice later than the last one."""
        self.clock.now += SLICE_S
        return self.reader.stamp(path)

    def later(self, *paths: Path) -> None:
        """Lets a pass through these files begin."""
        self.clock.now += EVERY_S
        self.reader.stamps(paths)


@contextmanager
def mapped(path: Path, size: int = 64) -> Iterator[mmap.mmap]:
    """A mapped file, into which somebody has stored: what he stores next leaves no trace in its stamp."""
    path.write_bytes(b"a" * size)
    with path.open("r+b") as opened, mmap.mmap(opened.fileno(), 0) as stored:
        stored[0] = ord("b")
        yield stored


def test_what_changes_without_a_trace_is_seen_by_the_next_pass(tmp_path: Path) -> None:
    looked, path = Looked(), tmp_path / "file"
    with mapped(path) as stored:
        before = looked.stamp(path)
        assert before is not None
        looked.reader.read(path, limit=100)
        status = path.stat()
        stored[1] = ord("c")
        assert path.stat() == status, "the kernel tells nothing"
        assert looked.stamp(path) == before
        looked.later(path)
        after = looked.stamp(path)
        assert after is not None
        assert (after != before, after.turn) == (True, 1)
        assert [looked.stamp(path) for _ in range(3)] == [after] * 3
        looked.reader.read(path, limit=100)
        looked.later(path)
        assert looked.stamp(path) == after, "it is what was read"
        stored[1] = ord("a")
        looked.later(path)
        assert looked.stamp(path) not in {before, after}, "as it was once is another turn"


def test_who_reads_sees_a_change_for_all_others(tmp_path: Path) -> None:
    looked, path = Looked(), tmp_path / "file"
    with mapped(path) as stored:
        before = looked.stamp(path)
        looked.reader.read(path, limit=100)
        stored[1] = ord("c")
        looked.reader.read(path, limit=100)
        assert looked.stamp(path) != before


def test_nothing_is_new_in_what_does_not_change(tmp_path: Path) -> None:
    looked, path = Looked(), tmp_path / "file"
    path.write_bytes(b"x" * (3 * SLICE_BYTES + 1))
    first = looked.stamp(path)
    for _ in range(3):
        looked.later(path)
        assert {looked.stamp(path) for _ in range(6)} == {first}
    os.utime(path, ns=(1, 1))
    second = looked.stamp(path)
    assert second != first
    assert second is not None
    assert second.turn == 0


def test_a_large_file_is_read_a_piece_at_a_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    looked, path = Looked(), tmp_path / "file"
    sizes: list[int] = []
    pread = os.pread

    def counted(descriptor: int, size: int, offset: int) -> bytes:
        found = pread(descriptor, size, offset)
        sizes.append(len(found))
        return found

    with mapped(path, 3 * SLICE_BYTES) as stored:
        before = looked.stamp(path)
        looked.reader.read(path, limit=4 * SLICE_BYTES)
        stored[1] = ord("c")
        monkeypatch.setattr(os, "pread", counted)
        looked.later(path)
        assert [looked.reader.stamp(path) for _ in range(5)] == [before] * 5
        assert sizes == [SLICE_BYTES], "not twice within a slice"
        assert looked.stamp(path) == before
        assert looked.stamp(path) != before, "by the end of the third"
        assert sizes == [SLICE_BYTES] * 3
        for _ in range(int(EVERY_S / SLICE_S / 2)):
            looked.stamp(path)
        assert sizes == [SLICE_BYTES] * 3, "and no more before the next pass"


def test_one_that_is_written_meanwhile_is_read_from_its_beginning_then(tmp_path: Path) -> None:
    looked, path = Looked(), tmp_path / "file"
    path.write_bytes(b"a" * 2 * SLICE_BYTES)
    looked.stamp(path)
    looked.later(path)
    path.write_bytes(b"b" * 2 * SLICE_BYTES)
    os.utime(path, ns=(1, 1))
    now = looked.stamp(path)
    for _ in range(2):
        assert {looked.stamp(path) for _ in range(5)} == {now}
        looked.later(path)


def test_many_files_are_read_some_at_a_time_and_each_in_turn(tmp_path: Path) -> None:
    looked = Looked()
    paths = [tmp_path / str(number) for number in range(3 * SLICE_FILES)]
    for path in paths:
        path.write_text("x")
    with mapped(paths[-1]) as stored:
        before = looked.reader.stamps(paths)
        looked.reader.read(paths[-1], limit=100)
        stored[1] = ord("c")
        looked.later(*paths)
        seen = []
        for _ in range(3):
            looked.clock.now += SLICE_S
            seen.append(looked.reader.stamps(paths) == before)
        assert seen == [True, False, False]


def test_what_is_gone_unreadable_or_no_file_keeps_no_other_from_being_read(tmp_path: Path) -> None:
    looked, path = Looked(), tmp_path / "z"
    others = [tmp_path / name for name in ("gone", "folder", "secret")]
    others[0].write_text("x")
    others[1].mkdir()
    others[2].write_text("x")
    with mapped(path) as stored:
        before = looked.reader.stamps([*others, path])
        looked.reader.read(path, limit=100)
        others[0].unlink()
        stored[1] = ord("c")
        looked.later(*others, path)
        looked.later(*others, path)
        after = looked.reader.stamps([*others, path])
    assert after[0] is None
    assert after[1:3] == before[1:3]
    assert after[3] != before[3]


def test_what_nobody_asks_for_any_more_is_forgotten(tmp_path: Path) -> None:
    looked = Looked()
    old, new = tmp_path / "old", tmp_path / "new"
    old.write_text("x")
    new.write_text("x")
    looked.stamp(old)
    for _ in range(3):
        looked.later(new)
    assert set(looked.reader._rereading._known) == {new}
