import os
from collections.abc import Callable
from pathlib import Path

import pytest

from gtm.errors import Problem
from gtm.watch.folder import EMPTY, MAX_FILE_BYTES, Catalogue, Scan, scan
from gtm.watch.reading import read
from tests.fakes.vocabulary import FAKE_VOCABULARY

HEAD = "zone: {}\nnameservers: [ns.example.net]\nhostmaster: hostmaster@example.com\n"
COM, ORG = HEAD.format("example.com"), HEAD.format("example.org")
SHARED = "regions: {eu: {at: [53.35, -6.26]}}\n"
USES_SHARED = COM + "services: {api: {steer: weighted, endpoints: [{region: eu, address: 192.0.2.1}]}}\n"


def load(folder: Path, previous: Catalogue = EMPTY) -> Catalogue:
    return read(folder, previous, FAKE_VOCABULARY)


def write(folder: Path, **files: str) -> None:
    for name, text in files.items():
        (folder / f"{name}.yaml").write_text(text)


def origins(catalogue: Catalogue) -> list[str]:
    return [zone.origin.to_text() for zone in catalogue.zones]


def messages(catalogue: Catalogue) -> list[str]:
    return [f"{Path(problem.file).name}:{problem.line}: {problem.message}" for problem in catalogue.problems]


def test_every_zone_file_is_a_zone_in_the_order_of_names(tmp_path: Path) -> None:
    write(tmp_path, b=COM, a=ORG)
    (tmp_path / "c.yml").write_text(HEAD.format("example.edu"))
    catalogue = load(tmp_path)
    assert origins(catalogue) == ["example.org.", "example.com.", "example.edu."]
    assert catalogue.problems == ()
    assert catalogue.zones[0].file == str(tmp_path / "a.yaml")


