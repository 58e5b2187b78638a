"""What others wrote, through every exit of a real node: its log, its API, its metrics, and every command about it."""

import json
import os
import re
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest

from tests.fakes.asking import is_answering
from tests.fakes.cluster import EU_WEST, NAME, START_LIMIT_S, Cluster, Machine, gtm, loopback_address, within
from tests.fakes.text import HOSTILE, harm

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

TYPED = r"\e]0;x\a\n2026-01-01 ERROR forged\u202E"
"""The same in quotes of YAML."""
KEYS = f'''\
"{TYPED}": 1
monitors: {{web: {{type: http, "{TYPED}": 1, headers: {{"{TYPED}": x}}}}}}
regions: {{"{TYPED}": {{at: [1, 2]}}}}
services: {{"{TYPED}": {{steer: "{TYPED}", endpoints: [{{region: "{TYPED}", target: "{TYPED}"}}]}}}}
records: {{a: {{TXT: "{TYPED}", "{TYPED}": x}}}}
'''
ONE_LINE = r"\e]0;x\a\u202E"
GOOD = "zone: odd.test\nnameservers: [ns1.odd.test]\nhostmaster: h@odd.test\nrecords: {ns1: {A: 192.0.2.53}}\n"
TARGET = "weird.gtm.test"


def get(node: Machine, path: str) -> str:
    with urllib.request.urlopen(f"http://{node.admin}{path}", timeout=START_LIMIT_S) as answer:
        return str(answer.read().decode())


@pytest.fixture
def node(cluster: Cluster) -> Machine:
    """A node that can start, though the name of one of its files is no text."""
    machine = Machine("ns1", loopback_address())
    cluster.write_zone({EU_WEST: loopback_address()}, more=f'  weird: {{TXT: "{ONE_LINE}"}}\n')
    cluster.write_nodes([machine])
    odd_file(cluster, b"good \xff.yaml").write_text(GOOD)
    return machine


def write_hostile_files(cluster: Cluster) -> None:
    (cluster.zones / "keys.yaml").write_text(KEYS)
    (cluster.zones / f"{HOSTILE}.yaml").write_text("zone: [")
    odd_file(cluster, b"\xff\xfe.yaml").write_text("a: b\n")


def odd_file(cluster: Cluster, name: bytes) -> Path:
    """A file whose name is no text."""
    return Path(os.fsdecode(os.fsencode(cluster.zones) + b"/" + name))


def test_no_exit_of_a_node_shows_what_does_not_print(cluster: Cluster, node: Machine) -> None:
    running = cluster.start_node(node)
    config = ("--config", str(cluster.node_file(node)))
    within(START_LIMIT_S, lambda: is_answering(node.address))
    write_hostile_files(cluster)
    within(START_LIMIT_S, lambda: "forged" in running.said)
    said = gtm("down", EU_WEST, "--why", HOSTILE, "--by", HOSTILE[:20], *config)
    assert said.returncode == 1
    assert "why: holds characters that do not print" in said.stderr
    commands = [
        ("check", str(cluster.zones)),
        ("check", *config),
        ("status", *config),
        ("explain", NAME, "--client", "192.0.2.1", *config),
        ("explain", TARGET, "--type", "TXT", "--client", "192.0.2.1", *config),
        ("events", *config),
        ("overrides", *config),
        ("reload", *config),
        ("bound", HOSTILE, *config),
        ("drain", HOSTILE, "--why", "x", *config),
        ("check", HOSTILE),
        ("status", "--admin", HOSTILE),
    ]
    for command in commands:
        for more in ((), ("--json",)) if command[0] in {"status", "events", "overrides", "explain"} else ((),):
            ran = gtm(*command, *more)
            assert "Traceback" not in ran.stderr, command
            assert harm(ran.stdout) == [], command
            assert harm(ran.stderr) == [], command
            if more and ran.returncode == 0:
                assert (
                    [json.loads(line) for line in ran.stdout.splitlines()]
                    if command[0] == "events"
                    else json.loads(ran.stdout)
                )
    assert "forged" in gtm("check", *config).stdout
    assert "forged" in gtm("status", *config).stdout
    for path in ("/v1/status", "/v1/regions", "/v1/events", "/v1/overrides", "/metrics"):
        assert harm(get(node, path)) == [], path
    problems = json.loads(get(node, "/v1/status"))["problems"]
    assert any(HOSTILE in problem for problem in problems), "JSON says what was there"
    assert any(r"\udcff\udcfe.yaml" in problem for problem in problems)
    assert running.stop() == 0
    assert "forged" in running.said
    assert harm(running.said) == []
    assert all(re.match(r"\d{4}-\d\d-\d\dT| {4}", line) for line in running.said.splitlines())


def test_a_start_that_fails_prints_its_problems(cluster: Cluster, node: Machine) -> None:
    for good in cluster.zones.iterdir():
        good.unlink()
    write_hostile_files(cluster)
    ran = gtm("serve", "--config", str(cluster.node_file(node)))
    assert ran.returncode == 1
    assert "forged" in ran.stderr
    assert harm(ran.stderr) == []


def test_a_person_at_a_terminal_is_shown_nothing_else(cluster: Cluster, node: Machine) -> None:
    for good in cluster.zones.iterdir():
        good.unlink()
    write_hostile_files(cluster)
    ran = subprocess.run(
        ["script", "-qec", f"{sys.executable} -m gtm check --config {cluster.node_file(node)}", "/dev/null"],
        capture_output=True,
        check=False,
        timeout=START_LIMIT_S,
    )
    shown = ran.stdout.decode().replace("\r\n", "\n")
    assert "forged" in shown
    assert harm(shown) == []
