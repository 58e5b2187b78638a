"""A zone author who wants to be the node's operator: what a zone file asks of a node that its own file does not give.

One process with all roles, which lists loopback for checks, and one secret and one program for another zone.
"""

from collections.abc import Callable

import pytest

from gtm.admin.client import fetch_status
from gtm.admin.views import NodeStatus
from gtm.errors import Unreachable
from tests.fakes.cluster import ADMIN_PORT, DNS_PORT, START_LIMIT_S, Cluster, Machine, Running, loopback_address, within

pytestmark = [pytest.mark.slow, pytest.mark.timeout(120)]

OVERRIDE = (
    r"POST /v1/overrides HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}"
)
ZONE = """\
zone: gtm.example.com
nameservers: [ns1.example.net]
hostmaster: hostmaster@example.com
regions: {here: {at: [50.11, 8.68]}}
monitors:
  admin: {type: tcp, port: ADMIN_PORT, send: "OVERRIDE", receive: HTTP, interval: 200ms, fall: 1}
  dns: {type: dns, port: DNS_PORT, name: gtm.example.com, interval: 200ms, fall: 1}
  metadata: {type: http, path: /latest/meta-data/, interval: 200ms, fall: 1}
  theirs: {type: http, port: 8081, headers: {Authorization: {secret: theirs}}, interval: 200ms, fall: 1}
  none: {type: http, port: 8081, headers: {Authorization: {secret: share}}, interval: 200ms, fall: 1}
  program: {type: exec, command: [/bin/sh, -c, "touch RAN"], interval: 200ms, fall: 1}
services:
  admin: {monitor: admin, steer: multivalue, endpoints: [{region: here, address: NODE}]}
  dns: {monitor: dns, steer: multivalue, endpoints: [{region: here, address: NODE}]}
  metadata: {monitor: metadata, steer: multivalue, endpoints: [{region: here, address: 169.254.169.254}]}
  theirs: {monitor: theirs, steer: multivalue, endpoints: [{region: here, address: NODE}]}
  none: {monitor: none, steer: multivalue, endpoints: [{region: here, address: NODE}]}
  program: {monitor: program, steer: multivalue, endpoints: [{region: here, address: NODE}]}
"""


@pytest.fixture
def node(cluster: Cluster) -> tuple[Machine, Running]:
    machine = Machine("ns1", loopback_address())
    cluster.write_zone({})
    zone = (
        ZONE.replace("ADMIN_PORT", f"{ADMIN_PORT}").replace("DNS_PORT", f"{DNS_PORT}").replace("NODE", machine.address)
    )
    cluster.zone_file.write_text(zone.replace("OVERRIDE", OVERRIDE).replace("RAN", f"{cluster.folder / 'ran'}"))
    cluster.write_nodes([machine])
    (cluster.folder / "theirs").write_text("hunter2")
    others = {"zones": ["other.example.com"]}
    cluster.permit(machine, secrets={"theirs": {"file": "theirs", **others}}, exec=[{"program": "/bin/sh", **others}])
    return machine, cluster.start_node(machine)


def status_once(machine: Machine, holds: Callable[[NodeStatus], bool]) -> NodeStatus:
    """The status, once it is as it should be."""
    found: list[NodeStatus] = []

    def is_there() -> bool:
        try:
            found.append(fetch_status(machine.admin))
        except Unreachable:
            return False
        return holds(found[-1])

    within(START_LIMIT_S, is_there)
    return found[-1]


def test_it_gets_nothing_that_the_node_file_does_not_list_and_everybody_is_told(
    node: tuple[Machine, Running], cluster: Cluster
) -> None:
    machine, running = node
    status = status_once(machine, lambda one: one.ready and len(one.withheld) == 6)
    at, unlisted = machine.address, "which nothing allows: `probe: {allow: [...]}` in the node file, or --allow, does"
    own = f"is a listener of this node itself, {unlisted}, with its port"
    assert {one.example.split("/")[1]: one.reason for one in status.withheld} == {
        "admin": f"{at} with port {ADMIN_PORT} {own}",
        "dns": f"{at} with port {DNS_PORT} {own}",
        "metadata": f"169.254.169.254 is a metadata service of a cloud provider, {unlisted}",
        "theirs": (
            'secret "theirs" is not for monitors of gtm.example.com: this node\'s file limits it to other zones'
        ),
        "none": 'this node has no secret "share": its file does not list it in probe.secrets',
        "program": "/bin/sh is not for monitors of gtm.example.com: this node's file limits it to other zones",
    }
    assert not (cluster.folder / "ran").exists()
    assert {endpoint.belief.value for service in status.services for endpoint in service.endpoints} == {"unknown"}
    assert status.overrides == ()
    assert not [series for series in status.counters if series.startswith("admin_requests_refused")]
    for withheld in status.withheld:
        assert running.said.count(f"probe {withheld.example}: cannot check: {withheld.reason}") == 1
