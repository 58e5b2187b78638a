"""`gtm serve` where there is nothing: no node file, no zones, no geo data of one's own."""

import signal
import socket

import dns.query
import pytest

from gtm.admin.client import fetch_explanation, fetch_status
from tests.fakes.asking import ANSWER_LIMIT_S, ask, is_answering, question
from tests.fakes.cluster import ADMIN_PORT, CLIENTS, DNS_PORT, START_LIMIT_S, Cluster, Running, loopback_address, within

pytestmark = [pytest.mark.slow, pytest.mark.timeout(120)]

NAME = "api.gtm.example.com"
SHIPPED_ENDPOINTS = {"127.0.0.11", "127.0.0.12", "127.0.0.13"}
"""The regions of the demo; whether one runs on this machine is not ours to say."""


def serve(cluster: Cluster, *options: str) -> Running:
    """Starts `gtm serve` in an empty folder, its imports included."""
    cluster.cold = True
    folder = cluster.folder / "empty"
    folder.mkdir()
    return cluster.start("serve", ("-m", "gtm", "serve", *options), folder=folder)


def free_port(address: str) -> int:
    """Returns a port that nobody has at an address that is not this process's alone."""
    with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as taken:
        taken.bind((address, 0))
        port: int = taken.getsockname()[1]
        return port


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=lambda number: number.name)
def test_it_serves_what_was_shipped_and_ends_cleanly(cluster: Cluster, number: signal.Signals) -> None:
    address = loopback_address()
    admin = f"{address}:{ADMIN_PORT}"
    node = serve(cluster, "--listen", f"{address}:{DNS_PORT}", "--admin", admin, "--allow", "127.0.0.0/8")
    within(START_LIMIT_S, lambda: is_answering(address, name=NAME))
    for client in (*CLIENTS.values(), None):
        found = ask(address, client, name=NAME).answer
        assert {rdata.to_text() for rrset in found for rdata in rrset} < SHIPPED_ENDPOINTS

    status = fetch_status(admin)
    assert status.ready
    assert status.problems == status.geo_problems == ()
    assert status.withheld == ()
    assert [zone.zone for zone in status.zones] == ["gtm.example.com"]
    located = fetch_explanation(admin, {"name": NAME, "client": "81.2.69.160"}).located
    assert located.place.country == "GB"

    assert node.stop(number) == 0, node.said
    assert "Traceback" not in node.said
    assert node.said.splitlines()[-1].endswith("stopped")
    # all that it leaves is its state
    left = {each.relative_to(cluster.folder / "empty").as_posix() for each in (cluster.folder / "empty").rglob("*")}
    befores = {f".gtm/{name}.json.before" for name in ("state", "status", "verdicts")}
    assert left - befores - {".gtm/verdicts.json"} == {
        ".gtm",
        ".gtm/events.jsonl",
        ".gtm/plan-decisions.bin",
        ".gtm/plan-names.bin",
        ".gtm/lock",
        ".gtm/state.json",
        ".gtm/status.json",
        ".gtm/zones.json",
    }


def test_it_listens_on_ipv6_too(cluster: Cluster) -> None:
    address, port = loopback_address(), free_port("::1")
    node = serve(
        cluster, "--listen", f"{address}:{DNS_PORT}", "--listen", f"[::1]:{port}", "--admin", f"{address}:{ADMIN_PORT}"
    )
    within(START_LIMIT_S, lambda: is_answering("::1", name=NAME, port=port))
    assert is_answering(address, name=NAME)
    assert dns.query.tcp(question(None, NAME), "::1", port=port, timeout=ANSWER_LIMIT_S).answer
    assert f"[::1]:{port}" in node.said
    assert len(fetch_status(f"{address}:{ADMIN_PORT}").withheld) == 3, "no endpoint on loopback is checked unasked"
    assert node.stop(signal.SIGINT) == 0
