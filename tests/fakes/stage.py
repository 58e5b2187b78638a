"""The usual stage: three toy regions, a probe near each, and a DNS node that believes the majority of them.

What comes in: an empty cluster. What goes out: everything started, and ways to wait until the DNS node sees it so.
"""

from dataclasses import dataclass

from gtm.admin.views import NodeStatus
from tests.fakes.asking import addresses, beliefs_of, is_answering, status_of
from tests.fakes.cluster import (
    CLIENTS,
    REGIONS,
    START_LIMIT_S,
    Cluster,
    Machine,
    Running,
    loopback_address,
    within,
)

VOTERS = 2
"""Of three vantages: one may die, two may not."""


@dataclass(slots=True)
class Stage:
    """Three regions, three probes, one DNS node. Its state is which processes run now."""

    cluster: Cluster
    server: Machine
    probes: tuple[Machine, ...]
    addresses: dict[str, str]
    """Of each region."""
    running: dict[str, Running]
    """By the name of the region or node."""

    def start_region(self, name: str) -> None:
        """Starts a region, or starts it again."""
        self.running[name] = self.cluster.start_region(name, self.addresses[name])

    def start_node(self, machine: Machine) -> None:
        """Starts a node, or starts it again."""
        self.running[machine.name] = self.cluster.start_node(machine)

    def status(self) -> NodeStatus:
        """Returns everything that the DNS node says of itself."""
        status = status_of(self.server.address)
        assert status is not None, "the DNS node does not answer"
        return status

    def beliefs(self) -> dict[str, str]:
        """Returns what the DNS node believes of each region."""
        return beliefs_of(self.server.address)

    def wait_for(self, beliefs: dict[str, str]) -> float:
        """Returns the seconds until the DNS node believes this of the regions named."""
        return within(START_LIMIT_S, lambda: beliefs.items() <= self.beliefs().items())

    def nearest(self) -> dict[str, str]:
        """Returns the region that the client of each region is sent to now."""
        regions = {address: name for name, address in self.addresses.items()}
        answers = {name: addresses(self.server.address, client) for name, client in CLIENTS.items()}
        return {name: ", ".join(regions[address] for address in found) for name, found in answers.items()}


def set_stage(cluster: Cluster) -> Stage:
    """Returns a stage where everything runs and every region is believed up."""
    server = Machine("ns1", loopback_address(), roles=("dns", "admin"))
    probes = tuple(
        Machine(f"probe-{number}", loopback_address(), vantage=f"vantage-{number}", roles=("probe", "admin"))
        for number in (1, 2, 3)
    )
    stage = Stage(cluster, server, probes, {name: loopback_address() for name in REGIONS}, {})
    cluster.write_zone(stage.addresses)
    cluster.write_nodes((server, *probes), voters=VOTERS)
    for name in REGIONS:
        stage.start_region(name)
    for machine in (*probes, server):
        stage.start_node(machine)
    stage.wait_for(dict.fromkeys(REGIONS, "up"))
    within(START_LIMIT_S, lambda: is_answering(server.address))
    return stage
