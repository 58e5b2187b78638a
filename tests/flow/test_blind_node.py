"""A DNS node with one probe that it does not believe, then does, and then loses: who is told, and when it is ready."""

import urllib.error
import urllib.request

import pytest
import yaml

from gtm.share.keys import generate_key, save_key
from tests.fakes.asking import addresses, beliefs_of, is_answering, status_of
from tests.fakes.cluster import EU_WEST, START_LIMIT_S, Cluster, Machine, loopback_address, within

pytestmark = [pytest.mark.slow, pytest.mark.timeout(60)]


def readiness(node: Machine) -> tuple[int, str]:
    """The status of /readyz, and its line."""
    try:
        with urllib.request.urlopen(f"http://{node.admin}/readyz", timeout=5) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as refused:
        return refused.code, refused.read().decode()


READY = (200, "ready\n")
BLIND = (503, "not ready: it is blind: no vote of any probe counts here, and listen.readyz.when_blind says unready\n")


def scraped(node: Machine) -> list[str]:
    with urllib.request.urlopen(f"http://{node.admin}/metrics", timeout=5) as answer:
        return str(answer.read().decode()).splitlines()


def test_a_blind_node_is_unready_where_its_file_says_so_and_names_the_wrong_key(cluster: Cluster) -> None:
    node = Machine("ns1", loopback_address(), roles=("dns", "admin"))
    probe = Machine("probe-1", loopback_address(), vantage="fra", roles=("probe", "admin"))
    region = loopback_address()
    cluster.write_zone({EU_WEST: region})
    cluster.write_nodes([node, probe])
    file, right, other = cluster.node_file(node), cluster.folder / "probe-1.key", cluster.folder / "other.key"
    settings = yaml.safe_load(file.read_text(encoding="utf-8"))
    settings["listen"]["readyz"] = {"when_blind": "unready"}
    file.write_text(yaml.safe_dump(settings), encoding="utf-8")
    kept = right.read_bytes()
    save_key(other, generate_key())
    right.write_bytes(other.read_bytes())

    cluster.start_region(EU_WEST, region)
    served, wrong = cluster.start_node(node), cluster.start_node(probe)
    within(START_LIMIT_S, lambda: "peer probe-1 signs with the key ed25519:" in served.said)
    within(START_LIMIT_S, lambda: is_answering(node.address))
    assert readiness(node) == BLIND
    status = status_of(node.address)
    assert status is not None
    assert any(line.startswith("peer probe-1 signs with the key ") for line in status.problems)
    shown = scraped(node)
    assert 'gtm_peer_key_wrong{peer="probe-1"} 1.0' in shown
    assert 'gtm_probe_silent{probe="probe-1"} 1.0' in shown
    assert {"gtm_peers_expected 1.0", "gtm_peers_voting 0.0"} <= set(shown)

    wrong.kill()
    right.write_bytes(kept)
    mended = cluster.start_node(probe)
    within(START_LIMIT_S, lambda: beliefs_of(node.address) == {EU_WEST: "up"})
    assert readiness(node) == READY
    assert {'gtm_peer_key_wrong{peer="probe-1"} 0.0', "gtm_peers_voting 1.0"} <= set(scraped(node))

    mended.kill()
    within(START_LIMIT_S, lambda: readiness(node) == BLIND)
    assert addresses(node.address) == (region,), "it answers from what it knew"
