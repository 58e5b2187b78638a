from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gtm.errors import StateInvalid
from gtm.steer.vocabulary import STEERING
from gtm.watch.folder import EMPTY, Catalogue
from gtm.watch.last_good_files import compose_kept, parse_kept, revive
from gtm.watch.reading import read
from tests.fakes import world
from tests.node.present import BROKEN, SMALL

SHARED = """regions:
  us-east: {at: [38.95, -77.45]}
  eu-west: {at: [53.35, -6.26]}
monitors:
  web: {type: http, port: 80, interval: INTERVAL, timeout: 1s}
"""
OWN = f"""zone: gtm.example.com
nameservers: [ns1.gtm.example.com]
hostmaster: hostmaster@example.com
services:
  api: {{monitor: web, steer: nearest, endpoints: [{{region: us-east, address: 192.0.2.1}}]}}
records:{world.NS1}
"""


class Folder:
    """A zone folder, and what was kept of it."""

    def __init__(self, tmp_path: Path) -> None:
        self.path = tmp_path / "zones"
        self.path.mkdir()
        self.catalogue = EMPTY

    def write(self, **files: str) -> None:
        for name, text in files.items():
            (self.path / f"{name}.yaml").write_text(text)
        self.catalogue = read(self.path, self.catalogue, STEERING)

    def revived(self, *, path: Path | None = None) -> Catalogue:
        return revive(parse_kept(compose_kept(self.path, self.catalogue)), path or self.path, STEERING)


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    return Folder(tmp_path)


def test_what_was_kept_is_the_catalogue_again(folder: Folder) -> None:
    folder.write(a=SMALL, _shared=SHARED.replace("INTERVAL", "5s"))
    assert folder.catalogue.loaded
    assert folder.revived() == folder.catalogue


def test_a_records_file_is_kept_with_its_zone(folder: Folder) -> None:
    (folder.path / "big.zone").write_text("www A 192.0.2.1\n")
    folder.write(a=f"{SMALL}records_file: big.zone\n")
    assert folder.catalogue.zones[0].bulk.values == 1
    (folder.path / "big.zone").unlink()
    revived = folder.revived()
    assert revived == folder.catalogue
    assert read(folder.path, revived, STEERING).zones == folder.catalogue.zones


@pytest.mark.parametrize("name", ["more.zone", "{folder}/more.zone"])
def test_files_that_a_records_file_includes_are_kept_with_its_zone(folder: Folder, name: str) -> None:
    (folder.path / "big.zone").write_text(f"$INCLUDE {name.format(folder=folder.path)}\n")
    (folder.path / "more.zone").write_text("www A 192.0.2.1\n$GENERATE 1-2 h$ A 192.0.2.$\n")
    folder.write(a=f"{SMALL}records_file: big.zone\n")
    assert folder.catalogue.zones[0].bulk.values == 3
    (folder.path / "more.zone").unlink()
    revived = folder.revived()
    assert revived == folder.catalogue
    assert read(folder.path, revived, STEERING).zones == folder.catalogue.zones


def test_an_unchanged_folder_needs_no_second_parse(folder: Folder) -> None:
    folder.write(a=SMALL, _shared=SHARED.replace("INTERVAL", "5s"))
    revived = folder.revived()
    again = read(folder.path, revived, STEERING)
    assert again.loaded[0].zone is revived.loaded[0].zone


def test_a_file_that_broke_keeps_its_zone_and_one_that_went_is_gone(folder: Folder) -> None:
    folder.write(a=SMALL, b=SMALL.replace("gtm.example.com", "gtm.example.net"))
    revived = folder.revived()
    (folder.path / "a.yaml").write_text(BROKEN)
    (folder.path / "b.yaml").unlink()
    after = read(folder.path, revived, STEERING)
    assert [one.zone.origin.to_text() for one in after.loaded] == ["gtm.example.com."]
    assert after.bad_files == {str(folder.path / "a.yaml")}


