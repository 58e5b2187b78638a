import socket
from collections.abc import Iterator

import pytest

from gtm.admin.host_names import clean_name, is_among
from gtm.admin.origin import host_of, is_own
from tests.admin.served import BEARER, Served, serving
from tests.node.present import SMALL

NAMES = frozenset({"ns1.example.net", "*.probes.example.net"})
TELLING = [
    ("GET", "/v1/status"),
    ("HEAD", "/v1/status"),
    ("GET", "/v1/regions"),
    ("GET", "/v1/explain?name=api.gtm.example.com&client=10.2.0.1"),
    ("GET", "/v1/events"),
    ("GET", "/v1/overrides"),
    ("GET", "/metrics"),
    ("POST", "/v1/reload"),
    ("POST", "/v1/overrides"),
    ("OPTIONS", "/v1/status"),
    ("GET", "/v1/status/../status"),
    ("GET", "//v1/status"),
]
FOREIGN = ["evil.example", "evil.example:8053", "127.0.0.1.evil.example", "localhost.evil.example", "xns1.example.net"]
PAGE = {"Origin": "https://evil.example"}


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with serving(tmp_path_factory.mktemp("node"), a=SMALL) as served:
        served.names = NAMES
        yield served


@pytest.mark.parametrize("host", FOREIGN)
@pytest.mark.parametrize(("method", "path"), TELLING)
def test_a_page_that_takes_this_machine_for_its_own_hears_nothing(
    node: Served, method: str, path: str, host: str
) -> None:
    before = node.counters.count("zone_loads", outcome="clean")
    refused = node.ask(method, path, headers={"Host": host, **BEARER})
    assert refused.status == 421
    if method != "HEAD":
        assert str(refused.json["error"]).endswith("list the name in the node file, listen.hosts")
    assert [status for _path, status in node.refusals[-1:]] == [421]
    assert node.counters.count("zone_loads", outcome="clean") == before


@pytest.mark.parametrize(
    "headers",
    [
        PAGE,
        {"Origin": "null"},
        {"Origin": ""},
        {"Origin": "http://127.0.0.1:3000"},
        {"Origin": "http://127.0.0.1.evil.example"},
        {"Origin": "http://127.0.0.1@evil.example"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Sec-Fetch-Site": "something new"},
        {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "iframe"},
        {**PAGE, "Upgrade": "websocket", "Connection": "Upgrade", "Sec-WebSocket-Version": "13"},
    ],
)
@pytest.mark.parametrize(("method", "path"), [*TELLING, ("GET", "/v1/reports")])
def test_a_page_of_another_site_hears_nothing(node: Served, method: str, path: str, headers: dict[str, str]) -> None:
    before = node.counters.count("zone_loads", outcome="clean")
    refused = node.ask(method, path, headers={"Host": "127.0.0.1", **headers})
    assert refused.status == 403
    assert node.counters.count("zone_loads", outcome="clean") == before


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1",
        "127.0.0.1:8053",
        "192.0.2.7:80",
        "localhost",
        "LocalHost.:8053",
        "gtm.localhost",
        "[::1]",
        "[2001:DB8::1]:8053",
        "[fe80::1%eth0]:8053",
        "ns1.example.net",
        "NS1.example.NET.:8053",
        "iad.probes.example.net:",
    ],
)
def test_an_address_and_every_name_of_this_machine_will_do(node: Served, host: str) -> None:
    assert node.ask("GET", "/v1/regions", headers={"Host": host}).status == 200
    assert node.ask("GET", "/v1/regions", headers={"Host": host, "Sec-Fetch-Site": "same-origin"}).status == 200
    origin = {"Origin": f"http://{host.rstrip(':')}"}
    assert node.ask("POST", "/v1/reload", headers={"Host": host, **origin}).status == 200


def test_a_page_of_this_node_behind_a_proxy_with_tls_and_a_link_that_somebody_follows_are_heard(node: Served) -> None:
    own = {"Host": "ns1.example.net", "Origin": "https://ns1.example.net", "Sec-Fetch-Site": "same-origin"}
    link = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"}
    assert node.ask("GET", "/v1/regions", headers=own).status == 200
    assert node.ask("GET", "/v1/regions", headers=link).status == 200
    assert node.ask("POST", "/v1/reload", headers=link).status == 403


