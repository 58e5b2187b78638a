import pytest

from gtm.errors import ZoneInvalid
from gtm.zone.parse import NO_SHARED, parse
from tests.fakes.vocabulary import FAKE_VOCABULARY

HEAD = """zone: example.com
nameservers: [ns.example.net]
hostmaster: hostmaster@example.com
regions: {one: {}}
"""
SERVICES = """services:
  api: {steer: weighted, endpoints: [{region: one, address: 192.0.2.1}]}
  alias: {steer: weighted, endpoints: [{region: one, target: lb.example.net.}]}
  mixed: {steer: weighted, endpoints: [{region: one, target: lb.example.net.}, {region: one, address: 192.0.2.1}]}
"""


def problems(records: str, head: str = HEAD) -> list[str]:
    text = head + ("records:\n" + "".join(f"  {line}\n" for line in records.splitlines()) if records else "")
    try:
        parse(text, "zone.yaml", NO_SHARED, FAKE_VOCABULARY)
    except ZoneInvalid as invalid:
        return [problem.message for problem in invalid.problems]
    return []


@pytest.mark.parametrize("rtype", ["A: 192.0.2.1", "AAAA: '2001:db8::1'", "CNAME: www"])
def test_a_service_owns_addresses_and_aliases_of_its_name(rtype: str) -> None:
    assert problems(f"api: {{{rtype}}}", HEAD + SERVICES) == [
        f'"api" is a service, which answers {rtype.split(":", maxsplit=1)[0]} itself'
    ]


def test_other_types_stand_beside_a_service_with_addresses() -> None:
    assert problems("api: {TXT: hello, HTTPS: 1 . alpn=h2}", HEAD + SERVICES) == []


@pytest.mark.parametrize("name", ["alias", "mixed", "ALIAS"])
def test_nothing_stands_beside_a_service_with_targets(name: str) -> None:
    assert problems(f"{name}: {{TXT: hello}}", HEAD + SERVICES) == [
        f'"{name.lower()}" is a service with targets, an alias; no other record can stand beside it'
    ]


def test_a_service_with_addresses_may_be_at_the_apex() -> None:
    assert problems("'@': {TXT: hello}", HEAD + SERVICES.replace("api:", "'@':")) == []


def test_a_service_with_targets_may_not() -> None:
    (message,) = problems("", HEAD + SERVICES.replace("alias:", "'@':"))
    assert "cannot have targets" in message


@pytest.mark.parametrize("other", ["A: 192.0.2.1", "TXT: x", "TYPE65280: \\# 0"])
def test_a_cname_stands_alone(other: str) -> None:
    (message,) = problems(f"www: {{CNAME: web, {other}}}")
    assert message == f"a CNAME stands alone, but www also has {other.split(':', maxsplit=1)[0]}"


def test_names_are_the_same_in_upper_and_lower_case() -> None:
    assert problems("www: {CNAME: web}\nWWW: {A: 192.0.2.1}") == [
        "a CNAME stands alone, but www also has A",
        '"WWW" is the same name as "www" on line 6',
    ]


def test_a_delegation_with_its_glue_and_ds_is_fine() -> None:
    digest = "ab" * 32
    assert (
        problems(
            f"sub: {{NS: [ns.sub, sub, ns.example.net.], DS: 1 13 2 {digest}, A: 192.0.2.1}}\nns.sub: {{A: 192.0.2.2}}"
        )
        == []
    )


def test_the_glue_of_one_delegation_may_be_below_another() -> None:
    assert problems("a: {NS: ns.b}\nb: {NS: ns.a}\nns.a: {A: 192.0.2.1}\nns.b: {AAAA: '2001:db8::1'}") == []


@pytest.mark.parametrize(
    "below", ["www.sub: {A: 192.0.2.1}", "ns.sub: {TXT: x}", "x.sub: {NS: ns.example.net.}", "'*.sub': {A: 192.0.2.1}"]
)
def test_only_glue_is_below_a_delegation(below: str) -> None:
    (message,) = problems(
        f"sub: {{NS: ns.sub}}\nns.sub: {{A: 192.0.2.1{', TXT: x' if 'TXT' in below else ''}}}"
        + ("" if "TXT" in below else f"\n{below}")
    )
    assert message == "this is below the delegation on line 6; only addresses of its nameservers can be here"


def test_a_service_is_not_in_what_a_delegation_gave_away() -> None:
    (message,) = problems("api: {NS: ns.example.net.}", HEAD + SERVICES)
    assert message == "this is in what the delegation on line 10 gave away"


def test_a_nameserver_in_the_zone_needs_an_address() -> None:
    inside = HEAD.replace("ns.example.net", "ns.example.com")
    assert problems("", inside) == ["this nameserver is in the zone and has no address; add the record ns: {A: ...}"]
    assert problems("ns: {AAAA: '2001:db8::53'}", inside) == []


def test_a_nameserver_may_be_a_service() -> None:
    assert problems("", HEAD.replace("ns.example.net", "api.example.com") + SERVICES) == []
    assert len(problems("", HEAD.replace("ns.example.net", "alias.example.com") + SERVICES)) == 1


def test_a_nameserver_may_not_be_an_alias() -> None:
    # RFC 2181 10.3
    assert len(problems("ns: {CNAME: www}\nwww: {A: 192.0.2.1}", HEAD.replace("ns.example.net", "ns.example.com"))) == 1


def test_a_nameserver_of_a_delegation_needs_glue() -> None:
    assert problems("sub: {NS: [ns.sub, ns.other]}") == [
        "this nameserver is in the zone and has no address; add the record ns.sub: {A: ...}",
        "this nameserver is in the zone and has no address; add the record ns.other: {A: ...}",
    ]


def test_a_loop_is_told_once() -> None:
    assert problems("a: {CNAME: b}\nb: {CNAME: a}\nc: {CNAME: a}") == ["these aliases form a loop: a -> b -> a"]


def test_an_alias_of_itself_is_a_loop() -> None:
    assert problems("a: {CNAME: a}") == ["these aliases form a loop: a -> a"]


def test_a_loop_may_go_through_a_service() -> None:
    services = "services: {s: {steer: weighted, endpoints: [{region: one, target: a}, {region: one, target: b}]}}\n"
    assert problems("a: {CNAME: s}\nb: {A: 192.0.2.1}", HEAD + services) == ["these aliases form a loop: a -> s -> a"]
    itself = services.replace("target: a", "target: s")
    assert problems("b: {A: 192.0.2.1}", HEAD + itself) == ["these aliases form a loop: s -> s"]


def test_a_loop_may_go_through_a_wildcard() -> None:
    assert problems("'*.w': {CNAME: a}\na: {CNAME: x.w}") == ["these aliases form a loop: *.w -> a -> *.w"]
    assert problems("'*.w': {CNAME: a}\na: {CNAME: x.w}\nx.w: {A: 192.0.2.1}") == []
    assert problems("'*.w': {CNAME: a}\na: {CNAME: x.w}\ny.x.w: {A: 192.0.2.1}") == []


def test_an_alias_that_leaves_the_zone_ends() -> None:
    assert problems("a: {CNAME: a.example.net.}\nb: {CNAME: a}") == []


@pytest.mark.slow
def test_a_chain_as_long_as_the_file_is_searched_without_recursion() -> None:
    chain = "\n".join(f"n{index}: {{CNAME: n{index + 1}}}" for index in range(1500))
    assert problems(chain) == []
