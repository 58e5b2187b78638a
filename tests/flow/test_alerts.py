"""Every series that a shipped alert looks at is there on a real node, before anything has happened to it."""

import ssl
import urllib.request
from pathlib import Path

import pytest
import yaml
from prometheus_client.parser import text_string_to_metric_families as parse

from gtm.tls.peers import TlsFiles, client_tls
from tests.fakes.asking import is_answering
from tests.fakes.certificates import DAY, Authority
from tests.fakes.cluster import (
    ADMIN_PORT,
    EU_WEST,
    NAME,
    START_LIMIT_S,
    Cluster,
    Machine,
    loopback_address,
    within,
)
from tests.test_house.alerting import rules

pytestmark = [pytest.mark.slow, pytest.mark.timeout(120)]

RULES = rules((Path(__file__).parents[2] / "docs" / "guides" / "alerts.yaml").read_text(encoding="utf-8"))
WANTED = frozenset(name for rule in RULES for name in rule.metrics)


def shown(node: Machine, context: ssl.SSLContext) -> set[str]:
    """The names of the series that a node exposes."""
    with urllib.request.urlopen(f"https://{node.admin}/metrics", timeout=10, context=context) as answer:
        text = answer.read().decode()
    return {sample.name for metric in parse(text) for sample in metric.samples}


def test_a_fresh_node_exposes_what_the_alerts_look_at(cluster: Cluster, tmp_path: Path) -> None:
    node, authority = Machine("ns1", loopback_address()), Authority(tmp_path)
    certificate = authority.issue(node.address, ends=90 * DAY)
    cluster.write_zone({EU_WEST: node.address})
    cluster.write_nodes([node])
    of_itself = f"{{type: https, port: {ADMIN_PORT}, path: /livez, interval: 500ms, tls: {{ca: ours}}}}"
    edit(cluster.zone_file, monitors={"api": yaml.safe_load(of_itself)})
    listen = yaml.safe_load(cluster.node_file(node).read_text(encoding="utf-8"))["listen"]
    edit(cluster.node_file(node), listen=listen | {"tls": {"certificate": str(certificate)}})
    cluster.permit(node, authorities={"ours": str(authority.root)}, allow=[f"{node.address}:{ADMIN_PORT}"])
    cluster.start_node(node)
    within(START_LIMIT_S, lambda: is_answering(node.address, name=NAME))

    context = client_tls(TlsFiles(ca=authority.root))
    within(START_LIMIT_S, lambda: "gtm_endpoint_certificate_expiry_timestamp_seconds" in shown(node, context))
    assert WANTED - shown(node, context) - ABSENT == set()


ABSENT = frozenset(
    {"gtm_reports_refused_total", "gtm_peer_key_wrong", "gtm_peer_clock_offset_seconds", "gtm_endpoint_local"}
)
"""Where there are no peers, nobody's reports are refused, and no peer has a key or a clock, or another view."""


def edit(file: Path, **keys: object) -> None:
    """Says something else in a file of YAML."""
    read = yaml.safe_load(file.read_text(encoding="utf-8"))
    file.write_text(yaml.safe_dump(read | keys, sort_keys=False), encoding="utf-8")
