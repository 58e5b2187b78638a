import string
from ipaddress import IPv4Address, IPv6Address
from pathlib import Path

import pytest
from dns.name import from_text
from dns.rdatatype import RdataType
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gtm.checks.model import checks
from gtm.config.document import plain
from gtm.config.reader import parse_document
from gtm.errors import ZoneInvalid
from gtm.geo.place import Coordinates
from gtm.zone.grammar import ZONE_FILE
from gtm.zone.model import Endpoint, Monitor, OnAllDown, Region, Service, Zone
from gtm.zone.monitors.kinds.http import HttpSettings
from gtm.zone.monitors.registry import MonitorType
from gtm.zone.parse import NO_SHARED, Shared, parse, parse_shared
from gtm.zone.steering import FilterSpec, Steer
from tests.fakes.vocabulary import FAKE_VOCABULARY, PRESETS

ROOT = Path(__file__).parents[2]
GOOD = sorted((ROOT / "tests/data/zones/good").glob("*.yaml"))

HEAD = """
zone: example.com
nameservers: [ns.example.net]
hostmaster: hostmaster@example.com
"""


def zone(text: str, shared: Shared = NO_SHARED) -> Zone:
    return parse(text, "zone.yaml", shared, FAKE_VOCABULARY)


def complaints(text: str, shared: Shared = NO_SHARED) -> list[str]:
    with pytest.raises(ZoneInvalid) as raised:
        zone(text, shared)
    return [f"{problem.line}:{problem.column}: {problem.message}" for problem in raised.value.problems]


def every_key() -> Zone:
    return zone((ROOT / "tests/data/zones/good/every-key.yaml").read_text())


def service(name: str) -> Service:
    return next(each for each in every_key().services if each.id == name)


@pytest.mark.parametrize("path", GOOD, ids=[path.stem for path in GOOD])
def test_a_good_file_parses(path: Path) -> None:
    assert zone(path.read_text()).services is not None


def test_the_head_of_a_zone() -> None:
    parsed = every_key()
    assert parsed.file == "zone.yaml"
    assert parsed.origin == from_text("gtm.example.com.")
    assert parsed.ttl == 300
    assert parsed.nameservers == (from_text("ns1.gtm.example.com."), from_text("ns.example.net."))
    assert parsed.hostmaster.to_text() == r"dns\.admin.example.com."


def test_regions_keep_the_order_of_the_file() -> None:
    assert every_key().regions == (
        Region("us-east", Coordinates(38.95, -77.45), "US", "NA", 10),  # type: ignore[arg-type]
        Region("no-oslo", Coordinates(59.91, 10.75), "NO", "", -99),  # type: ignore[arg-type]
        Region("eu-west"),  # type: ignore[arg-type]
    )


def test_a_region_that_no_service_uses_is_left_out() -> None:
    text = HEAD + "regions: {a: {}, b: {}}\n"
    text += "services: {s: {steer: weighted, endpoints: [{region: b, address: 192.0.2.1}]}}\n"
    assert [region.name for region in zone(text).regions] == ["b"]


def test_a_monitor_with_every_key() -> None:
    assert service("gtm.example.com").monitor == Monitor(
        scope="gtm.example.com",
        name="web",  # type: ignore[arg-type]
        type=MonitorType.HTTPS,
        port=8443,
        settings=HttpSettings(
            secure=True,
            path="/healthz?deep=1",
            host="api.example.com",
            statuses=((200, 200), (204, 204), (301, 302), (418, 418)),
            body='"status":"ok"',
        ),
        interval_s=10.0,
        timeout_s=1.5,
        fall=2,
        rise=4,
        window=(3, 8),
        recheck_s=0.5,
        failback_delay_s=120.0,
        damping=False,
    )


def test_a_monitor_with_its_defaults() -> None:
    monitor = service("api.gtm.example.com").monitor
    assert monitor == Monitor("gtm.example.com", "plain", MonitorType.HTTP, 80)  # type: ignore[arg-type]
    assert monitor is not None
    assert monitor.settings == HttpSettings(secure=False, statuses=((200, 299),))


def test_what_changes_a_mind_follows_from_fall_and_the_interval_where_it_is_left_out() -> None:
    quick = service("db.gtm.example.com").monitor
    assert quick is not None
    assert (quick.window, quick.recheck_s, quick.failback_delay_s, quick.damping) == ((6, 10), 0.5, 60.0, True)


def test_the_default_timeout_is_never_longer_than_the_interval() -> None:
    monitor = service("db.gtm.example.com").monitor
    assert monitor is not None
    assert (monitor.interval_s, monitor.timeout_s) == (0.5, 0.5)


