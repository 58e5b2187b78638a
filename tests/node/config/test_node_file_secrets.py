"""What is wrong with a node file is told to many, and is told without what may be a secret."""

from pathlib import Path

import pytest

from gtm.errors import NodeInvalid
from gtm.node.config.parse import parse_node_file

HIDDEN = "sk.live-9f8a7b6c"


@pytest.mark.parametrize(
    "place",
    [
        "probe: {{secrets: {}}}",
        "probe: {{secrets: {{API: {}}}}}",
        "probe: {{secrets: {{API: {{file: [{}]}}}}}}",
        "probe: {{secrets: {{API: {{env: {}}}}}}}",
        "probe: {{certificates: {{API: {}}}}}",
        "probe: {{certificates: {{API: {{certificate: [{}]}}}}}}",
        "overrides: {{tokens: {}}}",
        "overrides: {{tokens: {{deploy: {}}}}}",
        "overrides: {{tokens: {{deploy: {{file: [{}]}}}}}}",
        "share: {{etcd: {}}}",
        "share: {{mode: etcd, etcd: {{endpoints: [{}]}}}}",
        "share: {{mode: etcd, etcd: {{endpoints: {}}}}}",
        "share: {{mode: etcd, etcd: {{endpoints: ['http://e:1'], prefix: {}}}}}",
        "share: {{key: [{}]}}",
        "share: {{tls: {}}}",
        "listen: {{tls: {{key: [{}]}}}}",
        "telemetry: {}",
        "telemetry: {{otlp: {}}}",
        "telemetry: {{otlp: 'http://c:1/?key={}'}}",
    ],
)
@pytest.mark.parametrize("secret", [HIDDEN, "12345678901", f"{{{HIDDEN}}}", f"*{HIDDEN}", f'"{HIDDEN}\\0"', HIDDEN * 9])
def test_no_message_repeats_what_may_be_a_secret(place: str, secret: str) -> None:
    with pytest.raises(NodeInvalid) as raised:
        parse_node_file(place.format(secret), "gtm.yaml", Path("/etc/gtm"), "h")
    assert "live" not in str(raised.value)
    assert "234567" not in str(raised.value)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("listen: {admin: 'http://ann:hunter2@ns1:8053'}", "1:17: "),
        ("share: {key: k, peers: [{node: a, url: 'http://ann:hunter2@[::1', key: k}]}", 'not "http://...@[::1"'),
        ("share: {key: k, peers: [{node: a, url: 'http://" + "ann:hunter2" * 9 + "@a b', key: k}]}", "//...@a b"),
        ("zones: ['http://ann:hunter2@zones']", "1:8: "),
    ],
)
def test_no_message_repeats_an_address_with_a_password(text: str, words: str) -> None:
    with pytest.raises(NodeInvalid) as raised:
        parse_node_file(text, "gtm.yaml", Path("/etc/gtm"), "h")
    assert words in str(raised.value)
    assert "hunter2" not in str(raised.value)
