import json
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gtm.counters import Counters
from gtm.errors import StateInvalid
from gtm.node.state.checksummed_files import ChecksummedFiles, Found, Origin

NAME = "x.json"


def parse(text: str) -> dict[str, int]:
    """Accepts an object of JSON, as a reader of a state file does."""
    try:
        value = json.loads(text)
    except ValueError as error:
        raise StateInvalid("is damaged") from error
    if not isinstance(value, dict) or set(value) != {"n"}:
        raise StateInvalid("is damaged")
    return value


def text(number: int) -> str:
    return json.dumps({"n": number})


class Kept:
    """A folder with two writes in it, and what a later run reads there."""

    def __init__(self, folder: Path, writes: int = 2) -> None:
        self.folder = folder
        self.counters = Counters()
        state_files = ChecksummedFiles(folder, self.counters)
        for number in range(1, writes + 1):
            assert state_files.write(NAME, text(number))

    @property
    def newest(self) -> Path:
        return self.folder / NAME

    @property
    def before(self) -> Path:
        return self.folder / f"{NAME}.before"

    def read(self) -> Found[dict[str, int]]:
        return ChecksummedFiles(self.folder, self.counters).read(NAME, parse)


def test_the_newest_is_read_and_the_one_before_it_is_kept(tmp_path: Path) -> None:
    kept = Kept(tmp_path, writes=5)
    assert kept.read() == Found({"n": 5}, Origin.NEWEST)
    kept.newest.unlink()
    assert kept.read() == Found({"n": 4}, Origin.BEFORE)
    assert sorted(each.name for each in tmp_path.iterdir()) == [f"{NAME}.before"]


def test_the_file_is_json_for_whoever_looks(tmp_path: Path) -> None:
    assert json.loads(Kept(tmp_path).newest.read_text())["content"] == {"n": 2}


def test_a_first_run_finds_nothing_and_complains_of_nothing(tmp_path: Path) -> None:
    kept = Kept(tmp_path / "none", writes=0)
    assert kept.read() == Found(None, Origin.NEVER)
    assert not kept.counters.snapshot()


def test_a_newest_file_torn_anywhere_gives_the_one_before(tmp_path: Path) -> None:
    kept = Kept(tmp_path)
    whole = kept.newest.read_bytes()
    for length in range(len(whole)):
        kept.newest.write_bytes(whole[:length])
        assert kept.read() == Found({"n": 1}, Origin.BEFORE), f"torn after {length} octets"
    assert kept.counters.count("state_errors", file=NAME) == len(whole)


@pytest.mark.slow
def test_a_flipped_bit_anywhere_gives_the_one_before_or_the_same(tmp_path: Path) -> None:
    kept = Kept(tmp_path)
    whole = kept.newest.read_bytes()
    for place in range(len(whole) * 8):
        damaged = bytearray(whole)
        damaged[place // 8] ^= 1 << place % 8
        kept.newest.write_bytes(damaged)
        found = kept.read()
        assert found == Found({"n": 1}, Origin.BEFORE), f"bit {place}: {bytes(damaged)!r}"


@given(st.binary(max_size=200), st.binary(max_size=200))
def test_whatever_is_in_the_files_nothing_is_raised(
    tmp_path_factory: pytest.TempPathFactory, newest: bytes, before: bytes
) -> None:
    kept = Kept(tmp_path_factory.getbasetemp() / "any", writes=0)
    kept.folder.mkdir(exist_ok=True)
    kept.newest.write_bytes(newest)
    kept.before.write_bytes(before)
    assert kept.read().origin in {Origin.LOST, Origin.NEWEST, Origin.BEFORE}


def test_with_both_damaged_it_says_that_something_is_lost(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    kept = Kept(tmp_path)
    kept.newest.write_bytes(kept.newest.read_bytes()[:-9])
    kept.before.write_bytes(b"")
    state_files = ChecksummedFiles(tmp_path, kept.counters)
    assert state_files.read(NAME, parse) == Found(None, Origin.LOST)
    words = f"{tmp_path / NAME} is damaged: its checksum is wrong; starting without it"
    assert state_files.problems == (words,)
    assert [record.getMessage() for record in caplog.records] == [f"state: {words}"]


def test_a_damaged_newest_never_takes_the_place_of_the_good_one_before(tmp_path: Path) -> None:
    kept = Kept(tmp_path)
    kept.newest.write_bytes(b"torn")
    state_files = ChecksummedFiles(tmp_path, kept.counters)
    state_files.read(NAME, parse)
    assert state_files.problems == (f"{tmp_path / NAME} is damaged; the one before it is taken",)
    assert state_files.write(NAME, text(3))
    assert not state_files.problems
    kept.newest.write_bytes(b"torn again")
    assert kept.read() == Found({"n": 1}, Origin.BEFORE)


@pytest.mark.parametrize("call", ["fsync", "rename"])
@pytest.mark.parametrize("nth", [1, 2])
def test_a_crash_in_the_middle_of_a_write_leaves_one_that_is_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: str, nth: int
) -> None:
    kept = Kept(tmp_path)
    state_files = ChecksummedFiles(tmp_path, kept.counters)
    state_files.read(NAME, parse)
    counted = iter(range(1, 10))

    class Crash(BaseException):
        """Power is gone."""

    real = {"fsync": os.fsync, "rename": Path.replace}[call]

    def crash(*arguments: object) -> object:
        if next(counted) == nth:
            raise Crash
        return real(*arguments)  # type: ignore[operator]

    with monkeypatch.context() as patch:
        patch.setattr(*((os, "fsync") if call == "fsync" else (Path, "replace")), crash)  # type: ignore[call-overload]
        with pytest.raises(Crash):
            state_files.write(NAME, text(3))
    found = kept.read()
    assert found.value in ({"n": 2}, {"n": 3})
    assert found.origin in {Origin.NEWEST, Origin.BEFORE}


def test_a_full_disk_costs_the_write_and_is_a_problem_until_there_is_room(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = Kept(tmp_path)
    state_files = ChecksummedFiles(tmp_path, kept.counters)

    def full(_descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full)
        assert not state_files.write(NAME, text(3))
    assert state_files.problems == (
        f"{tmp_path / NAME} cannot be written: No space left on device; it is tried again until it is there",
    )
    assert kept.read() == Found({"n": 2}, Origin.NEWEST)
    assert state_files.write(NAME, text(4))
    assert not state_files.problems


def test_what_is_wrong_with_a_file_is_told_once_until_it_is_well_again(tmp_path: Path) -> None:
    kept, told = Kept(tmp_path), list[tuple[str, str]]()
    state_files = ChecksummedFiles(tmp_path, kept.counters, on_complaint=lambda name, words: told.append((name, words)))
    kept.newest.write_bytes(b"torn")
    for _ in range(3):
        state_files.read(NAME, parse)
    assert told == [(NAME, "is damaged; the one before it is taken")]
    assert state_files.write(NAME, text(3))
    kept.newest.write_bytes(b"torn")
    state_files.read(NAME, parse)
    assert len(told) == 2
