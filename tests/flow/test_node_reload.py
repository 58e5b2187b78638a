"""A node file changes under a running node: real processes, SIGHUP and `gtm reload`.

It takes peers, tokens and permits without a restart, names what needs one, and a file with mistakes changes nothing.
"""

import signal
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml

from gtm.admin.client import fetch_status
from gtm.admin.views import NodeStatus
from tests.fakes.cluster import (
    EU_WEST,
    START_LIMIT_S,
    Cluster,
    Machine,
    Running,
    gtm,
    loopback_address,
    within,
)

pytestmark = [pytest.mark.slow, pytest.mark.timeout(120)]

LIMIT_S = 10.0
TOKEN = "token-of-the-deploy-job"


@dataclass(slots=True)
class Stage:
    """Two nodes; the first does not list the second yet."""

    cluster: Cluster
    machine: Machine
    running: Running

    @property
    def file(self) -> Path:
        return self.cluster.node_file(self.machine)

    @property
    def settings(self) -> dict[str, dict[str, object]]:
        found = yaml.safe_load(self.file.read_text())
        assert isinstance(found, dict)
        return found

    def write(self, settings: object) -> None:
        self.file.write_text(yaml.safe_dump(settings, sort_keys=False))

    def reload(self) -> list[str]:
        ran = gtm("reload", "--config", str(self.file))
        return (ran.stdout + ran.stderr).splitlines()

    @property
    def status(self) -> NodeStatus:
        return fetch_status(self.machine.admin)


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    machines = [Machine(name, loopback_address(), vantage=name) for name in ("one", "two", "three")]
    with Cluster(tmp_path) as cluster:
        cluster.write_zone({EU_WEST: "127.0.0.9"})
        cluster.write_nodes(machines)
        made = Stage(cluster, machines[0], cluster.start_node(machines[0]))
        cluster.start_node(machines[1])
        within(START_LIMIT_S, lambda: "serves on" in made.running.said)
        yield made


def test_it_takes_what_it_can_and_names_the_rest(stage: Stage) -> None:
    before = stage.settings
    assert within(LIMIT_S, lambda: "two" in {probe.node for probe in stage.status.probes}) < LIMIT_S
    fewer = stage.settings
    fewer["share"]["peers"] = [peer for peer in _peers(fewer) if peer["node"] == "three"]
    fewer["overrides"] = {"tokens": {"deploy": {"file": "token"}}}
    fewer["listen"]["dns"] = ["127.0.0.1:1"]
    (stage.cluster.folder / "token").write_text(TOKEN)
    stage.write(fewer)
    assert stage.reload()[:2] == [
        "node file: taken: share.peers (removed two); overrides.accept_from; overrides.tokens, overrides.certificates",
        "node file: needs a restart: listen.dns",
    ]
    within(LIMIT_S, lambda: {probe.node for probe in stage.status.probes} == {"one"})
    said = ("drain", EU_WEST, "--why", "a test")
    by_token = ("--admin", stage.machine.admin, "--token-file", str(stage.cluster.folder / "token"))
    assert "token" not in gtm(*said, *by_token).stderr, "it is let in"
    stage.write(before)
    stage.running.process.send_signal(signal.SIGHUP)
    within(LIMIT_S, lambda: "two" in {probe.node for probe in stage.status.probes})
    assert "token is wrong" in gtm(*said, *by_token).stderr
    assert stage.running.running


def test_checks_go_by_the_permits_of_the_newest_file(stage: Stage) -> None:
    assert stage.status.withheld == ()
    stage.cluster.permit(stage.machine, allow=[])
    assert stage.reload()[0] == "node file: taken: probe"
    within(LIMIT_S, lambda: bool(stage.status.withheld))
    stage.cluster.permit(stage.machine, allow=["127.0.0.0/8"])
    stage.running.process.send_signal(signal.SIGHUP)
    within(LIMIT_S, lambda: not stage.status.withheld)


def test_a_mistake_changes_nothing_and_gtm_check_says_the_same(stage: Stage) -> None:
    before = stage.file.read_text()
    peers = {probe.node for probe in stage.status.probes}
    stage.file.write_text(before.replace("peers:", "piers:").replace("majority", "minority"))
    stage.running.process.send_signal(signal.SIGHUP)
    within(LIMIT_S, lambda: any("piers" in problem for problem in stage.status.problems))
    *told, aside = [line for line in stage.reload() if line.startswith(str(stage.file))]
    assert aside.startswith(told[0])
    assert aside.endswith("is asked all the same")
    assert len(told) == 2
    assert gtm("check", "--config", str(stage.file)).stderr.splitlines() == told
    assert peers <= {probe.node for probe in stage.status.probes}
    stage.file.write_text(before)
    stage.running.process.send_signal(signal.SIGHUP)
    within(LIMIT_S, lambda: not stage.status.problems)


def _peers(settings: dict[str, dict[str, object]]) -> list[dict[str, object]]:
    peers = settings["share"]["peers"]
    assert isinstance(peers, list)
    return peers
