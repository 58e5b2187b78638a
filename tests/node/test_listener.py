from pathlib import Path

import pytest

from gtm.node.config.parse import parse_node_file
from gtm.node.listener import own_names, warning_of_plain_http


@pytest.mark.parametrize(
    ("listen", "is_warned"),
    [
        ("admin: '0.0.0.0:8053'", True),
        ("admin: '[::]:8053'", True),
        ("admin: '192.0.2.7:8053'", True),
        ("admin: '192.0.2.7:8053', plain: warn", True),
        ("admin: '192.0.2.7:8053', plain: ok", False),
        ("admin: '192.0.2.7:8053', tls: {certificate: a.pem}", False),
        ("admin: '127.0.0.1:8053'", False),
        ("admin: '[::1]:8053'", False),
    ],
)
def test_a_listener_that_is_open_in_plain_http_is_warned_of(listen: str, *, is_warned: bool) -> None:
    words = warning_of_plain_http(parse_node_file(f"listen: {{{listen}}}", "gtm.yaml", Path(), "h"))
    assert bool(words) is is_warned
    assert not words or ("listen.tls" in words and "listen.plain: ok" in words)


def test_a_machine_is_called_by_its_names_those_of_the_file_and_those_it_shows() -> None:
    text = "node: NS1\nlisten: {hosts: [Gtm.Example.NET, '*.probes.example.net']}\n"
    names = own_names(parse_node_file(text, "gtm.yaml", Path(), "h"), "Fra-7.example.org.", ["shown.example.com"])
    assert names == {
        "ns1",
        "fra-7",
        "fra-7.example.org",
        "gtm.example.net",
        "*.probes.example.net",
        "shown.example.com",
    }
    assert own_names(parse_node_file("node: x", "gtm.yaml", Path(), "h"), "no host name!", []) == {"x"}