@pytest.mark.parametrize("host", [*FOREIGN, "127.0.0.1", "probe1.example:8053"])
def test_peers_and_what_looks_after_processes_may_ask_by_any_name(node: Served, host: str) -> None:
    for path in ("/livez", "/readyz", "/v1/reports"):
        assert node.ask("GET", path, headers={"Host": host}).status == 200
    assert node.ask("GET", "/livez", headers={"Host": host, **PAGE}).status == 200


def raw(node: Served, wire: str) -> bytes:
    with socket.create_connection(("127.0.0.1", node.port), timeout=10) as opened:
        opened.sendall(wire.encode())
        with opened.makefile("rb") as answer:
            return answer.readline().partition(b" ")[2][:3]


@pytest.mark.parametrize(
    ("wire", "status"),
    [
        ("GET http://evil.example/v1/status HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n", b"421"),
        ("GET http://127.0.0.1/v1/status HTTP/1.1\r\nHost: evil.example\r\n\r\n", b"421"),
        ("GET http://127.0.0.1/v1/status HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n", b"200"),
        ("GET /v1/status HTTP/1.1\r\nHost: 127.0.0.1\r\nHost: evil.example\r\n\r\n", b"400"),
        ("GET /v1/status HTTP/1.1\r\nHost: 127.0.0.1\r\nHost: 127.0.0.1\r\n\r\n", b"400"),
        ("GET /v1/status HTTP/1.1\r\nHost: a b\r\n\r\n", b"400"),
        ("GET /v1/status HTTP/1.1\r\nHost: user@127.0.0.1\r\n\r\n", b"400"),
        ("GET /v1/status HTTP/1.1\r\nHost:\r\n\r\n", b"400"),
        ("GET /v1/status HTTP/1.1\r\n\r\n", b"400"),
        ("GET /v1/status HTTP/1.0\r\n\r\n", b"200"),
        ("GET /v1/status HTTP/1.0\r\nHost: evil.example\r\n\r\n", b"421"),
    ],
)
def test_in_whatever_form_a_request_comes_every_host_in_it_counts(node: Served, wire: str, status: bytes) -> None:
    assert raw(node, wire) == status


@pytest.mark.parametrize(
    ("headers", "words"),
    [
        ({"Host": "::1"}, '"::1", in the Host field or the request target, is no HOST or HOST:PORT, such as'),
        ({"Host": "x", **PAGE}, 'the name "x" as its own'),
        ({"Host": "127.0.0.1", **PAGE}, '(Origin "https://evil.example", Host "127.0.0.1"): a program leaves'),
        ({"Host": "127.0.0.1", "Sec-Fetch-Site": "cross-site"}, "sent this (Sec-Fetch-Site): a program leaves"),
        ({"Host": "127.0.0.1", "Origin": "x" * 900}, f'(Origin "{"x" * 80}", Host "127.0.0.1"): a program leaves'),
    ],
)
def test_a_refusal_says_what_was_wrong_and_what_to_do(node: Served, headers: dict[str, str], words: str) -> None:
    assert words in str(node.ask("GET", "/v1/status", headers=headers).json["error"])


@pytest.mark.parametrize(
    ("authority", "host"),
    [
        ("Example.NET.:1", "example.net"),
        ("[::1]:1", "::1"),
        ("::1", None),
        ("[fe80::1%eth0]:8053", "fe80::1%eth0"),
        ("[fe80::1%25eth0]", "fe80::1%25eth0"),
        ("[fe80::1%]", None),
        ("[evil.example%eth0]", None),
        ("[::1", None),
        ("a:b", None),
        ("a:123456", None),
        ("", None),
        (".", None),
        ("a/b", None),
    ],
)
def test_a_host_is_read_out_of_an_authority(authority: str, host: str | None) -> None:
    assert host_of(authority) == host


@pytest.mark.parametrize("name", ["0x7f.1", "127.1", "2130706433", "1.2.3.4.5", "a.b.probes.example.net"])
def test_what_only_looks_like_an_address_is_a_name(name: str) -> None:
    assert not is_own(name, NAMES)


def test_a_star_is_one_label() -> None:
    assert is_among("iad.probes.example.net", NAMES)
    assert not is_among("probes.example.net", NAMES)
    assert not is_among(".probes.example.net", NAMES)
    assert [clean_name(one) for one in ("A.b.", " x ", "a b", "*", "a..b", "a." * 200)] == ["a.b", "x", "", "", "", ""]
