"""What could not be written: it is tried again, and what was numbered meanwhile never comes back."""

import asyncio
import os
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pytest

from gtm.counters import Counters
from gtm.node.events.files import EventFiles
from gtm.node.state.checksummed_files import ChecksummedFiles
from gtm.node.state.folder import MAX_RETRY_S, RETRY_S, StateFolder
from gtm.node.state.lock import lock_state
from gtm.node.state.serials import with_serials
from tests.node.state.test_folder import NOW, STATE, STATUS, folder, read_folder
from tests.node.state.test_serials import serial, zone


class Sleeps:
    """A sleep that takes no time, and ends who sleeps when all is said that was to happen meanwhile."""

    def __init__(self, *meanwhile: Callable[[], object]) -> None:
        self.meanwhile = list(meanwhile)
        self.took: list[float] = []

    async def __call__(self, seconds: float) -> None:
        if not self.meanwhile:
            raise asyncio.CancelledError
        self.took.append(seconds)
        self.meanwhile.pop(0)()

    def through(self, state: StateFolder) -> list[float]:
        with suppress(asyncio.CancelledError):
            asyncio.run(state.keep_trying(self))
        return self.took


def nothing() -> None: ...


def test_what_could_not_be_written_is_tried_again_until_it_is_there(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """A file in the place of the folder: nothing can be written until it is away."""
    place, (zones, catalogue) = tmp_path / "state", read_folder(tmp_path)
    place.write_text("not a folder")
    counters = Counters()
    there = folder(place, counters)
    there.save(replace(STATE, generation=1))
    there.save(STATE)
    there.save_status(STATUS)
    assert not there.save_overrides_apart(("one",)).result(30)
    assert not there.save_zones_apart(zones, catalogue).result(30)
    assert there.unsaved == {"state.json", "status.json", "overrides.json", "zones.json"}
    took = Sleeps(*[nothing] * 9, place.unlink, nothing).through(there)
    assert took == [RETRY_S, 2, 4, 8, 16, 32, *[MAX_RETRY_S] * 4, RETRY_S], "as before once it is there"
    assert not there.unsaved
    assert there.problems == ()
    again = folder(place)
    assert again.load(wall=0.0) == STATE, "the newest, and not what was to be written first"
    assert again.load_overrides().signed == ("one",)
    assert again.load_zones() is not None
    assert caplog.text.count("state.json cannot be written") == 1
    assert counters.count("state_errors", file="state.json") > 5


def test_what_was_written_meanwhile_is_not_replaced_by_what_could_not_be_before(tmp_path: Path) -> None:
    place = tmp_path / "state"
    place.write_text("not a folder")
    there = folder(place)
    there.save(replace(STATE, generation=1))

    def mend() -> None:
        place.unlink()
        there.save(STATE)

    Sleeps(mend, nothing).through(there)
    assert folder(place).load(wall=0.0) == STATE


def test_of_overrides_that_wait_for_a_slow_disk_only_the_newest_are_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    there, written, may_go = folder(tmp_path), list[str](), threading.Event()
    there._writer.submit(may_go.wait, 30)  # the disk is busy
    write = ChecksummedFiles.write

    def noted(state_files: ChecksummedFiles, name: str, text: str) -> bool:
        written.append(name)
        return write(state_files, name, text)

    monkeypatch.setattr(ChecksummedFiles, "write", noted)
    saved = [there.save_overrides_apart((str(number),)) for number in range(100)]
    may_go.set()
    assert all(future.result(30) for future in saved)
    assert written == ["overrides.json"]
    assert there.load_overrides().signed == ("99",)
    assert there.save_overrides_apart(("100",)).result(30)
    assert there.load_overrides().signed == ("100",)


def test_the_end_of_a_run_tries_once_more(tmp_path: Path) -> None:
    place = tmp_path / "state"
    place.write_text("not a folder")
    there = folder(place)
    there.save(STATE)
    assert not asyncio.run(there.finish())
    place.unlink()
    assert asyncio.run(there.finish())
    assert folder(place).load(wall=0.0) == STATE


def test_after_a_run_that_could_not_write_generations_and_serials_go_on_above_it(tmp_path: Path) -> None:
    """Also for a zone that is again as it was when it was written last, and a clock that is behind."""
    lock = lock_state(tmp_path)
    first = StateFolder(tmp_path, Counters(), lock=lock)
    kept = with_serials(first.load(wall=NOW), (zone("a"),), wall=NOW)
    first.save(kept)
    (tmp_path / ".state.json.new").mkdir()  # nothing can be written any more
    lost = kept
    for digest in "ba":
        lost = with_serials(lost, (zone(digest),), wall=NOW)
        assert not first.save(lost)
    lock.release()

    (tmp_path / ".state.json.new").rmdir()
    for _ in range(2):  # one that ends before it has written anything tells the next one all the same
        lock = lock_state(tmp_path)
        assert lock.was_unsaved
        lock.release()
    lock = lock_state(tmp_path)
    second = StateFolder(tmp_path, Counters(), lock=lock)
    found = with_serials(second.load(wall=NOW + 1), (zone("a"),), wall=NOW - 100)
    assert serial(found) > serial(lost) > serial(kept)
    assert found.generation >= (NOW + 1) * 1000
    assert second.save(found)
    lock.release()

    lock = lock_state(tmp_path)
    assert not lock.was_unsaved
    third = StateFolder(tmp_path, Counters(), lock=lock)
    assert serial(with_serials(third.load(wall=NOW + 2), (zone("a"),), wall=NOW + 2)) == serial(found)
    lock.release()


def test_a_run_that_ends_before_it_numbered_anything_leaves_the_word_of_the_one_before(tmp_path: Path) -> None:
    lock = lock_state(tmp_path)
    lock.mark(is_saved=False)
    lock.release()
    lock = lock_state(tmp_path)
    second = StateFolder(tmp_path, Counters(), lock=lock)
    assert asyncio.run(second.finish()), "nothing is left to write"
    lock.release()
    lock = lock_state(tmp_path)
    assert lock.was_unsaved
    lock.release()


def test_all_that_is_kept_is_for_this_user_alone(tmp_path: Path) -> None:
    place, (zones, catalogue) = tmp_path / "new" / "state", read_folder(tmp_path)
    there = folder(place)
    before = os.umask(0)
    try:
        for _ in range(2):
            there.save(STATE)
            there.save_status(STATUS)
            there.save_overrides_apart(("one",)).result(30)
            there.save_zones_apart(zones, catalogue).result(30)
        journal = EventFiles(place)
        journal.write(b"{}\n")
        journal.close()
    finally:
        os.umask(before)
    assert {path.name: oct(path.stat().st_mode & 0o777) for path in place.iterdir()} == dict.fromkeys(
        [
            *[f"{name}.json{more}" for name in ("state", "status", "overrides", "zones") for more in ("", ".before")],
            "events.jsonl",
        ],
        "0o600",
    )
    assert oct(place.stat().st_mode & 0o777) == "0o700"
