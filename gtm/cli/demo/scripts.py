"""Scripts: the stage -> the programs to run, with the node files and keys they read, written into one folder.

What a node is told here, an operator would write by hand: the nodes know of no demo.
"""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import yaml

from gtm.cli.demo.child import ChildProgram
from gtm.cli.demo.mode import Mode
from gtm.cli.demo.stage import Stage, StageNode, ToyRegion
from gtm.cli.demo.supervisor import RegionProgram
from gtm.health.report.signature import PublicKey
from gtm.ids import NodeName
from gtm.share.keys import generate_key, save_key

CONNECT_LIMIT_S = 1.0

VOTERS = 2
"""Of three vantages: one may die and regions are still judged; one alone judges nobody."""


@dataclass(frozen=True, slots=True)
class Shipped:
    """The folders that the nodes serve from."""

    zones: Path
    geodata: Path


def node_programs(stage: Stage, shipped: Shipped, folder: Path) -> tuple[ChildProgram, ...]:
    """Writes the node files and keys into a folder; returns the probes and, last, the DNS node."""
    nodes = (*stage.probes, stage.server)
    keys = {node.name: _write_key(folder / f"{node.name}.key") for node in nodes}
    for node in nodes:
        (folder / f"{node.name}.yaml").write_text(node_file(stage, node, keys, shipped, folder), encoding="utf-8")
    verbs = {node.name: "serve" if node is stage.server else "probe" for node in nodes}
    return tuple(
        ChildProgram(node.name, ("-m", "gtm", verbs[node.name], "--config", str(folder / f"{node.name}.yaml")))
        for node in nodes
    )


def node_file(stage: Stage, node: StageNode, keys: Mapping[NodeName, PublicKey], shipped: Shipped, folder: Path) -> str:
    """Returns the node file of one node: every node hears the probes, and each probe relays what it heard."""
    serves = node is stage.server
    listen = {"admin": str(node.admin)}
    return yaml.safe_dump(
        {
            "node": str(node.name),
            "at": [node.at.latitude, node.at.longitude],
            "vantage": str(node.vantage),
            "roles": ["dns", "admin"] if serves else ["probe", "admin"],
            "zones": str(shipped.zones),
            "state": str(folder / f"{node.name}.state"),
            "listen": {"dns": [str(stage.dns)], **listen} if serves else listen,
            "geo": {"databases": [str(shipped.geodata / "regions.mmdb")]},
            "share": {
                "mode": "mesh",
                "key": str(folder / f"{node.name}.key"),
                "peers": [
                    {
                        "node": str(peer.name),
                        "vantage": str(peer.vantage),
                        "at": [peer.at.latitude, peer.at.longitude],
                        "url": peer.url,
                        "key": str(keys[peer.name]),
                    }
                    for peer in stage.probes
                    if peer is not node
                ],
            },
            "quorum": {"rule": "majority", "voters": VOTERS},
            # the regions are on loopback, where checks may not look unless it is said
            **({} if serves else {"probe": {"allow": [str(region.listen) for region in stage.regions]}}),
        },
        sort_keys=False,
    )


def region_program(region: ToyRegion) -> RegionProgram:
    """Returns the program of a toy region."""

    def in_mode(mode: Mode) -> ChildProgram:
        where = ("--listen", str(region.listen), "--name", region.name)
        return ChildProgram(f"region-{region.name}", ("-m", "gtm.cli.demo.region", *where, "--mode", mode.value))

    async def answers() -> bool:
        try:
            async with asyncio.timeout(CONNECT_LIMIT_S):
                _, writer = await asyncio.open_connection(str(region.listen.address), region.listen.port)
        except OSError:  # TimeoutError is one
            return False
        writer.close()
        return True

    return RegionProgram(region.name, in_mode, answers)


def _write_key(path: Path) -> PublicKey:
    key = generate_key()
    save_key(path, key)
    return key.public
