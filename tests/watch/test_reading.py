"""One file's cost is one file's problem: whatever it makes the reader raise or take."""

import logging
import threading
import time
from collections.abc import Callable
from itertools import permutations
from pathlib import Path
from typing import Any

import pytest

from gtm.content import Content
from gtm.errors import REST, FileUnreadable
from gtm.steer.vocabulary import STEERING
from gtm.watch import reading as module
from gtm.watch.changed_files import to_be_read_again
from gtm.watch.composing import fingerprint_of
from gtm.watch.folder import EMPTY, ZONE_FILES, scan
from gtm.watch.reading import FILE_LIMIT_S, MAX_TRACEBACKS, FolderReading
from gtm.watch.settling import as_it_is
from gtm.zone.model import Zone
from gtm.zone.parse import Shared, parse
from gtm.zone.records_file.parse import MasterFile
from gtm.zone.steering import Vocabulary
from tests.watch.folders import HEAD, load, names, write

SPINS = "spins.example.com"


class Parser:
    """Counts what is parsed; a zone of some names fails or spins."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.parsed: list[str] = []
        self.spinning = threading.Event()
        monkeypatch.setattr(module, "parse", self._parse)

    def _parse(
        self, text: str, file: str, shared: Shared, vocabulary: Vocabulary, fetch: Callable[[str], MasterFile]
    ) -> Zone:
        self.parsed.append(Path(file).stem)
        if "fails.example.com" in text:
            raise RecursionError("maximum recursion depth exceeded")
        while SPINS in text:
            self.spinning.set()
        return parse(text, file, shared, vocabulary, fetch)


@pytest.fixture
def parser(monkeypatch: pytest.MonkeyPatch) -> Parser:
    return Parser(monkeypatch)


def test_a_file_at_which_this_program_fails_is_refused_and_the_others_serve(
    tmp_path: Path, parser: Parser, caplog: pytest.LogCaptureFixture
) -> None:
    write(tmp_path, a="a.example.com", b="fails.example.com", c="c.example.com")
    catalogue = load(tmp_path)
    assert names(catalogue) == ["a", "c"]
    (problem,) = catalogue.problems
    words = "cannot be read because of an internal error: RecursionError: maximum recursion depth exceeded"
    assert str(problem) == f"{tmp_path}/b.yaml:1:1: {words}"
    assert caplog.records[0].exc_info is not None


def test_few_tracebacks_of_many_files_are_logged(
    tmp_path: Path, parser: Parser, caplog: pytest.LogCaptureFixture
) -> None:
    write(tmp_path, **{f"z{number}": f"fails.example.com{number}" for number in range(30)})
    with caplog.at_level(logging.ERROR):
        assert len(load(tmp_path).problems) == 30
    assert len(caplog.records) == MAX_TRACEBACKS


def test_neither_a_good_nor_a_bad_file_is_parsed_again_while_it_is_as_it_was(tmp_path: Path, parser: Parser) -> None:
    write(tmp_path, good="good.example.com", bad="bad zone")
    first = load(tmp_path)
    assert sorted(parser.parsed) == ["bad", "good"]
    second = load(tmp_path, first)
    assert sorted(parser.parsed) == ["bad", "good"]
    assert second == first
    write(tmp_path, bad="mended.example.com")
    third = load(tmp_path, second)
    assert parser.parsed[2:] == ["bad"]
    assert (names(third), third.problems, third.refused) == (["bad", "good"], (), ())


def test_a_bad_file_is_parsed_again_when_the_shared_file_changes(tmp_path: Path, parser: Parser) -> None:
    (tmp_path / "a.yaml").write_text(
        HEAD.format("example.com")
        + "services: {api: {steer: weighted, endpoints: [{region: eu, address: 192.0.2.1}]}}\n"
    )
    before = load(tmp_path)
    assert len(before.problems) == 1
    (tmp_path / "_shared.yaml").write_text("regions: {eu: {}}\n")
    assert names(load(tmp_path, before)) == ["a"]


def test_a_bad_file_is_parsed_again_when_its_records_file_changes(tmp_path: Path, parser: Parser) -> None:
    (tmp_path / "a.yaml").write_text(HEAD.format("example.com") + "records_file: big.zone\n")
    before = load(tmp_path)
    assert "No such file" in before.problems[0].message
    (tmp_path / "big.zone").write_text("www A x\n")
    worse = load(tmp_path, before)
    assert "is not an A record" in worse.problems[0].message
    assert load(tmp_path, worse) == worse
    assert parser.parsed == ["a", "a"]
    (tmp_path / "big.zone").write_text("www A 192.0.2.1\n")
    assert load(tmp_path, worse).problems == ()


def test_a_bad_shared_file_is_parsed_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[str] = []

    def fails(text: str, _file: str) -> Shared:
        calls.append(text)
        raise MemoryError

    monkeypatch.setattr(module, "parse_shared", fails)
    (tmp_path / "_shared.yaml").write_text("regions: {}\n")
    write(tmp_path, a="a.example.com")
    before = load(tmp_path)
    assert names(before) == ["a"]
    assert "MemoryError" in before.problems[0].message
    assert load(tmp_path, before) == before
    assert len(calls) == 1


def test_the_second_file_of_a_zone_is_kept_for_when_the_first_goes(tmp_path: Path, parser: Parser) -> None:
    write(tmp_path, a="example.com", b="example.com")
    before = load(tmp_path)
    assert [problem.line for problem in before.problems] == [1]
    (tmp_path / "a.yaml").unlink()
    after = load(tmp_path, before)
    assert (names(after), after.problems) == (["b"], ())
    assert sorted(parser.parsed) == ["a", "b"]


def test_what_serves_is_read_before_what_is_new_and_that_before_what_was_bad(tmp_path: Path, parser: Parser) -> None:
    write(tmp_path, m="m.example.com", a="bad one", b="bad two")
    before = load(tmp_path)
    parser.parsed.clear()
    write(tmp_path, m="n.example.com", a="bad three", b="bad four", k="new zone that is long", l="new.example.com")
    load(tmp_path, before)
    assert parser.parsed == ["m", "l", "k", "b", "a"], "the smaller ones first"


class Turns:
    """A clock that goes on by a second with each look."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        self.now += 1
        return self.now


