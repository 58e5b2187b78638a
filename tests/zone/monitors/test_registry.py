"""What a monitor of each kind is after the parser: keys of the zone file -> settings and port."""

import pytest

from gtm.zone.model import Monitor
from gtm.zone.monitors.addresses import Addresses
from gtm.zone.monitors.common import CommonKeys
from gtm.zone.monitors.kinds.calculated import CalculatedSettings, Combine
from gtm.zone.monitors.kinds.deny import DenySettings
from gtm.zone.monitors.kinds.dns import DnsSettings
from gtm.zone.monitors.kinds.exec import ExecSettings
from gtm.zone.monitors.kinds.grpc import GrpcSettings
from gtm.zone.monitors.kinds.http import HttpSettings, JsonExpectation
from gtm.zone.monitors.kinds.icmp import IcmpSettings
from gtm.zone.monitors.kinds.push import PushSettings
from gtm.zone.monitors.kinds.tcp import TcpSettings
from gtm.zone.monitors.registry import KINDS, MonitorType
from gtm.zone.monitors.schema import keys_of
from gtm.zone.monitors.settings import Secret, Settings, TlsSettings
from gtm.zone.parse import NO_SHARED, parse
from tests.fakes.vocabulary import FAKE_VOCABULARY

ZONE = """zone: gtm.example.com
nameservers: [ns1.example.net]
hostmaster: hostmaster@example.com
regions: {{here: {{}}}}
monitors:
  web: {{type: http}}
  it: {{{keys}}}
services:
  db: {{steer: weighted, endpoints: [{{region: here, address: 192.0.2.2}}]}}
  api: {{monitor: it, steer: weighted, endpoints: [{{region: here, address: 192.0.2.1}}]}}
"""


def monitor(keys: str) -> Monitor:
    found = parse(ZONE.format(keys=keys), "zone.yaml", NO_SHARED, FAKE_VOCABULARY).services[1].monitor
    assert found is not None
    return found


DENIED = ((401, 401), (403, 403))

_WITH_ADDRESSES = {
    "http": "type: http",
    "https": "type: https",
    "deny": "type: deny",
    "tcp": "type: tcp, port: 25",
    "icmp": "type: icmp",
    "dns": "type: dns, name: example.com",
    "grpc": "type: grpc",
    "exec": "type: exec, command: [/bin/true]",
}


@pytest.mark.parametrize("keys", _WITH_ADDRESSES.values(), ids=_WITH_ADDRESSES)
def test_every_kind_that_asks_says_which_addresses_of_a_target_have_to_pass(keys: str) -> None:
    assert monitor(keys).addresses is Addresses.NEXT
    for rule in Addresses:
        assert monitor(f"{keys}, addresses: {rule.value}").addresses is rule


def test_nobody_else_does() -> None:
    assert {kind.value for kind in MonitorType if "addresses" in KINDS[kind].own_keys} == set(_WITH_ADDRESSES)
    assert {kind.value for kind in MonitorType if kind.asks} == set(_WITH_ADDRESSES)


@pytest.mark.parametrize(
    ("keys", "port", "settings"),
    [
        ("type: http", 80, HttpSettings(secure=False)),
        ("type: https", 443, HttpSettings(secure=True)),
        ("type: deny", 443, DenySettings(HttpSettings(secure=True, statuses=DENIED))),
        ("type: deny, tls: false", 80, DenySettings(HttpSettings(secure=False, statuses=DENIED))),
        ("type: tcp, port: 25", 25, TcpSettings()),
        ("type: icmp", 0, IcmpSettings()),
        ("type: dns, name: example.com", 53, DnsSettings("example.com")),
        ("type: grpc", 443, GrpcSettings()),
        ("type: exec, command: [/bin/true]", 0, ExecSettings(("/bin/true",))),
        ("type: push, ttl: 30s, token: {secret: TOKEN}", 0, PushSettings(30.0, Secret("TOKEN"))),
        ("type: calculated, all: [web]", 0, CalculatedSettings(Combine.ALL, 0, ("web",))),
    ],
)
def test_a_kind_with_its_defaults(keys: str, port: int, settings: Settings) -> None:
    made = monitor(keys)
    assert (made.port, made.settings) == (port, settings)


