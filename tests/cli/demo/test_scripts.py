import asyncio
import socket
import stat
from dataclasses import replace
from pathlib import Path

import pytest

from gtm.cli.demo.mode import Mode
from gtm.cli.demo.scripts import VOTERS, Shipped, node_programs, region_program
from gtm.cli.demo.stage import STAGE
from gtm.health.consensus.quorum import Majority, Quorum
from gtm.health.report.claims import Listed
from gtm.ids import NodeName
from gtm.node.config.model import NodeConfig, Role
from gtm.node.config.parse import parse_node_file
from gtm.serve.listen import parse_listen
from gtm.share.keys import load_key

SHIPPED = Shipped(Path("/opt/zones"), Path("/opt/geodata"))


@pytest.fixture
def configs(tmp_path: Path) -> dict[NodeName, NodeConfig]:
    """Returns what the parser of node files makes of the demo's."""
    node_programs(STAGE, SHIPPED, tmp_path)
    return {
        node.name: parse_node_file((tmp_path / f"{node.name}.yaml").read_text(), "gtm.yaml", tmp_path, "host")
        for node in (*STAGE.probes, STAGE.server)
    }


def test_every_node_file_is_valid_and_says_what_the_stage_says(configs: dict[NodeName, NodeConfig]) -> None:
    for node in (*STAGE.probes, STAGE.server):
        config = configs[node.name]
        assert (config.node, config.vantage, config.at, config.admin) == (
            node.name,
            node.vantage,
            node.at,
            node.admin,
        )
        assert config.zones == SHIPPED.zones
        assert config.geo.databases == (SHIPPED.geodata / "regions.mmdb",)


def test_only_the_dns_node_serves_and_only_probes_probe(configs: dict[NodeName, NodeConfig]) -> None:
    server = configs.pop(STAGE.server.name)
    assert server.roles == {Role.DNS, Role.ADMIN}
    assert server.dns == (STAGE.dns,)
    assert server.quorum == Quorum(Majority(), voters=VOTERS, vantages=2)
    assert {config.roles for config in configs.values()} == {frozenset({Role.PROBE, Role.ADMIN})}


def test_every_node_hears_every_other_probe_under_its_own_key(configs: dict[NodeName, NodeConfig]) -> None:
    for name, config in configs.items():
        assert {peer.node for peer in config.peers} == {probe.name for probe in STAGE.probes} - {name}
        for peer in config.peers:
            key = configs[peer.node].key
            assert key is not None
            assert peer.key == load_key(key).public
            assert peer.listed == Listed(configs[peer.node].vantage, configs[peer.node].at)


def test_every_node_keeps_its_own_state_in_the_folder(configs: dict[NodeName, NodeConfig], tmp_path: Path) -> None:
    states = {config.state for config in configs.values()}
    assert len(states) == 4
    assert {state.parent for state in states} == {tmp_path}


def test_keys_are_for_their_owner_alone(tmp_path: Path) -> None:
    node_programs(STAGE, SHIPPED, tmp_path)
    keys = list(tmp_path.glob("*.key"))
    assert len(keys) == 4
    assert {stat.S_IMODE(key.stat().st_mode) for key in keys} == {0o600}


def test_the_programs_are_the_probes_and_then_the_dns_node(tmp_path: Path) -> None:
    programs = node_programs(STAGE, SHIPPED, tmp_path)
    assert [program.name for program in programs] == ["probe-us", "probe-eu", "probe-ap", "ns1"]
    assert programs[0].arguments == ("-m", "gtm", "probe", "--config", str(tmp_path / "probe-us.yaml"))
    assert programs[-1].arguments == ("-m", "gtm", "serve", "--config", str(tmp_path / "ns1.yaml"))


def test_a_region_is_run_in_the_mode_asked_for() -> None:
    run = region_program(STAGE.regions[1]).in_mode(Mode.SLOW)
    assert run.name == "region-eu-west"
    assert run.arguments[2:] == ("--listen", "127.0.0.12:8080", "--name", "eu-west", "--mode", "slow")


def test_a_region_answers_once_somebody_listens_at_its_address() -> None:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        listen = parse_listen(f"127.0.0.1:{sock.getsockname()[1]}")
        region = region_program(replace(STAGE.regions[0], listen=listen))

        async def story() -> None:
            assert not await region.answers()
            sock.listen()
            assert await region.answers()

        asyncio.run(story())
