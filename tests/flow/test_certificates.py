"""What certificates, handshakes and secrets of endpoints come to, from the servers to the answers: a node of its own.

Every service has two endpoints, a good one and one whose TLS is bad in one way. The bad ones go down, each with its
reason, and nobody is sent to them. What an endpoint is told in secret is seen nowhere else.
"""

import http.client
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import timedelta
from pathlib import Path

import pytest

from gtm.admin.client import fetch_status
from gtm.admin.views import EndpointView
from gtm.errors import Unreachable
from gtm.health.belief import Belief
from gtm.health.verdict.reading import Reason
from tests.fakes.asking import addresses_in, ask
from tests.fakes.certificates import DAY, Authority
from tests.fakes.cluster import START_LIMIT_S, Cluster, Machine, loopback_address, within
from tests.fakes.openssl import openssl_server

pytestmark = [pytest.mark.slow, pytest.mark.timeout(120), pytest.mark.tool("openssl")]

NAME = "api.example.com"
PORT = 8443
SECRET = "s3cret-of-the-probe"

OLD = ("-cipher", "ALL:@SECLEVEL=0")
BAD = {
    "expired": Reason.CERT_EXPIRED,
    "early": Reason.CERT_EARLY,
    "selfsigned": Reason.CERT_SELF_SIGNED,
    "name": Reason.CERT_NAME,
    "stranger": Reason.CERT_UNTRUSTED,
    "expiring": Reason.CERT_EXPIRING,
    "tls10": Reason.TLS_VERSION,
    "tls11": Reason.TLS_VERSION,
    "client": Reason.TLS_CLIENT,
}

ZONE = """\
zone: gtm.test
nameservers: [ns1.example.net]
hostmaster: hostmaster@gtm.test
regions: {here: {at: [50.11, 8.68]}}
monitors:
  web: {type: https, host: api.example.com, port: 8443, interval: 200ms, fall: 2, rise: 1, tls: {ca: ours, min_days: 2}}
  secret:
    {type: https, host: api.example.com, port: 8443, path: /, interval: 200ms, fall: 2, rise: 1, tls: {ca: ours},
    headers: {Authorization: {secret: token}}, expect: {status: [200], body: never}}
services:
"""


@pytest.fixture
def places(tmp_path: Path) -> Iterator[dict[str, str]]:
    """The address of every server, by what is bad about it; they run until the end of the test."""
    (tmp_path / "stranger").mkdir()
    root, stranger, later = Authority(tmp_path), Authority(tmp_path / "stranger"), 30 * DAY
    good, asks = root.issue(NAME, ends=later), ("-Verify", "1", "-verify_return_error", "-CAfile", str(root.root))
    servers: dict[str, tuple[Path, tuple[str, ...]]] = {
        "good": (good, ()),
        "expired": (root.issue(NAME, starts=-2 * DAY, ends=timedelta(hours=-1)), ()),
        "early": (root.issue(NAME, starts=DAY, ends=2 * DAY), ()),
        "selfsigned": (root.issue(NAME, self_signed=True, ends=later), ()),
        "name": (root.issue("www.example.net", ends=later), ()),
        "stranger": (stranger.issue(NAME, ends=later), ()),
        "expiring": (root.issue(NAME, ends=DAY), ()),
        "tls10": (good, ("-tls1", *OLD)),
        "tls11": (good, ("-tls1_1", *OLD)),
        "client": (good, ("-tls1_3", *asks)),
    }
    with ExitStack() as running:
        found = {}
        for name, (certificate, options) in servers.items():
            found[name] = loopback_address()
            running.enter_context(openssl_server(certificate, *options, at=f"{found[name]}:{PORT}"))
        yield found


@pytest.fixture
def node(cluster: Cluster, places: dict[str, str]) -> Machine:
    machine = Machine("ns1", loopback_address())
    cluster.write_zone({})
    (cluster.folder / "token").write_text(SECRET)
    services = [
        f"  {name}: {{monitor: web, steer: multivalue, endpoints: [{{region: here, address: {places['good']}}}, "
        f"{{region: here, address: {places[name]}}}]}}\n"
        for name in BAD
    ]
    told = f"  told: {{monitor: secret, steer: multivalue, endpoints: [{{region: here, address: {places['good']}}}]}}\n"
    cluster.zone_file.write_text("".join([ZONE, *services, told]))
    cluster.write_nodes([machine])
    cluster.permit(machine, authorities={"ours": "root.pem"}, secrets={"token": {"file": "token"}})
    cluster.start_node(machine)
    return machine


def endpoints(node: Machine) -> dict[str, tuple[EndpointView, ...]]:
    """The endpoints of each service."""
    try:
        found = fetch_status(node.admin).services
    except Unreachable:
        return {}
    return {one.service.partition(".")[0]: one.endpoints for one in found}


def seen_at(node: Machine) -> str:
    """Everything that the admin API shows."""
    pages = []
    for page in ("/v1/status", "/v1/regions", "/v1/reports", "/v1/events", "/metrics"):
        connection = http.client.HTTPConnection(node.admin, timeout=10)
        connection.request("GET", page)
        answer = connection.getresponse()
        assert answer.status == 200
        pages.append(answer.read().decode())
        connection.close()
    return "\n".join(pages)


def test_bad_tls_takes_an_endpoint_down_with_its_reason_and_out_of_the_answers(
    node: Machine, places: dict[str, str]
) -> None:
    def is_known() -> bool:
        found = [one for name, both in endpoints(node).items() if name in BAD for one in both]
        return bool(found) and all(one.belief is not Belief.UNKNOWN for one in found)

    within(START_LIMIT_S, is_known)
    found = endpoints(node)
    for name, reason in BAD.items():
        by_address = {one.endpoint.partition("/")[2]: (one.belief, one.reason) for one in found[name]}
        assert by_address == {places["good"]: (Belief.UP, Reason.OK), places[name]: (Belief.DOWN, reason)}, name
        answer = ask(node.address, None, name=f"{name}.gtm.test")
        assert addresses_in(answer) == (places["good"],), name


def test_what_an_endpoint_is_told_is_seen_nowhere(node: Machine, cluster: Cluster) -> None:
    within(START_LIMIT_S, lambda: any(one.belief is Belief.DOWN for one in endpoints(node).get("told", ())))
    (told,) = endpoints(node)["told"]
    assert told.reason is Reason.BODY, "it was asked, and with the secret"
    assert SECRET not in seen_at(node)
    for file in cluster.folder.rglob("*"):
        if file.is_file() and file.name != "token":
            assert SECRET.encode() not in file.read_bytes(), file
