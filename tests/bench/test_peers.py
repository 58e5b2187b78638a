"""The configurations of the servers that are compared."""

from pathlib import Path

import dns.zone
import pytest
import yaml

from bench.peers import MOST_NAMES_OF_A_FILE, PEERS, Site, master_file, zone_yaml
from bench.world import ADDRESSES, ORIGIN, STEERED, World
from gtm.node.config.model import EngineChoice, Role
from gtm.node.config.parse import parse_node_file
from gtm.steer.vocabulary import STEERING
from gtm.watch.folder import EMPTY
from gtm.watch.reading import read
from gtm.zone.parse import NO_SHARED, parse

WORLD = World(12, Path("/geo/country.mmdb"))


def site(folder: Path, threads: int = 1) -> Site:
    return Site(folder, WORLD, 5399, threads, Path("/bin/echo"))


@pytest.mark.parametrize("name", PEERS)
def test_every_server_gets_its_port_in_its_own_folder(name: str, tmp_path: Path) -> None:
    command = PEERS[name].configure(site(tmp_path))
    written = "".join(path.read_text() for path in tmp_path.rglob("*") if path.is_file())
    assert "5399" in " ".join(command) + written
    assert name == "echo" or str(tmp_path) in " ".join(command)


@pytest.mark.parametrize("name", [name for name in PEERS if name not in {"echo", "gtm"}])
def test_every_server_but_the_floor_has_every_static_name(name: str, tmp_path: Path) -> None:
    PEERS[name].configure(site(tmp_path))
    written = "".join(path.read_text() for path in tmp_path.rglob("*") if path.is_file())
    assert all(label in written and address in written for label, address in WORLD.static())


def test_the_zone_is_one_that_gtm_takes() -> None:
    zone = parse(zone_yaml(WORLD), "bench.yaml", NO_SHARED, STEERING)
    assert len(zone.records) == 1 + WORLD.names
    [service] = zone.services
    assert {str(endpoint.answer) for endpoint in service.endpoints} == set(ADDRESSES.values())


def test_the_node_file_asks_for_the_rust_engine_and_nothing_but_dns(tmp_path: Path) -> None:
    PEERS["gtm"].configure(site(tmp_path, threads=2))
    config = parse_node_file((tmp_path / "gtm.yaml").read_text(), "gtm.yaml", tmp_path, "host")
    assert (config.engine, config.threads, config.roles) == (EngineChoice.RUST, 2, frozenset({Role.DNS}))
    assert [str(each) for each in config.dns] == ["127.0.0.1:5399", "[::1]:5399"]
    assert config.geo.databases == (WORLD.database,)


def test_a_zone_of_many_names_has_them_in_a_records_file(tmp_path: Path) -> None:
    PEERS["gtm"].configure(Site(tmp_path, World(MOST_NAMES_OF_A_FILE + 1, WORLD.database), 5399))
    catalogue = read(tmp_path / "zones", EMPTY, STEERING)
    assert catalogue.problems == ()
    assert catalogue.zones[0].bulk.values == MOST_NAMES_OF_A_FILE + 1


def test_the_master_file_is_a_zone() -> None:
    zone = dns.zone.from_text(master_file(WORLD, steered="60 A 192.0.2.10"), ORIGIN, relativize=False)
    assert len(zone.nodes) == WORLD.names + 3


def test_every_country_has_its_region_in_every_format(tmp_path: Path) -> None:
    for name in ("gdnsd", "knot", "pdns"):
        (tmp_path / name).mkdir()
        PEERS[name].configure(site(tmp_path / name))
    countries = {code: region for regions in WORLD.nearest.values() for code, region in regions.items()}
    views = yaml.safe_load((tmp_path / "knot" / "views").read_text())[STEERED]
    assert {view["geo"]: view["A"] for view in views} == {code: ADDRESSES[region] for code, region in countries.items()}
    records = yaml.safe_load((tmp_path / "pdns" / "zones.yaml").read_text())["domains"][0]["records"]
    gdnsd = (tmp_path / "gdnsd" / "config").read_text()
    for code, region in countries.items():
        assert records[f"{code.lower()}.c.{ORIGIN}"] == [{"a": ADDRESSES[region]}]
        assert f"{code} => [{region}]" in gdnsd
