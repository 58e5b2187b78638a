"""The container files: what compose.yaml mounts exists, its nodes know each other, and each node file parses.

There is no container engine in the tests. What an engine would do with these files is checked by reading them, and
keys.sh runs as it would there.
"""

import importlib.util
import os
import subprocess
import sys
from ipaddress import IPv4Address
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import yaml
from pydantic import BaseModel, ConfigDict, Field
from typer.testing import CliRunner

from gtm.cli.app import app
from gtm.ids import NodeName
from gtm.node.config.model import NodeConfig, Role
from gtm.node.config.parse import parse_node_file
from gtm.share.keys import load_key

ROOT = Path(__file__).parents[2]
DOCKER = ROOT / "docker"
PROBES = ("probe-us-east", "probe-eu-west", "probe-ap-southeast")


class Service(BaseModel):
    """What the tests read of one service of compose.yaml."""

    model_config = ConfigDict(strict=True)

    read_only: bool
    cap_drop: list[str]
    security_opt: list[str]
    command: list[str] = Field(default_factory=list)
    depends_on: dict[str, dict[str, str]] = Field(default_factory=dict)
    entrypoint: list[str] = Field(default_factory=list)
    volumes: list[str] = Field(default_factory=list)
    networks: list[str] | dict[str, dict[str, str]] = Field(default_factory=list)


@pytest.fixture(scope="module")
def services() -> dict[str, Service]:
    compose = yaml.safe_load((DOCKER / "compose.yaml").read_text())
    return {name: Service.model_validate(service) for name, service in compose["services"].items()}


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Returns a folder with the volumes of compose.yaml, as keys.sh leaves them."""
    folder = tmp_path_factory.mktemp("keys")
    for volume in ("public", *map(_volume, PROBES)):
        (folder / volume).mkdir()
    _run_keys(folder)
    return folder


def test_every_service_is_read_only_and_without_privileges(services: dict[str, Service]) -> None:
    for service in services.values():
        assert service.read_only
        assert service.cap_drop == ["ALL"]
        assert service.security_opt == ["no-new-privileges:true"]


def test_the_image_does_not_run_as_root() -> None:
    lines = (DOCKER / "Dockerfile").read_text().splitlines()
    users = [line.split()[1] for line in lines if line.startswith("USER ")]
    assert users == ["10001:10001"]


def test_every_mounted_file_exists(services: dict[str, Service]) -> None:
    sources = {volume.split(":")[0] for service in services.values() for volume in service.volumes}
    assert [source for source in sources if source.startswith(".") and not (DOCKER / source).exists()] == []


def test_every_command_is_one_of_the_programs(services: dict[str, Service]) -> None:
    modules = {service.entrypoint[2] for service in services.values() if service.entrypoint[:2] == ["python", "-m"]}
    assert [module for module in modules if importlib.util.find_spec(module) is None] == []
    started = {name: service.command[0] for name, service in services.items() if service.command}
    assert started == {"ns1": "serve", "ns2": "serve", **dict.fromkeys(PROBES, "probe")}


@pytest.mark.slow
def test_every_private_key_is_mounted_by_its_probe_alone(keys: Path, services: dict[str, Service]) -> None:
    private = {file.parent.name for file in keys.rglob("*.key")}
    assert private == set(map(_volume, PROBES))
    readers = {
        volume: {name for name, service in services.items() if any(_is_of(item, volume) for item in service.volumes)}
        for volume in private
    }
    # the service that makes a key ends before anything else of it starts
    assert readers == {_volume(probe): {probe, _volume(probe)} for probe in PROBES}
    assert all(f"{_volume(probe)}:/run/gtm-keys:ro" in services[probe].volumes for probe in PROBES)


def test_nothing_starts_before_its_keys_are_made(services: dict[str, Service]) -> None:
    done = {"condition": "service_completed_successfully"}
    assert all(services[probe].depends_on == {_volume(probe): done} for probe in PROBES)
    assert services["ns1"].depends_on == services["ns2"].depends_on == {"public": done}
    assert services["public"].depends_on == dict.fromkeys(map(_volume, PROBES), done)


@pytest.mark.parametrize("probe", PROBES)
def test_a_probe_node_file_parses_and_names_its_key(probe: str, services: dict[str, Service]) -> None:
    config = _parse(DOCKER / f"{probe}.yaml")
    assert config.node == probe
    assert config.vantage == probe.removeprefix("probe-")
    assert config.roles == {Role.PROBE, Role.ADMIN}
    assert config.key == Path(f"/run/gtm-keys/{probe}.key")
    assert services[probe].command == ["probe", "--config", f"/etc/gtm/{probe}.yaml"]


@pytest.mark.slow
def test_the_dns_nodes_hear_every_probe_under_its_own_key(keys: Path, services: dict[str, Service]) -> None:
    config = _parse(keys / "public" / "dns.yaml")
    assert config.roles == {Role.DNS, Role.ADMIN}
    assert {peer.node: peer.key for peer in config.peers} == {
        NodeName(probe): load_key(keys / _volume(probe) / f"{probe}.key").public for probe in PROBES
    }
    for peer in config.peers:
        probe = _parse(DOCKER / f"{peer.node}.yaml")
        assert (peer.listed.vantage, peer.listed.at) == (probe.vantage, probe.at)
    assert {urlsplit(peer.url).hostname for peer in config.peers} <= set(services)


@pytest.mark.slow
def test_keys_are_made_only_once(keys: Path) -> None:
    before = {file: file.read_text() for file in keys.rglob("*.*")}
    _run_keys(keys)
    assert {file: file.read_text() for file in keys.rglob("*.*")} == before


def test_the_zone_has_the_addresses_of_the_toy_regions(services: dict[str, Service]) -> None:
    zone = yaml.safe_load((DOCKER / "zones" / "gtm.example.com.yaml").read_text())
    endpoints = {item["region"]: IPv4Address(item["address"]) for item in zone["services"]["api"]["endpoints"]}
    regions = {
        name: IPv4Address(service.networks["wan"]["ipv4_address"])
        for name, service in services.items()
        if isinstance(service.networks, dict)
    }
    assert endpoints == regions


def test_the_zone_has_no_mistakes() -> None:
    result = CliRunner().invoke(app, ["check", str(DOCKER / "zones")])
    assert (result.exit_code, "no mistakes" in result.output) == (0, True)


def _parse(file: Path) -> NodeConfig:
    return parse_node_file(file.read_text(), file.name, Path("/etc/gtm"), "ns1")


def _volume(probe: str) -> str:
    return probe.replace("probe-", "key-")


def _is_of(mount: str, volume: str) -> bool:
    return mount.split(":", maxsplit=1)[0] == volume


def _run_keys(folder: Path) -> None:
    """Runs keys.sh as the services of compose.yaml do."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    public = folder / "public"
    calls = [("key", probe, folder / _volume(probe), public) for probe in PROBES]
    for arguments in (*calls, ("file", DOCKER / "dns.yaml", public)):
        command = ["sh", str(DOCKER / "keys.sh"), *map(str, arguments)]
        subprocess.run(command, env={**os.environ, "PATH": path}, check=True)
