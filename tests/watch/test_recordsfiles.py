"""What records files have together is bounded: whatever they include, as often as they do, and generate."""

from pathlib import Path

import pytest

from gtm.steer.vocabulary import STEERING
from gtm.watch.folder import scan
from gtm.watch.reading import FolderReading
from gtm.watch.settling import Look
from tests.watch.folders import load, names, write


@pytest.mark.parametrize(
    ("said", "included"),
    [("$GENERATE 1-3 h$ A 192.0.2.1\n", ""), ("$INCLUDE i.zone\n$INCLUDE i.zone\n", "www A 192.0.2.1 ;23\n")],
    ids=["generated", "included twice"],
)
def test_what_a_few_bytes_become_counts_with_the_records_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, said: str, included: str
) -> None:
    """A hundred zones of a hundred bytes would else take as much memory as a hundred large ones."""
    monkeypatch.setattr("gtm.watch.recordsfiles.MAX_RECORDS_BYTES", 130)
    (tmp_path / "one.zone").write_text(said)
    (tmp_path / "i.zone").write_text(included)
    write(tmp_path, a="a.example.com\nrecords_file: one.zone", b="b.example.com\nrecords_file: one.zone")
    catalogue = load(tmp_path)
    assert names(catalogue) == ["a"]
    (problem,) = catalogue.problems
    assert (Path(problem.file).stem, problem.line) == ("b", 1)
    words = "with what one.zone includes and generates the records files of all zones have 1"
    assert problem.message.startswith(words)
    assert names(load(tmp_path, catalogue)) == ["a"], "of those that were read before too"
    (tmp_path / "a.yaml").unlink()
    assert names(load(tmp_path, catalogue)) == ["b"]


def test_files_that_are_included_count_with_the_records_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gtm.watch.recordsfiles.MAX_RECORDS_BYTES", 100)
    (tmp_path / "one.zone").write_text("$INCLUDE big.zone\n")
    (tmp_path / "big.zone").write_text("www A 192.0.2.1\n" + ";" * 40 + "\n")
    write(tmp_path, a="a.example.com\nrecords_file: one.zone", b="b.example.com\nrecords_file: one.zone")
    catalogue = load(tmp_path)
    assert names(catalogue) == ["a"]
    (problem,) = catalogue.problems
    assert (Path(problem.file).name, problem.line) == ("one.zone", 1)
    assert problem.message.startswith("with big.zone the records files of all zones have 150 bytes")
    (tmp_path / "a.yaml").unlink()
    assert names(load(tmp_path, catalogue)) == ["b"]


def test_the_records_files_of_all_zones_are_bounded_together(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gtm.watch.recordsfiles.MAX_RECORDS_BYTES", 100)
    (tmp_path / "one.zone").write_text("www A 192.0.2.1\n")
    (tmp_path / "big.zone").write_text("www A 192.0.2.1\n" * 1 + ";" * 60 + "\n")
    write(tmp_path, v="v.example.com\nrecords_file: one.zone")
    before = load(tmp_path)
    for name in "abc":
        write(tmp_path, **{name: f"{name}.example.com\nrecords_file: big.zone"})
    after = load(tmp_path, before)
    assert names(after) == ["a", "v"]
    assert [Path(problem.file).stem for problem in after.problems] == ["b", "c"]
    assert "170 bytes, counted for each zone that names one; 100 are the limit" in after.problems[0].message
    (tmp_path / "v.yaml").write_text((tmp_path / "v.yaml").read_text() + "# changed\n")
    assert names(load(tmp_path, after)) == ["a", "v"]
    (tmp_path / "a.yaml").unlink()
    assert names(load(tmp_path, after)) == ["b", "v"], "it is tried again when others have fewer"


def test_a_look_is_told_of_an_included_file_that_is_being_written(tmp_path: Path) -> None:
    """Else the next look misses it, and a reload ends as if nobody wrote anything."""
    (tmp_path / "one.zone").write_text("www A x\n")
    (tmp_path / "more.inc").touch()
    write(tmp_path, a="a.example.com\nrecords_file: one.zone")
    refused = load(tmp_path)
    (tmp_path / "one.zone").write_text("$INCLUDE more.inc\n")
    stamps = dict(scan(tmp_path).stamps)
    reading = FolderReading(tmp_path, refused, STEERING, look=Look(stamps, frozenset({"more.inc"})))
    assert reading.read_for(None).problems == refused.problems
    assert reading.unlisted == {"more.inc"}
