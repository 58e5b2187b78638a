import json
import logging
import os
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from gtm.counters import Counters
from gtm.health.belief import Belief
from gtm.health.consensus.status import NO_STATUS, CheckStatus, Status
from gtm.health.verdict.reading import Reason
from gtm.health.verdict.verdict import Verdict
from gtm.ids import CheckId
from gtm.node.state.folder import StateFolder
from gtm.node.state.serials import Saved, ZoneSerial, reserving
from gtm.steer.vocabulary import STEERING
from gtm.watch.folder import EMPTY, Catalogue
from gtm.watch.last_good_files import revive
from gtm.watch.reading import read
from tests.fakes import world

NOW = 1_700_000_000.0
ORIGIN = "gtm.example.com."
STATUS = Status({CheckId("z/web/192.0.2.1"): CheckStatus(Belief.DOWN, 12.5, Reason.TIMEOUT, "2.0 s")})
STATE = Saved({ORIGIN: ZoneSerial("digest", 7)}, 2 * int(NOW * 1000))
CLOCK = int(NOW * 1000)
LOST = Saved(generation=CLOCK)
"""What no state gives: generations go on by the clock."""

GARBAGE = [
    b"",
    b"{",
    b"null",
    b"[]",
    b"\x00" * 64,
    b"\xff\xfe\x00",
    b'{"version": 2, "generation": 1, "zones": {}, "checks": {}}',
    b'{"version": 1, "generation": -1, "zones": {}}',
    b'{"version": 1, "generation": 1e400, "zones": {}}',
    b'{"version": 1, "generation": 99999999999999999999999, "zones": {}}',
    b'{"version": 1, "generation": 1, "zones": {"a.": {"digest": "x", "serial": 4294967296}}}',
    b'{"version": 1, "generation": 1, "zones": {"a.": {"digest": "x"}}}',
    b'{"version": 1, "checks": {"a": {"belief": "maybe", "since": 0, "reason": "ok", "detail": ""}}}',
    b'{"version": 1, "checks": {"a": {"belief": "up", "since": NaN, "reason": "ok", "detail": ""}}}',
    b'{"version": 1, "checks": {"\\ud800": 1}}',
    b"[" * 100_000,
]


def folder(path: Path, counters: Counters | None = None) -> StateFolder:
    return StateFolder(path, counters or Counters())


def test_what_was_saved_is_loaded_by_the_next_run(tmp_path: Path) -> None:
    folder(tmp_path / "new" / "folder").save(STATE)
    folder(tmp_path / "new" / "folder").save_status(STATUS)
    restarted = folder(tmp_path / "new" / "folder")
    assert restarted.load(wall=NOW) == STATE
    assert restarted.load_status() == Status({check: replace(one, frozen=True) for check, one in STATUS.checks.items()})
    assert sorted(each.name for each in (tmp_path / "new" / "folder").iterdir()) == ["state.json", "status.json"]


def test_what_a_probe_found_out_is_remembered_by_the_next_run(tmp_path: Path) -> None:
    check, down = CheckId("z/web/192.0.2.1"), Verdict(Belief.DOWN, since=90.0, changed_at=990.0, penalty=1.5)
    assert folder(tmp_path).load_verdicts(now=5.0, wall=100.0) == {}
    folder(tmp_path).save_verdicts({check: down}, now=1000.0)
    assert folder(tmp_path).load_verdicts(now=5.0, wall=100.0) == {check: replace(down, changed_at=-5.0)}
    (tmp_path / "verdicts.json").write_text("torn")
    counters = Counters()
    assert folder(tmp_path, counters).load_verdicts(now=5.0, wall=100.0) == {}
    assert counters.count("state_errors", file="verdicts.json") == 1


def test_of_whom_heartbeats_came_in_is_remembered_by_the_next_run(tmp_path: Path) -> None:
    heard = frozenset({CheckId("z/nightly/192.0.2.1"), CheckId("z/nightly/192.0.2.2")})
    assert folder(tmp_path).load_heard() == frozenset()
    folder(tmp_path).save_heard(heard)
    assert folder(tmp_path).load_heard() == heard
    (tmp_path / "heard.json").write_text("torn")
    counters = Counters()
    assert folder(tmp_path, counters).load_heard() == frozenset()
    assert counters.count("state_errors", file="heard.json") == 1


