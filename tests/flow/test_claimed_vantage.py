"""One probe of three speaks for the vantage of another, and says that all is well: a region's death is noticed.

Each is a process; the liar's node file names another vantage, and its zone file has a check that is always good.
"""

import shutil
import time

import pytest
import yaml

from tests.fakes.cluster import AP_SOUTHEAST, EU_WEST, START_LIMIT_S, US_EAST, Cluster, gtm, within
from tests.fakes.stage import Stage, set_stage

pytestmark = [pytest.mark.slow, pytest.mark.timeout(180)]

LIAR, VICTIM = "probe-3", "vantage-1"
WELL = shutil.which("true")
FAILOVER_LIMIT_S = 10.0
"""Two readings at 500 ms, a poll and a merge, on a busy machine; what is frozen is so for 15 minutes."""


@pytest.mark.parametrize("is_listed", [True, False], ids=["listed", "claimed first"])
def test_a_failover_needs_no_more_than_the_two_that_are_honest(cluster: Cluster, *, is_listed: bool) -> None:
    stage = set_stage(cluster)
    if not is_listed:
        list_no_vantages(stage)
    have_it_lie(stage)
    within(START_LIMIT_S, lambda: any(refusal.reason == "vantage" for refusal in stage.status().refusals))

    died_at = stage.running[EU_WEST].kill()
    within(FAILOVER_LIMIT_S, lambda: stage.nearest()[EU_WEST] == US_EAST)
    assert time.monotonic() - died_at < FAILOVER_LIMIT_S
    # the last honest votes of the liar grow old, and nothing of what it says now takes their place
    within(START_LIMIT_S, lambda: stage.beliefs() == {US_EAST: "up", EU_WEST: "down", AP_SOUTHEAST: "up"})

    told = f"reports of {LIAR} do not count: {LIAR} speaks for the vantage {VICTIM}; "
    [problem] = [one for one in stage.status().problems if told in one]
    shown = gtm("status", "--admin", stage.server.admin).stdout
    assert f"problem: {problem}" in shown
    said = [line for line in stage.running["ns1"].said.splitlines() if "refused as vantage" in line]
    assert len(said) == 1, "whoever gives the lies along"
    assert "gtm.report.refused" in (cluster.folder / "ns1.state" / "events.jsonl").read_text()

    (cluster.folder / "lies" / "gtm.test.yaml").write_text(cluster.zone_file.read_text())
    rename(stage, VICTIM.replace("1", "3"))
    within(START_LIMIT_S, lambda: not any(told in one for one in stage.status().problems))


def list_no_vantages(stage: Stage) -> None:
    """Has the DNS node start again without a vantage in its list, but with what was claimed before."""
    state = stage.cluster.folder / "ns1.state" / "claims.json"
    within(START_LIMIT_S, lambda: state.exists() and state.read_text().count("vantage-") == 3)
    file = stage.cluster.node_file(stage.server)
    node = yaml.safe_load(file.read_text())
    for peer in node["share"]["peers"]:
        del peer["vantage"]
    file.write_text(yaml.safe_dump(node))
    assert stage.running["ns1"].stop() == 0
    stage.start_node(stage.server)
    stage.wait_for(dict.fromkeys(stage.addresses, "up"))
    assert "share.peers lists no vantage for probe-1, probe-2, probe-3" in stage.running["ns1"].said


def have_it_lie(stage: Stage) -> None:
    """Has the liar find that all is well, and speak for the vantage of another."""
    lies = stage.cluster.folder / "lies"
    lies.mkdir()
    text = stage.cluster.zone_file.read_text()
    assert "{type: http, port: 8081, path: /healthz, " in text
    text = text.replace("{type: http, port: 8081, path: /healthz, ", f"{{type: exec, command: [{WELL}], ")
    (lies / "gtm.test.yaml").write_text(text)
    rename(stage, VICTIM)


def rename(stage: Stage, vantage: str) -> None:
    """Has the liar start again with a vantage."""
    [liar] = [machine for machine in stage.probes if machine.name == LIAR]
    stage.running[LIAR].kill()
    file = stage.cluster.node_file(liar)
    node = yaml.safe_load(file.read_text())
    more = {"vantage": vantage, "zones": "lies", "probe": {**node["probe"], "exec": [WELL]}}
    file.write_text(yaml.safe_dump({**node, **more}))
    stage.start_node(liar)