def test_a_service_with_its_endpoints() -> None:
    api = service("api.gtm.example.com")
    assert api.ttl == 30
    assert api.on_all_down is OnAllDown.LAST_RESORT
    assert api.steer == Steer((FilterSpec("up"), FilterSpec("priority"), FilterSpec("first", 2)))
    assert api.endpoints == (
        Endpoint("eu-west", IPv4Address("192.0.2.30"), 255, 7),  # type: ignore[arg-type]
        Endpoint("us-east", IPv4Address("192.0.2.10"), 1, 2),  # type: ignore[arg-type]
        Endpoint("no-oslo", IPv4Address("192.0.2.20"), 1, 3, last_resort=True),  # type: ignore[arg-type]
    )


def test_priority_is_the_rank_of_the_region_among_the_endpoints() -> None:
    apex = service("gtm.example.com")
    assert [endpoint.priority for endpoint in apex.endpoints] == [1, 1, 2]
    assert apex.endpoints[1].answer == IPv6Address("2001:db8:1::10")


def test_a_preset_is_its_chain_and_keeps_its_name() -> None:
    assert service("gtm.example.com").steer == Steer(PRESETS["nearest"], "nearest")


def test_a_target_without_a_final_dot_is_in_the_zone() -> None:
    cdn = service("cdn.gtm.example.com")
    assert [endpoint.target for endpoint in cdn.endpoints] == ["cdn.example.net", "www.gtm.example.com"]
    assert {endpoint.rtype for endpoint in cdn.endpoints} == {RdataType.CNAME}


def test_a_service_takes_the_ttl_of_the_zone() -> None:
    cdn = service("cdn.gtm.example.com")
    assert (cdn.ttl, cdn.ttl_min, cdn.ttl_degraded) == (300, None, None)


def test_a_ttl_may_follow_health_or_be_shorter_while_not_all_is_well() -> None:
    db, api = service("db.gtm.example.com"), service("api.gtm.example.com")
    assert (db.ttl, db.ttl_min, db.ttl_degraded) == (300, 20, None)
    assert (api.ttl, api.ttl_min, api.ttl_degraded) == (30, None, 7)


def test_records_become_wire_format_in_the_order_of_the_file() -> None:
    records = {(rrset.name.to_text(), rrset.rtype.name): rrset for rrset in every_key().records if rrset.rtype < 60000}
    assert records["gtm.example.com.", "TXT"].rdatas == (b"\x0bv=spf1 -all", b"\x03two\x07strings")
    assert records["gtm.example.com.", "MX"].ttl == 3600
    assert records["mx1.gtm.example.com.", "A"].rdatas == (b"\xc0\x00\x02\x19", b"\xc0\x00\x02\x1a")
    assert records["www.gtm.example.com.", "CNAME"].ttl == 0
    assert records["_sip._tcp.gtm.example.com.", "SRV"].ttl == 300
    assert next(iter(records)) == ("gtm.example.com.", "TXT")


def test_names_may_be_absolute_wild_and_escaped() -> None:
    names = [rrset.name.to_text() for rrset in every_key().records]
    assert "*.wild.gtm.example.com." in names
    assert r"odd\.label.gtm.example.com." in names
    assert "absolute.gtm.example.com." in names


def test_the_digest_is_of_the_text() -> None:
    assert zone(HEAD).digest == zone(HEAD).digest
    assert zone(HEAD).digest != zone(HEAD + "# a comment\n").digest


SHARED = """
regions:
  eu-west: {at: [53.35, -6.26]}
  us-east: {at: [38.95, -77.45]}
monitors:
  web: {type: http}
  other: {type: http}
"""
USES = f"""{HEAD}
regions: {{own: {{}}}}
services:
  api:
    monitor: web
    steer: weighted
    endpoints: [{{region: eu-west, address: 192.0.2.1}}, {{region: own, address: 192.0.2.2}}]
"""


def test_shared_definitions_can_be_used() -> None:
    parsed = zone(USES, parse_shared(SHARED, "_shared.yaml"))
    assert [region.name for region in parsed.regions] == ["own", "eu-west"]
    monitor = parsed.services[0].monitor
    assert monitor is not None
    assert monitor.scope == "_shared"
    assert [check.id for check in checks((parsed,))] == ["_shared/web/192.0.2.1", "_shared/web/192.0.2.2"]


def test_a_zones_own_definition_wins_over_the_shared_one() -> None:
    own = USES.replace("own: {}", "own: {}, eu-west: {country: IE}").replace(
        "services:", "monitors: {web: {type: https}}\nservices:"
    )
    parsed = zone(own, parse_shared(SHARED, "_shared.yaml"))
    assert [(region.name, region.country) for region in parsed.regions] == [("own", ""), ("eu-west", "IE")]
    monitor = parsed.services[0].monitor
    assert monitor is not None
    assert (monitor.scope, monitor.port) == ("example.com", 443)


def test_the_digest_covers_the_shared_definitions_that_are_used_and_no_others() -> None:
    def digest(old: str, new: str) -> str:
        return zone(USES, parse_shared(SHARED.replace(old, new), "_shared.yaml")).digest

    before = digest("", "")
    assert digest("53.35", "53.36") != before
    assert digest("web: {type: http}", "web: {type: http, port: 81}") != before
    assert digest("38.95", "38.96") == before
    assert digest("other: {type: http}", "other: {type: https}") == before