def test_a_first_start_has_no_state_and_no_complaint(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    counters = Counters()
    first = folder(tmp_path / "none", counters)
    assert first.load(wall=NOW) == LOST
    assert first.load_status() == NO_STATUS
    assert not counters.snapshot()
    assert not caplog.records


@pytest.mark.parametrize("content", GARBAGE, ids=[repr(each[:40]) for each in GARBAGE])
@pytest.mark.parametrize("name", ["state.json", "status.json"])
def test_a_damaged_file_costs_what_was_in_it_one_line_and_a_counter(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, name: str, content: bytes
) -> None:
    (tmp_path / name).write_bytes(content)
    counters = Counters()
    for _ in range(3):
        starting = folder(tmp_path, counters)
        assert starting.load(wall=NOW) == LOST
        assert starting.load_status() == NO_STATUS
    assert counters.count("state_errors", file=name) == 3
    lines = [record.getMessage() for record in caplog.records]
    assert len(lines) == 3, "one for each start"
    assert all(str(tmp_path / name) in line and "starting without it" in line and "\n" not in line for line in lines)


@pytest.mark.slow
@given(st.binary(max_size=300))
@example(json.dumps({"version": 1, "generation": 1, "zones": {}}).encode())
def test_any_bytes_are_a_state_or_an_empty_one(tmp_path_factory: pytest.TempPathFactory, content: bytes) -> None:
    place = tmp_path_factory.getbasetemp()
    (place / "state.json").write_bytes(content)
    (place / "status.json").write_bytes(content)
    starting = folder(place)
    assert starting.load(wall=NOW).generation == CLOCK
    assert starting.load_status() == NO_STATUS


@pytest.mark.parametrize("name", ["state.json", "status.json"])
def test_a_folder_where_a_file_should_be_is_damage_too(tmp_path: Path, name: str) -> None:
    (tmp_path / name).mkdir()
    counters = Counters()
    there = folder(tmp_path, counters)
    assert there.load(wall=NOW) == LOST
    assert there.load_status() == NO_STATUS
    there.save(STATE)
    there.save_status(STATUS)
    assert counters.count("state_errors", file=name) == 2
    assert not list(tmp_path.glob(".*")), "nothing is left behind"


def test_a_folder_that_cannot_be_written_never_stops_a_node(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "file").write_text("not a folder")
    counters = Counters()
    there = folder(tmp_path / "file" / "state", counters)
    with caplog.at_level(logging.ERROR):
        for _ in range(5):
            there.save(STATE)
            there.save_status(STATUS)
            assert there.load(wall=NOW) == LOST
            assert there.load_status() == NO_STATUS
    assert counters.count("state_errors", file="state.json") == 10
    assert [words.rpartition(": ")[2] for words in there.problems] == [
        "Not a directory; it is tried again until it is there"
    ] * 2
    assert len(caplog.records) == 2, "one line for each file"


def test_a_full_disk_leaves_the_old_file_whole_and_nothing_beside_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    there = folder(tmp_path)
    there.save(STATE)

    def full(_descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full)
        there.save(replace(STATE, generation=STATE.generation + 5))
    assert folder(tmp_path).load(wall=NOW) == STATE
    assert [each.name for each in tmp_path.iterdir()] == ["state.json"]
    assert "cannot be written: No space left on device; it is tried again until it is there" in caplog.text
    there.save(replace(STATE, generation=STATE.generation + 5))
    assert folder(tmp_path).load(wall=NOW).generation == STATE.generation + 5


def test_a_file_lasts_through_a_power_cut_and_its_name_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    synced: list[str] = []

    def sync(descriptor: int) -> None:
        synced.append(str(Path(f"/proc/self/fd/{descriptor}").readlink()))

    monkeypatch.setattr(os, "fsync", sync)
    folder(tmp_path).save(STATE)
    ours = [path for path in synced if path.startswith(str(tmp_path))]  # a thread of another test may still write
    assert ours == [f"{tmp_path}/.state.json.new", str(tmp_path)]


def test_trouble_that_comes_back_is_told_again(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    place = tmp_path / "state"
    there = folder(place)
    for _ in range(2):
        place.write_text("not a folder")
        there.save(STATE)
        there.save(STATE)
        place.unlink()
        there.save(STATE)
        (place / "state.json").unlink()
        place.rmdir()
    assert len(caplog.records) == 2


def test_a_lost_state_never_numbers_a_plan_as_one_before_it(tmp_path: Path) -> None:
    """Whatever becomes of the newest file, or of both."""
    floor = 0
    there = folder(tmp_path)
    for generation in range(1, 5_000, 250):
        saved = reserving(Saved({}, floor), generation)
        if saved.generation != floor:
            there.save(saved)
            floor = saved.generation
        (tmp_path / "spare").write_bytes((tmp_path / "state.json").read_bytes())
        (tmp_path / "state.json").write_bytes(b"torn")
        if (tmp_path / "state.json.before").exists():
            assert generation <= floor <= folder(tmp_path).load(wall=0.0).generation
        else:
            assert folder(tmp_path).load(wall=NOW) == LOST
        (tmp_path / "spare").replace(tmp_path / "state.json")
    (tmp_path / "state.json").write_bytes(b"torn")
    (tmp_path / "state.json.before").write_bytes(b"torn")
    assert folder(tmp_path).load(wall=NOW) == LOST
    assert folder(tmp_path).load(wall=-5.0).generation == 0


def test_a_file_of_an_earlier_version_without_a_checksum_is_read(tmp_path: Path) -> None:
    (tmp_path / "state.json").write_text('{"version": 1, "generation": 7, "zones": {}}')
    (tmp_path / "status.json").write_text('{"version": 1, "checks": {}}\n')
    assert folder(tmp_path).load(wall=0.0) == Saved(generation=7)
    assert folder(tmp_path).load_status() == NO_STATUS


def test_the_zone_files_are_kept_as_they_were(tmp_path: Path) -> None:
    there, (zones, catalogue) = folder(tmp_path / "state"), read_folder(tmp_path)
    assert there.load_zones() is None
    assert there.save_zones_apart(zones, catalogue).result(30)
    kept = folder(tmp_path / "state").load_zones()
    assert kept is not None
    assert revive(kept, zones, STEERING) == catalogue


def read_folder(tmp_path: Path) -> tuple[Path, Catalogue]:
    """A folder with the world's zone file, and what is read there."""
    zones = tmp_path / "zones"
    zones.mkdir()
    (zones / "world.yaml").write_text(world.WORLD)
    catalogue = read(zones, EMPTY, STEERING)
    assert catalogue.loaded
    assert not catalogue.problems
    return zones, catalogue