def test_a_reading_comes_to_something_after_each_slice_and_takes_nothing_away(tmp_path: Path, parser: Parser) -> None:
    write(tmp_path, a="a.example.com", b="b.example.com")
    before = load(tmp_path)
    (tmp_path / "a.yaml").write_text(HEAD.format("a.example.com").replace("hostmaster@", "longer@"))
    (tmp_path / "b.yaml").write_text(HEAD.format("b.example.com").replace("hostmaster@", "b@"))
    reading = FolderReading(tmp_path, before, STEERING, monotonic=Turns())
    first = reading.read_for(0.5)
    assert [zone.hostmaster.to_text() for zone in first.zones] == ["hostmaster.example.com.", "b.example.com."]
    assert first.unread == 1
    second = reading.read_for(0.5)
    assert [zone.hostmaster.to_text() for zone in second.zones] == ["longer.example.com.", "b.example.com."]
    assert second.unread == 0
    assert second == load(tmp_path, before)


def test_a_zone_whose_file_is_renamed_serves_on_until_its_new_file_is_read(tmp_path: Path, parser: Parser) -> None:
    write(tmp_path, a="a.example.com", b="b.example.com", c="c.example.com")
    before = load(tmp_path)
    (tmp_path / "b.yaml").rename(tmp_path / "moved.yaml")
    (tmp_path / "c.yaml").unlink()
    (tmp_path / "a.yaml").write_text(HEAD.format("a.example.com").replace("hostmaster@", "a@"))
    reading = FolderReading(tmp_path, before, STEERING, monotonic=Turns())
    first = reading.read_for(0.5)
    assert first.unread == 1
    assert [zone.origin.to_text() for zone in first.zones] == ["a.example.com.", "b.example.com.", "c.example.com."]
    assert first.zones[0].hostmaster.to_text() == "a.example.com."
    whole = reading.read_for(None)
    assert [Path(zone.file).name for zone in whole.zones] == ["a.yaml", "moved.yaml"]
    assert whole.problems == ()
    assert whole == load(tmp_path, before)


@pytest.mark.parametrize("after", [*permutations("abc"), ("d", "a", "b"), ("d", "a", "c")])
def test_zones_that_files_exchange_serve_on_while_not_all_of_the_files_are_read(
    tmp_path: Path, parser: Parser, after: tuple[str, str, str]
) -> None:
    write(tmp_path, **{name: f"{name}.example.com" for name in "abc"})
    before = load(tmp_path)
    write(tmp_path, **{name: f"{zone}.example.com" for name, zone in zip("abc", after, strict=True)})
    reading = FolderReading(tmp_path, before, STEERING, monotonic=Turns())
    stay = {f"{zone}.example.com." for zone in {*"abc"} & {*after}}
    while (so_far := reading.read_for(0.5)).unread:
        assert stay <= {zone.origin.to_text() for zone in so_far.zones}
    assert [zone.origin.to_text() for zone in so_far.zones] == [f"{zone}.example.com." for zone in after]
    assert so_far.problems == ()


def test_what_was_not_read_beside_a_new_shared_file_is_read_when_the_reading_begins_anew(
    tmp_path: Path, parser: Parser
) -> None:
    write(tmp_path, a="a.example.com", b="longer.b.example.com")
    before = load(tmp_path)
    (tmp_path / "_shared.yaml").write_text("regions: {eu: {}}\n")
    half = FolderReading(tmp_path, before, STEERING, monotonic=Turns()).read_for(0.5)
    assert half.stale == {str(tmp_path / "b.yaml")}
    parser.parsed.clear()
    whole = load(tmp_path, half)
    assert parser.parsed == ["b"]
    assert whole.stale == frozenset()


