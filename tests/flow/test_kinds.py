"""Kinds of monitors that need something of a node: heartbeats, programs, and what is calculated from both.

One process with all roles. A service that is pushed for, one that a program looks at, and one that waits for the first
and is looked at by the same program.
"""

import json
import urllib.error
import urllib.request
from pathlib import Path

import pytest

from gtm.admin.client import fetch_status
from gtm.admin.views import EndpointView
from gtm.errors import Unreachable
from tests.fakes.cluster import IMPATIENT, START_LIMIT_S, Cluster, Machine, loopback_address, within

pytestmark = [pytest.mark.slow, pytest.mark.timeout(120)]

TOKEN = "hunter2"
ZONE = """\
zone: gtm.example.com
nameservers: [ns1.example.net]
hostmaster: hostmaster@example.com
regions: {here: {at: [50.11, 8.68]}}
monitors:
  beat: {type: push, ttl: 2s, token: {secret: beat}, interval: 200ms, rise: 1, failback_delay: 0s}
  script: {type: exec, command: [FOLDER/check, "{address}"], interval: 200ms, fall: 1, rise: 1, IMPATIENT}
  whole: {type: calculated, all: [script, service batch.gtm.example.com]}
services:
  batch: {monitor: beat, steer: weighted, endpoints: [{region: here, address: 127.0.0.9}]}
  program: {monitor: script, steer: weighted, endpoints: [{region: here, address: 127.0.0.10}]}
  api: {monitor: whole, steer: weighted, endpoints: [{region: here, address: 127.0.0.10}]}
"""


def push(node: Machine, body: str = "", *, token: str = TOKEN) -> int:
    """Posts a heartbeat of the service `batch`; gives the status."""
    url = f"http://{node.admin}/v1/push/gtm.example.com/beat/127.0.0.9"
    request = urllib.request.Request(url, body.encode(), {"Authorization": f"Bearer {token}"}, method="POST")
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:
            status: int = answer.status
    except urllib.error.HTTPError as error:
        with error:
            status = error.code
    return status


def endpoints(node: Machine) -> dict[str, EndpointView]:
    """The endpoint of each service."""
    try:
        found = fetch_status(node.admin).services
    except Unreachable:
        return {}
    return {one.service.partition(".")[0]: one.endpoints[0] for one in found}


def beliefs(node: Machine) -> dict[str, str]:
    return {name: one.belief.value for name, one in endpoints(node).items()}


@pytest.fixture
def node(cluster: Cluster) -> Machine:
    machine = Machine("ns1", loopback_address())
    folder = cluster.folder
    cluster.write_zone({})
    cluster.zone_file.write_text(ZONE.replace("FOLDER", str(folder)).replace("IMPATIENT", IMPATIENT))
    (folder / "token").write_text(TOKEN)
    (folder / "code").write_text("0")
    (folder / "check").write_text(f'#!/bin/sh\necho "looked at $1"; exit "$(cat {folder}/code)"\n')
    (folder / "check").chmod(0o755)
    cluster.write_nodes([machine])
    cluster.permit(machine, exec=[str(folder / "check")], secrets={"beat": {"file": "token"}})
    cluster.start_node(machine)
    return machine


def test_heartbeats_programs_and_what_is_calculated_from_them(node: Machine, cluster: Cluster) -> None:
    code: Path = cluster.folder / "code"

    def is_well() -> bool:
        push(node)
        return beliefs(node) == {"batch": "up", "program": "up", "api": "up"}

    within(START_LIMIT_S, lambda: beliefs(node) == {"batch": "unknown", "program": "up", "api": "unknown"})

    assert push(node, token="guessed") == 401
    assert push(node, "null") == 400
    assert beliefs(node)["batch"] == "unknown"
    assert push(node) == 204
    within(START_LIMIT_S, is_well)

    within(START_LIMIT_S, lambda: beliefs(node) == {"batch": "down", "program": "up", "api": "down"})
    found = endpoints(node)
    assert found["batch"].detail == "no heartbeat for more than 2 s"
    assert found["api"].detail == "1 of 2 up, and 2 needed; down: batch.gtm.example.com"

    def is_told(detail: str) -> bool:
        push(node, json.dumps({"ok": False, "detail": detail}))
        return endpoints(node)["batch"].detail == detail

    within(START_LIMIT_S, lambda: is_told("draining"))

    within(START_LIMIT_S, is_well)
    (code.parent / "next").write_text("3")
    (code.parent / "next").replace(code)  # the program may read it just then

    def is_bad() -> bool:
        push(node)
        return beliefs(node) == {"batch": "up", "program": "down", "api": "down"}

    within(START_LIMIT_S, is_bad)
    assert endpoints(node)["program"].detail == "exit 3: looked at 127.0.0.10"
    counters = fetch_status(node.admin).counters
    assert counters['heartbeats_refused{reason="bad_token"}'] == 1
    assert counters['heartbeats_refused{reason="malformed"}'] == 1