def test_a_zone_is_made_again_with_the_shared_file_that_it_was_made_with(folder: Folder) -> None:
    folder.write(own=OWN, _shared=SHARED.replace("INTERVAL", "5s"))
    folder.write(own=OWN, _shared="regions: {elsewhere: {at: [0, 0]}}\n")
    [problem, *_] = folder.catalogue.problems
    assert problem.file == str(folder.path / "own.yaml")
    [loaded] = folder.revived().loaded
    assert loaded == folder.catalogue.loaded[0]
    assert loaded.zone.services[0].monitor is not None
    assert loaded.zone.services[0].monitor.interval_s == 5.0


def test_what_was_refused_beside_the_newest_shared_file_is_so_after_a_restart(folder: Folder) -> None:
    folder.write(own=OWN, _shared=SHARED.replace("INTERVAL", "5s"))
    folder.write(_shared="regions: {elsewhere: {at: [0, 0]}}\n")
    after = read(folder.path, folder.revived(), STEERING)
    assert after.problems == folder.catalogue.problems
    assert after.loaded == folder.catalogue.loaded


def test_a_broken_shared_file_leaves_the_last_good_one_kept(folder: Folder) -> None:
    folder.write(own=OWN, _shared=SHARED.replace("INTERVAL", "7s"))
    folder.write(_shared="regions: [")
    assert folder.catalogue.problems
    assert folder.revived().loaded == folder.catalogue.loaded
    assert folder.revived().shared == folder.catalogue.shared


def test_the_zones_of_another_folder_are_not_taken(folder: Folder, tmp_path: Path) -> None:
    folder.write(a=SMALL)
    assert folder.revived(path=tmp_path / "others") == EMPTY


def test_a_zone_that_is_no_zone_any_more_is_left_out(folder: Folder) -> None:
    folder.write(a=SMALL, b=SMALL.replace("gtm.example.com", "gtm.example.net"))
    kept = compose_kept(folder.path, folder.catalogue).replace("zone: gtm.example.net", "zone: ''")
    assert len(revive(parse_kept(kept), folder.path, STEERING).loaded) == 1


@pytest.mark.parametrize(
    "limit", ["rules.sizes.MAX_CHECKS", "rules.sizes.MAX_REGION_SETS", "rules.check_rates.MAX_REQUESTS_PER_S"]
)
def test_a_zone_that_a_new_version_would_refuse_for_what_it_asks_for_serves_on_and_is_told(
    folder: Folder, monkeypatch: pytest.MonkeyPatch, limit: str
) -> None:
    folder.write(a=SMALL)
    monkeypatch.setattr(f"gtm.zone.{limit}", 0)
    revived = folder.revived()
    assert revived.zones == folder.catalogue.zones
    after = read(folder.path, revived, STEERING)
    assert after.zones == folder.catalogue.zones
    assert after.bad_files == {str(folder.path / "a.yaml")}


@given(st.text(max_size=200))
def test_any_text_is_kept_zones_or_damage(text: str) -> None:
    with pytest.raises(StateInvalid):
        parse_kept(text)


def test_another_version_is_refused(folder: Folder) -> None:
    folder.write(a=SMALL)
    with pytest.raises(StateInvalid, match="another version"):
        parse_kept(compose_kept(folder.path, folder.catalogue).replace('"version":1', '"version":2'))


def test_a_file_whose_name_is_no_text_is_refused_and_the_others_are_kept(folder: Folder) -> None:
    odd = b"\xff\xfe.yaml".decode("utf-8", "surrogateescape")
    (folder.path / odd).write_text(SMALL.replace("gtm.example.com", "odd.example.com"))
    folder.write(a=SMALL)
    assert [problem.message for problem in folder.catalogue.problems] == ["its name is not UTF-8; rename the file"]
    assert folder.revived().zones == folder.catalogue.zones


@pytest.mark.parametrize("line", [b"www A 192.0.2.1 ; \xff\n", b"www TXT \xff\n", b"w\xffw A 192.0.2.1\n"])
def test_a_records_file_that_is_no_text_is_refused_and_the_others_are_kept(folder: Folder, line: bytes) -> None:
    (folder.path / "big.zone").write_bytes(line)
    folder.write(a=SMALL, b=SMALL.replace("gtm.example.com", "big.example.com") + "records_file: big.zone\n")
    assert [Path(problem.file).name for problem in folder.catalogue.problems] == ["big.zone"]
    assert folder.revived().zones == folder.catalogue.zones