@pytest.mark.parametrize(
    ("keys", "settings"),
    [
        (
            (
                "type: http, method: POST, path: /a, host: x.example., redirects: 3, response_time: 800ms, "
                'headers: {Authorization: {secret: TOKEN}, X-Key: {secret: key}, X-Plain: "a b"}'
            ),
            HttpSettings(
                secure=False,
                method="POST",
                path="/a",
                host="x.example",
                headers=(
                    ("Authorization", Secret("TOKEN")),
                    ("X-Key", Secret("key")),
                    ("X-Plain", "a b"),
                ),
                max_redirects=3,
                response_time_s=0.8,
            ),
        ),
        (
            (
                'type: http, expect: {status: [204, "300-399"], body: ok, body_regex: "a+", '
                'headers: {X-A: "", X-B: yes}, body_json: {status: ok, "checks[0].n": 1, a.b: true, c: 1.5, d: null, '
                '"[0].e": 2, "/f.g/0": 3, /h~1i: 4, a/b: 5, "": 6}}'
            ),
            HttpSettings(
                secure=False,
                statuses=((204, 204), (300, 399)),
                body="ok",
                body_regex="a+",
                body_json=(
                    JsonExpectation(("status",), "ok"),
                    JsonExpectation(("checks", 0, "n"), 1),
                    JsonExpectation(("a", "b"), equals=True),
                    JsonExpectation(("c",), 1.5),
                    JsonExpectation(("d",), None),
                    JsonExpectation((0, "e"), 2),
                    JsonExpectation("/f.g/0", 3),
                    JsonExpectation("/h~1i", 4),
                    JsonExpectation(("a/b",), 5),
                    JsonExpectation("", 6),
                ),
                expected_headers=(("X-A", ""), ("X-B", "yes")),
            ),
        ),
        (
            (
                'type: https, tls: {min_version: "1.3", min_days: 14, server_name: y.example., ca: internal, '
                "client_certificate: own}"
            ),
            HttpSettings(
                secure=True,
                tls=TlsSettings(
                    min_version="1.3",
                    min_days=14,
                    server_name="y.example",
                    client_certificate="own",
                    ca="internal",
                ),
            ),
        ),
        ("type: http, strict: true", HttpSettings(secure=False, strict=True)),
        ("type: deny, strict: true", DenySettings(HttpSettings(secure=True, statuses=DENIED, strict=True))),
        ("type: https, tls: {verify: false}", HttpSettings(secure=True, tls=TlsSettings(verify=False))),
        (
            'type: https, tls: {min_version: "1.0", ciphers: legacy}',
            HttpSettings(secure=True, tls=TlsSettings(min_version="1.0", takes_legacy_ciphers=True)),
        ),
        (
            "type: tcp, port: 25, tls: {strict: true, ciphers: modern, common_name: true}",
            TcpSettings(tls=TlsSettings(strict=True, takes_common_name=True)),
        ),
        (
            r'type: tcp, port: 25, send: "NOOP\r\n", receive: "250", tls: true',
            TcpSettings(b"NOOP\r\n", b"250", TlsSettings()),
        ),
        ("type: tcp, port: 25, tls: false", TcpSettings()),
        ("type: icmp, count: 3, size: 8", IcmpSettings(3, 8)),
        (
            (
                "type: dns, name: x.example, rtype: txt, transport: tcp, rcode: [NXDOMAIN, noerror], answers: [hello], "
                "recursion: true"
            ),
            DnsSettings("x.example", "TXT", "tcp", ("NXDOMAIN", "NOERROR"), ("hello",), recursion=True),
        ),
        (
            "type: grpc, service: shop.Orders, host: x.example, tls: {min_days: 3}",
            GrpcSettings("shop.Orders", "x.example", TlsSettings(min_days=3)),
        ),
        ("type: calculated, any: [web]", CalculatedSettings(Combine.ANY, 0, ("web",))),
        (
            "type: calculated, at_least: 1, of: [web, service DB.gtm.example.com.]",
            CalculatedSettings(Combine.AT_LEAST, 1, ("web",), ("db.gtm.example.com",)),
        ),
    ],
)
def test_a_kind_with_all_its_keys(keys: str, settings: Settings) -> None:
    assert monitor(keys).settings == settings


def test_every_kind_has_its_row_and_every_key_a_kind() -> None:
    assert set(KINDS) == set(MonitorType)
    assert keys_of("icmp")[:3] == ("type", "count", "size")
    assert "fall" in keys_of("icmp")
    assert "fall" not in keys_of("calculated")
    assert keys_of("htps") == ()


def test_a_key_of_several_kinds_is_the_same_in_all() -> None:
    classes = {kind.keys for kind in KINDS.values()}
    for key in {key for each in classes for key in each.model_fields}:
        fields = [repr(each.model_fields[key]) for each in classes if key in each.model_fields]
        assert len(set(fields)) == 1, key


def test_kinds_refuse_and_set_only_what_all_kinds_have() -> None:
    for kind in KINDS.values():
        assert {*kind.refused, *kind.defaults} <= set(CommonKeys.model_fields)
        assert {*kind.needed} <= kind.own_keys
        assert not kind.own_keys & set(CommonKeys.model_fields)