def test_the_shared_file_says_all_its_mistakes() -> None:
    with pytest.raises(ZoneInvalid) as raised:
        parse_shared("zone: example.com\nregions: {a: {bias: 100}}\nmonitors: {m: {type: udp}}\n", "_shared.yaml")
    assert str(raised.value).splitlines() == [
        '_shared.yaml:1:1: unknown key "zone"; the shared file has regions, monitors',
        "_shared.yaml:2:21: must be -99 to 99, not 100",
        (
            '_shared.yaml:3:22: unknown monitor type "udp"; known: calculated, deny, dns, exec, grpc, http, https, '
            "icmp, push, tcp"
        ),
    ]


def test_a_definition_with_a_mistake_is_told_once_and_its_users_are_not() -> None:
    text = USES.replace("own: {}", "own: {bias: 100}, eu-west: {}").replace(
        "services:", "monitors: {web: {type: tcp}}\nservices:"
    )
    assert complaints(text) == [
        "6:23: must be -99 to 99, not 100",
        '7:17: missing key "port": a tcp monitor has no default one',
    ]


def test_what_one_mistake_hides_is_not_told_as_another() -> None:
    text = f"{HEAD}records:\n  sub: {{NS: ns.sub}}\n  ns.sub: {{A: 192.0.2.999}}\n".replace(
        "ns.example.net", "ns.example.com"
    )
    text += "  ns: {A: 1.2.3}\n"
    assert [complaint.split(":")[0] for complaint in complaints(text)] == ["7", "8"]


def test_mistakes_of_the_head_do_not_hide_those_of_records() -> None:
    text = "zone: example.com\nnameservers: [a b]\nrecords:\n  www: {A: x}\n"
    assert complaints(text) == [
        '1:1: missing key "hostmaster": a zone needs one',
        '2:15: "a b" is not a name: it has a space',
        '4:12: "x" is not an A record; one looks like 192.0.2.1',
    ]


def leaves(value: object, path: tuple[int | str, ...] = ()) -> list[tuple[int | str, ...]]:
    if isinstance(value, dict):
        return [path, *(leaf for key, each in value.items() for leaf in leaves(each, (*path, key)))]
    if isinstance(value, list):
        return [path, *(leaf for index, each in enumerate(value) for leaf in leaves(each, (*path, index)))]
    return [path]


def is_zone_or_invalid(text: str) -> bool:
    try:
        return bool(zone(text).digest)
    except ZoneInvalid as invalid:
        return bool(invalid.problems)


EVERY_KEY = (ROOT / "tests/data/zones/good/every-key.yaml").read_text()
SCALARS = st.sampled_from(
    ["", "1", "-1", "true", "[]", "{}", "x", "5s", "[x]", "{a: b}", "'@'", "'*'", "a..b", "@@", "''"]
)


@pytest.mark.slow
@given(st.integers(0, EVERY_KEY.count("\n")), st.integers(0, 80), SCALARS)
@settings(suppress_health_check=[HealthCheck.too_slow], max_examples=150)
def test_a_file_with_something_replaced_is_a_zone_or_invalid(line: int, column: int, text: str) -> None:
    lines = EVERY_KEY.splitlines()
    if line < len(lines):
        head, colon, _ = lines[line][: column + 1].rpartition(":")
        lines[line] = f"{head}{colon} {text}"
    assert is_zone_or_invalid("\n".join(lines))


PATHS = leaves(plain(parse_document(EVERY_KEY, "zone.yaml", ZONE_FILE).root))


def dump(value: object) -> str:
    """Writes values as flow YAML, all text in quotes."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{dump(str(key))}: {dump(each)}" for key, each in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(dump(each) for each in value) + "]"
    if isinstance(value, str):
        return "'" + value.replace("'", "''") + "'"
    return {"None": "null", "True": "true", "False": "false"}.get(str(value), str(value))


@pytest.mark.slow
@given(
    st.sampled_from(PATHS[1:]),
    st.one_of(st.none(), st.booleans(), st.integers(), st.text(string.printable, max_size=9)),
)
@settings(suppress_health_check=[HealthCheck.too_slow], max_examples=150)
def test_any_value_anywhere_is_a_zone_or_invalid(path: tuple[int | str, ...], value: object) -> None:
    values: object = plain(parse_document(EVERY_KEY, "zone.yaml", ZONE_FILE).root)
    inner = values
    for step in path[:-1]:
        assert isinstance(inner, dict | list)
        inner = inner[step]  # type: ignore[index]
    assert isinstance(inner, dict | list)
    inner[path[-1]] = value  # type: ignore[index]
    assert is_zone_or_invalid(dump(values))


@pytest.mark.parametrize("name", ["_shared", "_SHARED.", "'_sh\\097red'"])
def test_no_zone_is_called_as_the_scope_of_the_shared_file(name: str) -> None:
    assert "is not the name of a zone" in complaints(HEAD.replace("example.com\nname", f"{name}\nname", 1))[0]
