"""A zone has one file: no other takes it, nor names of it."""

from pathlib import Path

import pytest

from gtm.steer.vocabulary import STEERING
from gtm.watch.folder import EMPTY, Catalogue
from gtm.watch.reading import read

HEAD = "zone: {}\nnameservers: [ns.example.net]\nhostmaster: hostmaster@example.com\nregions: {{r: {{}}}}\n"
SERVICE = "services: {{{}: {{steer: weighted, endpoints: [{{region: r, address: {}}}]}}}}\n"
THEIRS, OURS, OTHER = "gtm.example.com", "example.com", "other.example.com"
API = SERVICE.format("api", "192.0.2.1")
FALSE_API = SERVICE.format("api.gtm", "203.0.113.66")
DELEGATED = "records: {gtm: {NS: ns.example.net.}}\n"
WILDCARD = 'records: {"*": {A: 203.0.113.66}}\n'


class Folder:
    """A zone folder. Its state is the catalogue of its last reading."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.catalogue: Catalogue = EMPTY

    def write(self, name: str, origin: str, more: str = "") -> "Folder":
        (self.path / f"{name}.yaml").write_text(HEAD.format(origin) + more)
        return self

    def read(self) -> dict[str, str]:
        """Returns the file of each zone."""
        self.catalogue = read(self.path, self.catalogue, STEERING)
        return {zone.origin.to_text(omit_final_dot=True): Path(zone.file).stem for zone in self.catalogue.zones}

    @property
    def messages(self) -> list[str]:
        return [f"{Path(problem.file).stem}:{problem.line}: {problem.message}" for problem in self.catalogue.problems]

    def file(self, name: str) -> str:
        return str(self.path / f"{name}.yaml")


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    return Folder(tmp_path)


def test_a_file_that_sorts_before_takes_no_zone_from_the_file_that_has_it(folder: Folder) -> None:
    assert folder.write("v", THEIRS, API).write("a", OTHER).read() == {OTHER: "a", THEIRS: "v"}
    assert folder.write("a", THEIRS).read() == {OTHER: "a", THEIRS: "v"}
    assert folder.messages == [f"a:1: {THEIRS} is already the zone of {folder.file('v')}"]


def test_a_mistake_in_a_file_is_no_chance_for_another_to_take_its_zone(folder: Folder) -> None:
    folder.write("v", THEIRS, API).read()
    folder.write("a", THEIRS).write("v", THEIRS, "ttl: x\n")
    assert folder.read() == {THEIRS: "v"}
    assert [message[:4] for message in folder.messages] == ["a:1:", "v:5:"]


def test_a_file_named_for_its_zone_has_it_whatever_else_claims_it(folder: Folder) -> None:
    folder.write("a", THEIRS).write(THEIRS, THEIRS, API)
    assert folder.read() == {THEIRS: THEIRS}
    assert folder.messages == [f"a:1: {THEIRS} is already the zone of {folder.file(THEIRS)}"]


def test_a_zone_may_move_to_another_file(folder: Folder) -> None:
    folder.write("v", THEIRS, API).read()
    folder.write("a", THEIRS, API).read()
    (folder.path / "v.yaml").unlink()
    assert folder.read() == {THEIRS: "a"}
    assert folder.messages == []


def test_a_zone_above_another_has_no_names_in_it(folder: Folder) -> None:
    folder.write("v", THEIRS, API).write("z", OURS).read()
    assert folder.write("z", OURS, FALSE_API).read() == {THEIRS: "v", OURS: "z"}
    assert [zone.services for zone in folder.catalogue.zones if zone.file == folder.file("z")] == [()]
    assert folder.messages == [
        (
            f"z:1: example.com has names of gtm.example.com, which is the zone of {folder.file('v')}: remove them, or "
            "have NS records for gtm.example.com instead"
        )
    ]


@pytest.mark.parametrize("more", [FALSE_API, WILDCARD, "records: {a.b.gtm: {A: 192.0.2.1}}\n"])
def test_a_zone_below_another_takes_no_names_from_it(folder: Folder, more: str) -> None:
    folder.write("z", OURS, more).read()
    assert folder.write("a", THEIRS, API).read() == {OURS: "z"}
    assert folder.messages == [
        (
            f"a:1: gtm.example.com is inside the zone example.com of {folder.file('z')}, which has names there: remove "
            "them there, or have NS records for gtm.example.com there instead"
        )
    ]


def test_names_in_a_records_file_count(folder: Folder) -> None:
    (folder.path / "big.zone").write_text("a.gtm A 192.0.2.1\n")
    folder.write("z", OURS, "records_file: big.zone\n").read()
    assert folder.write("a", THEIRS, API).read() == {OURS: "z"}


@pytest.mark.parametrize("more", ["", DELEGATED, "records: {www: {A: 192.0.2.1}}\n"])
def test_a_zone_below_another_is_fine_where_that_has_no_names_or_delegates_them(folder: Folder, more: str) -> None:
    assert folder.write("z", OURS, more).write("a", THEIRS, API).read() == {THEIRS: "a", OURS: "z"}
    assert folder.messages == []


def test_of_new_zones_the_one_above_has_its_names(folder: Folder) -> None:
    assert folder.write("z", OURS, FALSE_API).write("a", THEIRS, API).read() == {OURS: "z"}
