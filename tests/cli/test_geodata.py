from collections.abc import Mapping
from pathlib import Path

import pytest

from gtm.watch.geoinstall import KNOWN_ANSWERS
from tests.cli.command import gtm
from tests.fakes.geodata import city, write_database

NODE = "geo: {databases: [data/geo.mmdb], networks: networks.yaml}\n"


def world(*, without: int = 0, more: Mapping[str, str] | None = None) -> dict[str, Mapping[str, object]]:
    """Records that give the known answers, but for the first so many."""
    answers = dict(KNOWN_ANSWERS[without:])
    return {
        f"{address}/{128 if ':' in address else 32}": city(country, at=(1.0, 2.0))
        for address, country in {**answers, **(more or {})}.items()
    }


@pytest.fixture
def database(folder: Path) -> Path:
    """The database of the node file."""
    (folder / "gtm.yaml").write_text(NODE)
    (folder / "data").mkdir()
    return write_database(folder / "data" / "geo.mmdb", world(), type_="Test-City")


def ask(*arguments: str) -> tuple[int, list[str], str]:
    ran = gtm("geodata", *arguments, "--config", "gtm.yaml")
    return ran.code, ran.lines, ran.err


def test_the_status_is_a_table_of_what_serves(database: Path) -> None:
    code, lines, err = ask("status")
    assert (code, err) == (0, "")
    assert lines[0] == "file\ttype\tbuilt\tnetworks\tbytes"
    file, kind, built, networks, size = lines[1].split("\t")
    assert (file, kind, networks, size) == ("data/geo.mmdb", "Test-City", networks, f"{database.stat().st_size}")
    assert built[:2] == "20"
    assert lines[2].split("\t")[:2] == ["networks.yaml", "custom networks"]


def test_the_status_tells_problems_and_ends_with_1(database: Path) -> None:
    database.write_bytes(b"no database")
    (Path("networks.yaml")).write_text("networks: {300.0.0.0/8: {country: US}}")
    code, lines, err = ask("status")
    assert (code, err) == (1, "")
    assert lines[1] == "problem: data/geo.mmdb: not a MaxMind DB file, or its metadata is malformed"
    assert lines[2].startswith("problem: networks.yaml:1:12: ")


def test_a_lookup_says_what_is_known(folder: Path) -> None:
    code, lines, err = ask("lookup", "10.2.0.1")
    assert (code, err) == (0, "")
    assert lines == [
        "network     10.2.0.0/16",
        "continent   EU",
        "country     IE",
        "subdivision -",
        "city        Dublin",
        "at          53.35, -6.26",
        "asn         AS64500 Example",
        "tags        office",
    ]


@pytest.mark.parametrize("address", ["192.0.2.1", "::1", "fe80::1%eth0"])
def test_a_lookup_of_what_nobody_knows_is_no_mistake(folder: Path, address: str) -> None:
    code, lines, _ = ask("lookup", address)
    assert code == 0
    assert lines[2] == "country     -"


def test_a_lookup_without_its_data_says_so(database: Path) -> None:
    database.unlink()
    code, lines, err = ask("lookup", "8.8.8.8")
    assert (code, lines[2]) == (0, "country     -")
    assert err == "geo data: data/geo.mmdb: No such file or directory\n"


def test_a_good_database_verifies(database: Path) -> None:
    ran = gtm("geodata", "verify", str(database))
    assert (ran.code, ran.err) == (0, "")
    assert ran.lines[0] == f"{database}: good"
    assert ran.lines[-1] == "answers   14 of 14 known answers"


def test_wrong_answers_are_listed(folder: Path) -> None:
    write_database(folder / "a.mmdb", world(without=1, more={"24.48.0.1": "US"}), type_="Test-City")
    ran = gtm("geodata", "verify", "a.mmdb")
    assert ran.code == 0
    assert ran.lines[-3:] == [
        "answers   12 of 14 known answers",
        "          8.8.8.8: nothing, expected US",
        "          24.48.0.1: US, expected CA",
    ]


def test_what_is_odd_is_told_and_no_more_of_it_than_fits(folder: Path) -> None:
    odd = {f"192.0.2.{number}/32": city(f"X{number}") for number in range(40)}
    odd["198.51.100.0/24"] = odd["203.0.113.0/24"] = {"country_code": "\x1b[31m", "latitude": False, "longitude": 0.5}
    write_database(folder / "a.mmdb", {**world(), **odd}, type_="Test-City")
    ran = gtm("geodata", "verify", "a.mmdb")
    assert ran.code == 0
    assert ran.lines[3] == "answers   14 of 14 known answers"
    assert sorted(ran.lines[4:6]) == [
        "odd       2 networks: a boolean for a coordinate: true is read as 1, false as 0",
        'odd       2 networks: country code "\\x1b[31M", no country: read as none',
    ]
    assert ran.lines[6].startswith('odd       1 network: country code "X')
    assert ran.lines[-1] == "          and 12 kinds more"
    assert len(ran.lines) == 4 + 30 + 1


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (None, "bad.mmdb: No such file or directory"),
        (b"", "bad.mmdb: not a MaxMind DB file, or its metadata is malformed"),
        (b"\0" * 5000, "bad.mmdb: not a MaxMind DB file, or its metadata is malformed"),
    ],
)
@pytest.mark.parametrize("command", ["verify", "install"])
def test_a_bad_file_is_one_message(database: Path, command: str, content: bytes | None, words: str) -> None:
    before = database.read_bytes()
    if content is not None:
        Path("bad.mmdb").write_bytes(content)
    more = ["--config", "gtm.yaml"] if command == "install" else []
    ran = gtm("geodata", command, "bad.mmdb", *more)
    assert (ran.code, ran.out, ran.err) == (1, "", words + "\n")
    assert database.read_bytes() == before


