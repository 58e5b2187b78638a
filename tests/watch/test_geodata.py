import os
import shutil
import subprocess
import sys
from ipaddress import IPv4Address
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gtm.content import Content
from gtm.geo.geography import NO_GEOGRAPHY
from gtm.geo.place import NOWHERE
from gtm.watch import geodata
from gtm.watch.geodata import fingerprint, load
from tests.fakes.geodamage import DAMAGED, NO_DATABASE, OUTSIDE, WHOLE, changed, mistyped, truncated
from tests.fakes.geodata import asn, city, write_database

FILES = Path(__file__).parents[1] / "data/geo"
CLIENT = IPv4Address("192.0.2.1")


@pytest.fixture
def cities(tmp_path: Path) -> Path:
    return write_database(tmp_path / "cities.mmdb", {"192.0.2.0/24": city("IE", at=(53.35, -6.26))})


def test_databases_and_custom_networks_are_loaded_and_reported(cities: Path, tmp_path: Path) -> None:
    numbers = write_database(tmp_path / "asn.mmdb", {"192.0.0.0/16": asn(64500, "Example")}, type_="Test-ASN")
    networks = tmp_path / "networks.yaml"
    networks.write_text("networks: {192.0.2.0/28: {tag: lab}}")
    loaded = load([cities, numbers], networks)
    place = loaded.geography.locate(CLIENT).place
    assert (place.country, place.asn, place.tags) == ("IE", 64500, ("lab",))
    assert loaded.problems == ()
    assert [(source.path, source.type, source.networks) for source in loaded.sources] == [
        (cities, "Test-City", 1),
        (numbers, "Test-ASN", 1),
        (networks, "custom networks", 1),
    ]
    assert loaded.sources[0].size_bytes == cities.stat().st_size


def test_a_missing_database_is_a_problem_and_the_others_serve(cities: Path, tmp_path: Path) -> None:
    loaded = load([tmp_path / "none.mmdb", cities])
    assert loaded.problems == (f"{tmp_path}/none.mmdb: No such file or directory",)
    assert loaded.geography.locate(CLIENT).place.country == "IE"


def test_with_no_database_left_everyone_is_nowhere(tmp_path: Path) -> None:
    loaded = load([tmp_path])
    assert loaded.problems == (f"{tmp_path}: Is a directory",)
    assert loaded.sources == ()
    assert loaded.geography.places == NO_GEOGRAPHY.places


def test_nothing_asked_for_is_no_problem() -> None:
    assert load([]).problems == ()


def test_mistakes_in_the_custom_networks_are_problems_and_the_databases_serve(cities: Path, tmp_path: Path) -> None:
    networks = tmp_path / "networks.yaml"
    networks.write_text("networks:\n  192.0.2.1/28: {tag: lab}\n  192.0.2.0/24: {}\n")
    loaded = load([cities], networks)
    assert [problem.split(": ")[0] for problem in loaded.problems] == [f"{networks}:2:3", f"{networks}:3:17"]
    assert loaded.geography.locate(CLIENT).place.country == "IE"


def test_custom_networks_that_are_missing_or_no_text_are_problems(tmp_path: Path) -> None:
    networks = tmp_path / "networks.yaml"
    assert load([], networks).problems == (f"{networks}:1:1: No such file or directory",)
    networks.write_bytes(b"networks:\n  \xff: 1\n")
    assert load([], networks).problems == (f"{networks}:2:1: not UTF-8",)


@pytest.mark.parametrize("path", sorted(FILES.glob("good/*.mmdb")), ids=lambda path: path.stem)
def test_a_good_database_loads(path: Path) -> None:
    loaded = load([path])
    assert loaded.problems == ()
    assert len(loaded.geography.places) > 1


@pytest.mark.parametrize("path", sorted(FILES.glob("trees/*.mmdb")), ids=lambda path: path.stem)
def test_a_useless_database_is_a_problem(path: Path) -> None:
    loaded = load([path])
    assert len(loaded.problems) == 1
    assert loaded.problems[0].startswith(f"{path}: ")
    assert loaded.geography.locate(CLIENT).place == NOWHERE


def loaded_from(content: bytes, path: Path) -> tuple[str, str]:
    """What is wrong with a file of these bytes, and the country of 1.1.1.1 by it."""
    path.write_bytes(content)
    loaded = load([path])
    assert len(loaded.problems) + len(loaded.sources) == 1
    [problem] = loaded.problems or [f"{path}: "]
    assert problem.startswith(f"{path}: ")
    return problem.removeprefix(f"{path}: "), loaded.geography.locate(IPv4Address("1.1.1.1")).place.country


def test_the_writer_of_damaged_databases_writes_good_ones(tmp_path: Path) -> None:
    assert loaded_from(WHOLE.content, tmp_path / "a.mmdb") == ("", "IE")


@pytest.mark.parametrize("damage", DAMAGED)
def test_a_damaged_database_is_a_problem(damage: str, tmp_path: Path) -> None:
    content, expected = DAMAGED[damage]
    problem, country = loaded_from(content, tmp_path / "a.mmdb")
    assert problem.startswith(expected) if expected else problem == ""
    assert not country or not problem