def test_a_file_that_takes_too_long_is_refused_its_thread_ends_and_the_others_are_read(
    tmp_path: Path, parser: Parser
) -> None:
    write(tmp_path, a="a.example.com", b=SPINS, c="later.example.com")
    reading = FolderReading(tmp_path, EMPTY, STEERING)
    ends: list[type[BaseException]] = []

    def run() -> None:
        try:
            reading.read_for(None)
        except BaseException as error:  # noqa: BLE001  # whatever ends it
            ends.append(type(error))

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    assert parser.spinning.wait(10)
    assert reading.at == str(tmp_path / "b.yaml")
    half = reading.give_up()
    thread.join(10)
    assert [end.__name__ for end in ends] == ["ReadingGivenUp"]
    assert names(half) == ["a"]
    whole = load(tmp_path, half)
    assert names(whole) == ["a", "c"]
    (problem,) = whole.problems
    assert problem.message == (
        f"takes longer than {FILE_LIMIT_S:g} s to read; it is left alone until it changes or somebody reloads. "
        "gtm check has no such limit, and tells its mistakes"
    )
    parser.parsed.clear()
    assert load(tmp_path, whole).problems == whole.problems
    assert not parser.parsed, "it is not tried again while it is as it was"
    write(tmp_path, b="b.example.com")
    assert names(load(tmp_path, whole)) == ["a", "b", "c"]


@pytest.mark.parametrize("unreadable", ["a.yaml", "big.zone"])
def test_a_file_that_cannot_be_read_is_opened_again_by_the_next_reading_though_it_looks_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, unreadable: str
) -> None:
    (tmp_path / "a.yaml").write_text(HEAD.format("a.example.com") + "records_file: big.zone\n")
    (tmp_path / "big.zone").write_text("www A 192.0.2.1\n")
    look = as_it_is(scan(tmp_path))
    real = ZONE_FILES.read

    def read(path: Path, **others: Any) -> Content:
        if path.name == unreadable:
            raise FileUnreadable(path, "Permission denied")
        return real(path, **others)

    with monkeypatch.context() as patch:
        patch.setattr(ZONE_FILES, "read", read)
        refused = FolderReading(tmp_path, EMPTY, STEERING, look=look).read_for(None)
    [problem] = refused.problems
    assert "Permission denied" in problem.message
    assert names(FolderReading(tmp_path, refused, STEERING, look=look).read_for(None)) == ["a"]


def test_a_file_for_which_there_was_no_memory_is_tried_again_when_all_are_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path, a="a.example.com")

    def parse(*_arguments: Any) -> Zone:
        raise MemoryError

    with monkeypatch.context() as patch:
        patch.setattr(module, "parse", parse)
        refused = load(tmp_path)
    assert load(tmp_path, refused).problems == refused.problems
    assert load(tmp_path, to_be_read_again(refused)).problems == ()


@pytest.mark.parametrize("name", ["a", "_shared"])
def test_a_file_that_took_too_long_is_tried_again_when_all_are_read(tmp_path: Path, parser: Parser, name: str) -> None:
    write(tmp_path, a="a.example.com")
    (tmp_path / "_shared.yaml").write_text("monitors: {}\n")
    reading = FolderReading(tmp_path, EMPTY, STEERING)
    reading.begin()
    reading._progress.enter(str(tmp_path / f"{name}.yaml"), 1.0)
    reading._progress.fingerprint = fingerprint_of((tmp_path / f"{name}.yaml").read_bytes())
    overdue = reading.give_up()
    assert overdue.bad_files == {str(tmp_path / f"{name}.yaml")}
    assert load(tmp_path, overdue).problems == overdue.problems
    assert load(tmp_path, to_be_read_again(overdue)).problems == ()


def test_a_large_file_may_take_longer_and_is_read_in_a_slice_of_its_own(tmp_path: Path, parser: Parser) -> None:
    write(tmp_path, a="a.example.com", b="b.example.com")
    (tmp_path / "b.yaml").write_text(HEAD.format("b.example.com") + "records_file: big.zone\n")
    (tmp_path / "big.zone").write_text(";" * 3 * 2**20)
    reading = FolderReading(tmp_path, EMPTY, STEERING)
    assert names(reading.read_for(60.0)) == ["a"]
    assert reading.limit_s == 4 * FILE_LIMIT_S
    assert names(reading.read_for(60.0)) == ["a", "b"]


@pytest.mark.slow
def test_to_look_at_a_folder_takes_as_long_as_there_are_files(tmp_path: Path) -> None:
    for number in range(20_000):
        (tmp_path / f"z{number}.yaml").touch()
    reading = FolderReading(tmp_path, EMPTY, STEERING)
    began = time.thread_time()
    reading.begin()
    assert time.thread_time() - began < 3.0
    assert reading.read_for(0.0).unread == 19_999


@pytest.mark.slow
def test_a_folder_keeps_a_bounded_number_of_problems(tmp_path: Path) -> None:
    bad = HEAD.format("example.com") + "".join(f"k{number}: 1\n" for number in range(300))
    for number in range(150):
        (tmp_path / f"z{number}.yaml").write_text(bad)
    catalogue = load(tmp_path)
    assert len(catalogue.bad_files) == 150
    assert len(catalogue.problems) < 10_500
    assert [str(problem) for problem in catalogue.problems if problem.line == REST][-1].endswith(
        "and 100 more problems"
    )