def test_a_cut_file_and_a_folder_are_refused_in_one_message(database: Path) -> None:
    Path("cut.mmdb").write_bytes(database.read_bytes()[:-200])
    for bad in ("cut.mmdb", "zones"):
        ran = gtm("geodata", "verify", bad)
        assert (ran.code, ran.out) == (1, "")
        assert len(ran.err.splitlines()) == 1


def test_a_build_date_from_nowhere_is_shown_as_it_is(database: Path) -> None:
    content = database.read_bytes()
    place = content.index(b"build_epoch") + len(b"build_epoch")
    size = content[place] & 0x1F
    # the MaxMind DB format: an extended type (8 octets, uint64), and the largest number of it
    Path("odd.mmdb").write_bytes(content[:place] + b"\x08\x02" + b"\xff" * 8 + content[place + 2 + size :])
    ran = gtm("geodata", "verify", "odd.mmdb")
    assert (ran.code, ran.err) == (0, "")
    assert "built at 18446744073709551615" in ran.out


def test_an_installed_file_replaces_the_first_database(database: Path) -> None:
    write_database(Path("new.mmdb"), world(more={"192.0.2.1": "FR"}), type_="Test-City")
    code, lines, err = ask("install", "new.mmdb")
    assert (code, err) == (0, "")
    assert lines[-1] == "installed as data/geo.mmdb"
    assert database.read_bytes() == Path("new.mmdb").read_bytes()
    assert ask("lookup", "192.0.2.1")[1][2] == "country     FR"


def test_a_much_smaller_file_needs_force(database: Path) -> None:
    more = {f"192.0.{a}.{b}": "FR" for a in range(20) for b in range(0, 250, 9)}
    write_database(database, world(more=more), type_="Test-City")
    write_database(Path("small.mmdb"), world(), type_="Test-City")
    before = database.read_bytes()
    code, lines, err = ask("install", "small.mmdb")
    assert (code, lines) == (1, [])
    assert err.startswith("small.mmdb: it has ")
    assert err.endswith("to install it all the same, use --force\n")
    assert database.read_bytes() == before
    assert ask("install", "small.mmdb", "--force")[0] == 0
    assert database.read_bytes() == Path("small.mmdb").read_bytes()


def test_without_a_database_of_ones_own_the_shipped_one_is_kept(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    packaged = folder / "packaged"
    packaged.mkdir()
    kept = write_database(packaged / "regions.mmdb", world(), type_="Test-City").read_bytes()
    monkeypatch.setattr("gtm.node.config.parse.shipped", lambda _name: packaged)
    write_database(Path("new.mmdb"), world(more={"192.0.2.1": "FR"}), type_="Test-City")
    ran = gtm("geodata", "install", "new.mmdb")
    assert (ran.code, ran.err) == (0, "")
    words = "; it serves in place of the shipped database, which stays as it is"
    assert ran.lines[-1] == f"installed as geodata/regions.mmdb{words}"
    assert (packaged / "regions.mmdb").read_bytes() == kept
    assert gtm("geodata", "lookup", "192.0.2.1").lines[2] == "country     FR"


def test_what_is_installed_beside_the_shipped_database_may_not_be_much_less_either(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    packaged = folder / "packaged"
    packaged.mkdir()
    more = {f"192.0.{a}.{b}": "FR" for a in range(20) for b in range(0, 250, 9)}
    write_database(packaged / "regions.mmdb", world(more=more), type_="Test-City")
    monkeypatch.setattr("gtm.node.config.parse.shipped", lambda _name: packaged)
    write_database(Path("new.mmdb"), world(), type_="Test-City")
    ran = gtm("geodata", "install", "new.mmdb")
    assert ran.code == 1
    assert ran.err.endswith("to install it all the same, use --force\n")
    assert not Path("geodata").exists()


def test_a_node_file_without_any_database_has_no_place_to_install_to(folder: Path) -> None:
    write_database(Path("new.mmdb"), world(), type_="Test-City")
    code, lines, err = ask("install", "new.mmdb")
    assert (code, lines) == (1, [])
    assert err == "geo.databases of the node file is empty: it names no file to install this as\n"


def test_the_attribution_is_what_the_licence_asks_for(database: Path) -> None:
    code, [line], err = ask("attribution")
    assert (code, err) == (0, "")
    assert line.startswith('data/geo.mmdb: nothing in this database of type "Test-City" says who made it')
    write_database(database, world(), type_="DBIP-City-Lite")
    code, [line], err = ask("attribution")
    assert (code, err) == (0, "")
    assert "IP Geolocation by DB-IP" in line