def test_a_database_that_is_cut_at_any_border_of_its_sections_is_a_problem(tmp_path: Path) -> None:
    for content in truncated():
        assert loaded_from(content, tmp_path / "a.mmdb") == (NO_DATABASE, ""), len(content)


def test_metadata_that_lack_a_field_or_have_a_wrong_one_raise_nothing(tmp_path: Path) -> None:
    for what, content in mistyped():
        problem, country = loaded_from(content, tmp_path / "a.mmdb")
        if what.startswith(("without", "node_count", "record_size")):
            assert (what, problem, country) == (what, NO_DATABASE, "")
        elif what.startswith(("ip_version", "build_epoch", "description")):
            assert problem, what
        else:
            assert (what, problem, country) == (what, "", "IE"), "nothing reads these fields, or as text alone"


@pytest.mark.slow
def test_octets_that_changed_raise_nothing(tmp_path: Path) -> None:
    problems = {loaded_from(changed(seed), tmp_path / "a.mmdb")[0] for seed in range(1000)}
    assert {"", OUTSIDE, NO_DATABASE} < problems


@pytest.mark.parametrize("content", [b"", b"\xab\xcd\xefMaxMind.com", bytes(range(256)) * 16])
def test_what_is_no_database_is_a_problem(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "a.mmdb"
    path.write_bytes(content)
    assert load([path]).problems == (f"{path}: not a MaxMind DB file, or its metadata is malformed",)


@pytest.mark.slow
def test_a_large_database_is_decoded_in_a_child_and_is_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    good = FILES / "good/GeoLite2-City-Test.mmdb"
    here = load([good])
    monkeypatch.setattr(geodata, "MOST_BYTES_HERE", 0)
    apart = load([good])
    assert apart.problems == ()
    assert apart.sources == here.sources
    assert apart.geography.locate(IPv4Address("81.2.69.160")) == here.geography.locate(IPv4Address("81.2.69.160"))


@pytest.mark.slow
@pytest.mark.parametrize("damage", ["metadata that are a list", "a record: a double of 7 octets"])
def test_what_is_wrong_with_a_large_database_is_said(
    damage: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(geodata, "MOST_BYTES_HERE", 0)
    problem, _ = loaded_from(DAMAGED[damage][0], tmp_path / "a.mmdb")
    assert "MaxMind" in problem
    assert problem.startswith(DAMAGED[damage][1])


def test_a_file_that_does_not_fit_into_memory_is_a_problem(cities: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(*arguments: object, **named: object) -> Content:
        raise MemoryError

    monkeypatch.setattr(geodata.GEO_FILES, "read", fails)
    assert load([cities]).problems == (f"{cities}: this machine has too little memory to decode it",)


MUTATED = (FILES / "good/GeoLite2-Country-Test.mmdb").read_bytes()


@pytest.mark.slow
@given(
    st.lists(st.tuples(st.integers(0, len(MUTATED) - 1), st.integers(0, 255)), min_size=1, max_size=12),
    st.sampled_from([None, 0.3, 0.9]),
)
@settings(max_examples=400)
def test_a_mutated_database_never_raises(changes: list[tuple[int, int]], share: float | None) -> None:
    content = bytearray(MUTATED)
    for position, value in changes:
        content[position] = value
    with TemporaryDirectory() as folder:
        path = Path(folder) / "mutated.mmdb"
        path.write_bytes(content if share is None else content[: int(len(content) * share)])
        loaded = load([path])
    assert len(loaded.problems) + len(loaded.sources) == 1


@pytest.mark.slow
def test_a_database_that_is_overwritten_in_place_kills_nobody(tmp_path: Path) -> None:
    path = tmp_path / "a.mmdb"
    shutil.copy(FILES / "good/GeoLite2-City-Test.mmdb", path)
    script = (
        "import sys; from ipaddress import ip_address; from pathlib import Path; from gtm.watch.geodata import load\n"
        "path = Path(sys.argv[1]); geography = load([path]).geography; path.write_bytes(b'')\n"
        "print(geography.locate(ip_address('81.2.69.160')).place.country, load([path]).sources)"
    )
    done = subprocess.run([sys.executable, "-c", script, path], capture_output=True, text=True, check=True)
    assert done.stdout == "GB ()\n"


def test_a_fingerprint_changes_when_a_file_is_replaced_edited_or_gone(cities: Path, tmp_path: Path) -> None:
    other = tmp_path / "other.mmdb"
    seen = [fingerprint([cities, other])]
    assert seen[0][1] is None
    shutil.copyfile(cities, other)
    seen.append(fingerprint([cities, other]))
    other.replace(cities)
    seen.append(fingerprint([cities, other]))
    os.utime(cities, ns=(1, 1))
    seen.append(fingerprint([cities, other]))
    assert len(set(seen)) == 4
    assert fingerprint([cities, other]) == seen[-1]
