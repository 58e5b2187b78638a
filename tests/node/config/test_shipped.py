from pathlib import Path

from gtm.counters import Counters
from gtm.node.config.parse import default_config
from gtm.node.config.shipped import shipped
from gtm.node.plugins.filters import vocabulary
from gtm.watch.folder import EMPTY
from gtm.watch.reading import read


def test_the_geo_database_and_its_networks_are_shipped() -> None:
    assert (shipped("geodata") / "regions.mmdb").is_file()
    assert (shipped("geodata") / "networks.yaml").is_file()


def test_the_zones_that_are_shipped_have_no_mistakes() -> None:
    catalogue = read(shipped("zones"), EMPTY, vocabulary(Counters()))
    assert catalogue.problems == ()
    assert [zone.origin.to_text() for zone in catalogue.zones] == ["gtm.example.com."]


def test_without_a_node_file_a_machine_has_all_it_needs(tmp_path: Path) -> None:
    config = default_config(tmp_path, "h")
    assert config.zones.is_dir()
    assert all(path.is_file() for path in config.geo.databases)