@pytest.mark.parametrize(
    "name", [".hidden.yaml", "#a.yaml#", "#a.yaml", "~a.yaml", "a.yaml~", "a.yaml.swp", "4913", "a.json"]
)
def test_what_editors_leave_behind_is_not_read(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text("not: a zone")
    assert load(tmp_path) == EMPTY
    assert scan(tmp_path) == Scan()


def test_a_directory_is_no_zone_file_and_a_pipe_is_told_and_not_read(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").mkdir()
    os.mkfifo(tmp_path / "b.yaml")
    assert messages(load(tmp_path)) == ["b.yaml:1: cannot be read: not a regular file"]


def test_a_broken_file_keeps_its_last_good_zone_and_the_others_load(tmp_path: Path) -> None:
    write(tmp_path, a=COM, b=ORG)
    before = load(tmp_path)
    write(tmp_path, a="zone: [\n", b=ORG + "ttl: 5\n")
    after = load(tmp_path, before)
    assert after.zones[0] is before.zones[0]
    assert after.zones[1].ttl == 5
    assert [problem.file for problem in after.problems] == [str(tmp_path / "a.yaml")]
    assert after.by_file() == {str(tmp_path / "a.yaml"): list(after.problems)}


def test_a_file_that_was_never_good_gives_no_zone(tmp_path: Path) -> None:
    write(tmp_path, a="zone: example.com\n", b=ORG)
    catalogue = load(tmp_path)
    assert origins(catalogue) == ["example.org."]
    assert len(catalogue.problems) == 2


def test_a_last_good_zone_survives_several_bad_readings(tmp_path: Path) -> None:
    write(tmp_path, a=COM)
    catalogue = load(tmp_path)
    for text in ("zone: [", "", "zone: .", COM + "x: 1\n"):
        write(tmp_path, a=text)
        catalogue = load(tmp_path, catalogue)
        assert origins(catalogue) == ["example.com."]
        assert len(catalogue.problems) >= 1
    write(tmp_path, a=COM)
    assert load(tmp_path, catalogue).problems == ()


def test_a_deleted_file_takes_its_zone_along(tmp_path: Path) -> None:
    write(tmp_path, a=COM, b=ORG)
    before = load(tmp_path)
    (tmp_path / "a.yaml").unlink()
    assert origins(load(tmp_path, before)) == ["example.org."]


def test_a_file_that_did_not_change_is_not_parsed_again(tmp_path: Path) -> None:
    write(tmp_path, a=COM)
    before = load(tmp_path)
    assert load(tmp_path, before).zones[0] is before.zones[0]


def test_a_changed_shared_file_reaches_files_that_did_not_change(tmp_path: Path) -> None:
    write(tmp_path, a=USES_SHARED, _shared=SHARED)
    before = load(tmp_path)
    write(tmp_path, _shared=SHARED.replace("53.35", "50.11"))
    after = load(tmp_path, before)
    assert before.zones[0].regions[0].at != after.zones[0].regions[0].at
    assert before.zones[0].digest != after.zones[0].digest


def test_a_broken_shared_file_changes_no_zone(tmp_path: Path) -> None:
    write(tmp_path, a=USES_SHARED, _shared=SHARED)
    before = load(tmp_path)
    write(tmp_path, _shared="regions: [")
    after = load(tmp_path, before)
    assert after.zones == before.zones
    assert [Path(problem.file).name for problem in after.problems] == ["_shared.yaml"]


def test_a_zone_that_lost_its_shared_file_stays_as_it_was(tmp_path: Path) -> None:
    write(tmp_path, a=USES_SHARED, _shared=SHARED)
    before = load(tmp_path)
    (tmp_path / "_shared.yaml").unlink()
    after = load(tmp_path, before)
    assert after.zones == before.zones
    assert messages(after) == ['a.yaml:4: unknown region "eu"; none is defined']


def test_two_shared_files_are_one_too_many(tmp_path: Path) -> None:
    write(tmp_path, a=USES_SHARED, _shared=SHARED)
    (tmp_path / "_shared.yml").write_text(SHARED)
    assert messages(load(tmp_path)) == ["_shared.yml:1: _shared.yaml is here too; keep one of them"]


def test_one_zone_in_two_files_is_a_problem_of_the_second(tmp_path: Path) -> None:
    write(tmp_path, a=COM, b="# again\n" + COM)
    catalogue = load(tmp_path)
    assert [zone.file for zone in catalogue.zones] == [str(tmp_path / "a.yaml")]
    assert messages(catalogue) == [f"b.yaml:2: example.com is already the zone of {tmp_path / 'a.yaml'}"]
    assert catalogue.problems[0].column == 7


def test_a_renamed_file_keeps_its_zone(tmp_path: Path) -> None:
    write(tmp_path, b=COM)
    before = load(tmp_path)
    (tmp_path / "b.yaml").rename(tmp_path / "a.yaml")
    after = load(tmp_path, before)
    assert origins(after) == ["example.com."]
    assert after.problems == ()


def test_a_zone_that_moved_is_not_kept_twice(tmp_path: Path) -> None:
    write(tmp_path, b=COM)
    before = load(tmp_path)
    write(tmp_path, a=COM, b="broken: [")
    after = load(tmp_path, before)
    assert [zone.file for zone in after.zones] == [str(tmp_path / "b.yaml")]
    (tmp_path / "b.yaml").unlink()
    assert [zone.file for zone in load(tmp_path, after).zones] == [str(tmp_path / "a.yaml")]


def test_a_zone_below_another_is_fine(tmp_path: Path) -> None:
    write(tmp_path, a=COM, b=HEAD.format("sub.example.com"))
    assert origins(load(tmp_path)) == ["example.com.", "sub.example.com."]


def test_a_file_that_is_not_utf_8_says_where(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_bytes(COM.encode() + b"# caf\xe9\n")
    assert load(tmp_path).problems == (
        Problem(str(tmp_path / "a.yaml"), 4, 6, "not UTF-8; save the file in that encoding"),
    )


@pytest.mark.slow
def test_a_file_beyond_all_measure_is_not_read(tmp_path: Path) -> None:
    with (tmp_path / "a.yaml").open("wb") as opened:
        opened.truncate(2**40)  # sparse: takes no room
    (message,) = messages(load(tmp_path))
    assert message == f"a.yaml:1: cannot be read: larger than {MAX_FILE_BYTES} bytes"


def test_a_link_to_nowhere_is_a_problem_and_takes_nothing_away(tmp_path: Path) -> None:
    write(tmp_path, a=COM)
    before = load(tmp_path)
    (tmp_path / "a.yaml").unlink()
    (tmp_path / "a.yaml").symlink_to(tmp_path / "gone")
    after = load(tmp_path, before)
    assert after.zones == before.zones
    assert messages(after) == ["a.yaml:1: cannot be read: No such file or directory"]


@pytest.mark.parametrize("name", ["a.yaml", "_shared.yaml"])
def test_no_text_of_a_file_outside_of_the_folder_is_quoted(tmp_path: Path, name: str) -> None:
    zones = tmp_path / "zones"
    zones.mkdir()
    (tmp_path / "secret.yaml").write_text(f"{COM}hunter2: x\n")
    write(zones, b=ORG)
    (zones / name).symlink_to("../secret.yaml")
    catalogue = load(zones)
    assert messages(catalogue) == [f"{name}:1: cannot be read: a link that leads out of its folder"]
    assert origins(catalogue) == ["example.org."]


def test_links_are_followed_as_kubernetes_swaps_them(tmp_path: Path) -> None:
    zones = tmp_path / "zones"
    zones.mkdir()
    for version, text in (("..v1", COM), ("..v2", COM + "ttl: 5\n")):
        (zones / version).mkdir()
        (zones / version / "a.yaml").write_text(text)
    (zones / "..data").symlink_to("..v1")
    (zones / "a.yaml").symlink_to("..data/a.yaml")
    before, stamps = load(zones), scan(zones)
    (zones / "..new").symlink_to("..v2")
    (zones / "..new").rename(zones / "..data")
    assert scan(zones) != stamps
    assert (before.zones[0].ttl, load(zones, before).zones[0].ttl) == (60, 5)


def test_a_folder_that_vanished_takes_nothing_away(tmp_path: Path) -> None:
    write(tmp_path, a=COM)
    before = load(tmp_path)
    after = load(tmp_path / "gone", before)
    assert after.zones == before.zones
    assert after.problems == (
        Problem(str(tmp_path / "gone"), 0, 0, "the folder cannot be read: No such file or directory"),
    )
    assert scan(tmp_path / "gone") == Scan(is_readable=False)


def test_a_scan_sees_every_change(tmp_path: Path) -> None:
    write(tmp_path, a=COM)
    first = scan(tmp_path)
    assert scan(tmp_path) == first
    assert [name for name, _ in first.stamps] == ["a.yaml"]
    os.utime(tmp_path / "a.yaml", ns=(1, 1))
    second = scan(tmp_path)
    (tmp_path / "b.yaml").write_text(ORG)
    third = scan(tmp_path)
    assert len({first, second, third}) == 3


BIG = COM + "records_file: big.zone\n"


def test_a_records_file_is_read_beside_its_zone_file_and_is_no_zone_file(tmp_path: Path) -> None:
    write(tmp_path, a=BIG)
    (tmp_path / "big.zone").write_text("www A 192.0.2.1\n")
    (zone,) = load(tmp_path).zones
    assert zone.bulk.values == 1


def test_a_records_file_is_watched(tmp_path: Path) -> None:
    write(tmp_path, a=BIG)
    before = scan(tmp_path)
    (tmp_path / "big.zone").write_text("www A 192.0.2.1\n")
    assert scan(tmp_path) != before


def test_a_zone_is_read_again_when_its_records_file_has_changed_and_only_then(tmp_path: Path) -> None:
    write(tmp_path, a=BIG)
    (tmp_path / "big.zone").write_text("www A 192.0.2.1\n")
    first = load(tmp_path)
    assert load(tmp_path, first).loaded[0] is first.loaded[0]
    (tmp_path / "big.zone").write_text("www A 192.0.2.2\n")
    second = load(tmp_path, first)
    assert second.zones[0].digest != first.zones[0].digest


@pytest.mark.parametrize(
    ("prepare", "message"),
    [
        (lambda _: None, "a.yaml:4: big.zone cannot be read: No such file or directory"),
        (lambda file: file.mkdir(), "a.yaml:4: big.zone cannot be read: Is a directory"),
        (lambda file: file.write_text("\nwww A x\n"), 'big.zone:2: "x" is not an A record; one looks like 192.0.2.1'),
        (
            lambda file: file.symlink_to("/etc/hostname"),
            "a.yaml:4: big.zone cannot be read: a link that leads out of its folder",
        ),
    ],
    ids=["missing", "directory", "mistake", "link"],
)
def test_a_records_file_with_a_mistake_leaves_the_last_good_zone(
    tmp_path: Path, prepare: Callable[[Path], object], message: str
) -> None:
    write(tmp_path, a=BIG)
    (tmp_path / "big.zone").write_text("www A 192.0.2.1\n")
    before = load(tmp_path)
    (tmp_path / "big.zone").unlink()
    prepare(tmp_path / "big.zone")
    after = load(tmp_path, before)
    assert messages(after) == [message]
    assert after.loaded == before.loaded


@pytest.mark.parametrize("records", ["$INCLUDE more.zone\n", None], ids=["included", "records file"])
def test_why_a_file_cannot_be_read_is_told_as_it_is_now(tmp_path: Path, records: str | None) -> None:
    """Who mends one reason and makes another must not read the first."""
    write(tmp_path, a=BIG)
    file = tmp_path / "big.zone"
    if records is not None:
        file.write_text(records)
        file = tmp_path / "more.zone"
    missing = load(tmp_path)
    file.symlink_to("/etc/hostname")
    outside = load(tmp_path, missing)
    file.unlink()
    file.mkdir()
    directory = load(tmp_path, outside)
    told = [messages(each)[0].split("cannot be read: ")[1] for each in (missing, outside, directory)]
    assert told == ["No such file or directory", "a link that leads out of its folder", "Is a directory"]


def test_an_included_file_is_watched_as_the_records_file_is(tmp_path: Path) -> None:
    write(tmp_path, a=BIG)
    (tmp_path / "big.zone").write_text("$INCLUDE more.zone\n$INCLUDE empty.zone\n")
    (tmp_path / "more.zone").write_text("www A 192.0.2.1\n")
    (tmp_path / "empty.zone").write_text("")
    first = load(tmp_path)
    assert load(tmp_path, first).loaded[0] is first.loaded[0]
    for name in ("more.zone", "empty.zone"):
        (tmp_path / name).write_text(f"{name[0]} A 192.0.2.2\n")
        second = load(tmp_path, first)
        assert second.zones[0].digest != first.zones[0].digest
        assert second.zones[0].bulk.find(b"\1" + name[:1].encode()) is not None
        first = second


@pytest.mark.parametrize("name", ["more.db", "below/more.zone", "below/it/db.more"])
def test_an_included_file_may_have_any_name_in_the_folder_or_below(tmp_path: Path, name: str) -> None:
    write(tmp_path, a=BIG)
    (tmp_path / "big.zone").write_text(f"$INCLUDE {name}\n")
    before = load(tmp_path)
    assert messages(before) == [f"big.zone:1: {name} cannot be read: No such file or directory"]
    (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / name).write_text("www A 192.0.2.1\n")
    first = load(tmp_path, before)
    assert (first.zones[0].bulk.values, first.problems) == (1, ())
    (tmp_path / name).write_text("www A 192.0.2.1\nwww A 192.0.2.2\n")
    assert load(tmp_path, first).zones[0].bulk.values == 2
    (tmp_path / name).unlink()
    (tmp_path / name).symlink_to("/etc/hostname")
    outside = f"big.zone:1: {name} cannot be read: a link that leads out of its folder"
    assert messages(load(tmp_path, first)) == [outside]
    (tmp_path / name).unlink()
    (tmp_path / "etc").symlink_to("/etc")
    (tmp_path / "big.zone").write_text("$INCLUDE etc/hostname\n")
    assert messages(load(tmp_path, first)) == [outside.replace(name, "etc/hostname")]


def test_a_relative_folder_reads_the_included_files_that_its_whole_path_reads(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "zones"
    (folder / "zones").mkdir(parents=True)
    write(folder, a=BIG)
    (folder / "more.zone").write_text("www A 192.0.2.1\n")
    (folder / "zones" / "more.zone").write_text("mail A 192.0.2.1\n")
    monkeypatch.chdir(tmp_path)
    for name, owner in [("zones/more.zone", b"\4mail"), (f"{folder}/more.zone", b"\3www")]:
        (folder / "big.zone").write_text(f"$INCLUDE {name}\n")
        for given in (Path("zones"), folder):
            assert load(given).zones[0].bulk.find(owner) is not None


@pytest.mark.parametrize(
    ("prepare", "message"),
    [
        (lambda _: None, "big.zone:2: more.zone cannot be read: No such file or directory"),
        (lambda file: file.write_text("\nwww A x\n"), 'more.zone:2: "x" is not an A record; one looks like 192.0.2.1'),
        (
            lambda file: file.symlink_to("/etc/hostname"),
            "big.zone:2: more.zone cannot be read: a link that leads out of its folder",
        ),
        (os.mkfifo, "big.zone:2: more.zone cannot be read: not a regular file"),
    ],
    ids=["missing", "mistake", "link", "pipe"],
)
def test_an_included_file_with_a_mistake_leaves_the_last_good_zone(
    tmp_path: Path, prepare: Callable[[Path], object], message: str
) -> None:
    write(tmp_path, a=BIG)
    (tmp_path / "big.zone").write_text("\n$INCLUDE more.zone\n")
    (tmp_path / "more.zone").write_text("www A 192.0.2.1\n")
    before = load(tmp_path)
    (tmp_path / "more.zone").unlink()
    prepare(tmp_path / "more.zone")
    after = load(tmp_path, before)
    assert messages(after) == [message]
    assert after.loaded == before.loaded
    (tmp_path / "more.zone").unlink(missing_ok=True)
    (tmp_path / "more.zone").write_text("www A 192.0.2.2\n")
    assert load(tmp_path, after).problems == ()


def test_a_link_within_the_folder_is_followed_to_the_records(tmp_path: Path) -> None:
    (tmp_path / "..data").mkdir()
    (tmp_path / "..data" / "big.zone").write_text("www A 192.0.2.1\n")
    (tmp_path / "big.zone").symlink_to("..data/big.zone")
    write(tmp_path, a=BIG)
    assert load(tmp_path).zones[0].bulk.values == 1
