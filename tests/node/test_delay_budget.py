from pathlib import Path

from gtm.checks.model import Check, checks
from gtm.node.config.parse import parse_node_file
from gtm.node.delay_budget import delays_of
from gtm.share.keys import generate_key
from tests.fakes import world
from tests.node.present import SMALL

CHECKS: tuple[Check, ...] = checks((world.zone(SMALL),))


def poll_s(node_file: str) -> float:
    return delays_of(parse_node_file(node_file, "gtm.yaml", Path(), "ns1"), CHECKS).poll_s


def test_a_node_on_its_own_polls_nobody() -> None:
    assert poll_s("node: ns1\n") == 0.0


def test_the_reports_of_peers_are_polled_or_come_through_etcd() -> None:
    key = generate_key().public
    mesh = f'share: {{key: k, peers: [{{node: p, url: "http://192.0.2.7:8053", key: "{key}"}}]}}\n'
    etcd = f'{{mode: etcd, key: k, peers: [{{node: p, key: "{key}"}}], etcd: {{endpoints: ["http://192.0.2.7:2379"]}}}}'
    assert poll_s(mesh) == 1.55
    assert poll_s(f"share: {etcd}\n") == 1.05


def test_reports_without_news_come_as_often_as_the_quickest_check() -> None:
    assert delays_of(parse_node_file("node: ns1\n", "gtm.yaml", Path(), "ns1"), CHECKS).beat_s == 5.0
