"""Two probes in Frankfurt cannot see us-east any more, all others can: clients near Frankfurt are moved, and no others.

The probes run a program that says what their own network would: it looks which node has started it.
"""

import stat
from pathlib import Path

import pytest
import yaml

from gtm.admin.client import fetch_explanation
from tests.fakes.asking import addresses, beliefs_of, is_answering, status_of
from tests.fakes.cluster import (
    CLIENTS,
    EU_WEST,
    REGIONS,
    START_LIMIT_S,
    US_EAST,
    ZONE,
    Cluster,
    Machine,
    loopback_address,
    within,
)

pytestmark = [pytest.mark.slow, pytest.mark.timeout(180)]

VANTAGES = {"fra": (50.11, 8.68), "iad": (38.95, -77.45), "sin": (1.35, 103.82)}
PROBES = ("fra-1", "fra-2", "iad-1", "sin-1")
FIRST, SECOND = "192.0.2.10", "192.0.2.20"
"""Nobody connects to them."""

LOOK = """\
#!/bin/sh
case "$(readlink /proc/$PPID/fd/2)" in
*/fra-[12].log) test ! -e "{folder}/cut-$1" ;;
*) test ! -e "{folder}/dead-$1" ;;
esac
"""

ZONE_FILE = """\
zone: {zone}
ttl: 60
nameservers: [ns1.{zone}]
hostmaster: hostmaster@{zone}
regions:
  us-east: {{at: [38.95, -77.45]}}
  eu-west: {{at: [53.35, -6.26]}}
monitors:
  look:
    type: exec
    command: [{program}, "{{address}}"]
    interval: 500ms
    fall: 2
    rise: 2
    failback_delay: 0s
    damping: false
services:
  api:
    ttl: 5
    monitor: look
    steer: failover
    endpoints:
      - {{region: us-east, address: {first}}}
      - {{region: eu-west, address: {second}}}
records:
  ns1: {{A: 192.0.2.53}}
"""


def write_program(folder: Path) -> Path:
    program = folder / "look"
    program.write_text(LOOK.format(folder=folder))
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    return program


def start(cluster: Cluster) -> Machine:
    """Starts a DNS node and four probes of three vantages, each of which says where it is; returns the DNS node."""
    program = write_program(cluster.folder)
    cluster.write_zone(dict.fromkeys(REGIONS, FIRST))  # for the geo database; the zone is another
    text = ZONE_FILE.format(zone=ZONE, program=program, first=FIRST, second=SECOND)
    cluster.zone_file.write_text(text)
    server = Machine("ns1", loopback_address(), vantage="ns1", roles=("dns", "admin"))
    probes = [Machine(name, loopback_address(), vantage=name[:3], roles=("probe", "admin")) for name in PROBES]
    cluster.write_nodes((server, *probes))
    for machine in probes:
        file = cluster.node_file(machine)
        more = {"at": list(VANTAGES[machine.vantage]), "probe": {"exec": [str(program)]}}
        file.write_text(yaml.safe_dump(yaml.safe_load(file.read_text()) | more))
    for machine in (*probes, server):
        cluster.start_node(machine)
    return server


def answers(server: Machine) -> dict[str, tuple[str, ...]]:
    return {name: tuple(addresses(server.address, client)) for name, client in CLIENTS.items()}


def test_only_the_clients_near_the_vantage_that_cannot_see_it_are_moved(cluster: Cluster) -> None:
    server = start(cluster)
    within(START_LIMIT_S, lambda: is_answering(server.address))
    within(START_LIMIT_S, lambda: beliefs_of(server.address) == {US_EAST: "up", EU_WEST: "up"})
    within(START_LIMIT_S, lambda: (status := status_of(server.address)) is not None and len(status.vantages) == 3)
    everywhere = dict.fromkeys(CLIENTS, (FIRST,))
    assert answers(server) == everywhere

    (cluster.folder / f"cut-{FIRST}").touch()
    within(START_LIMIT_S, lambda: answers(server) == everywhere | {EU_WEST: (SECOND,)})
    assert beliefs_of(server.address) == {US_EAST: "up", EU_WEST: "up"}, "it is up for the world"
    question = {"name": f"api.{ZONE}", "type": "A", "client": CLIENTS[EU_WEST]}
    explained = fetch_explanation(server.admin, question)
    assert explained.steered is not None
    assert explained.steered.local == ((f"{US_EAST}/{FIRST}", "down as seen from fra"),)

    (cluster.folder / f"cut-{FIRST}").unlink()
    within(START_LIMIT_S, lambda: answers(server) == everywhere)
