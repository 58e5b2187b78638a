"""RFC 3597 4, RFC 1035 4.1.4: which names within RDATA are compressed, and which never."""

import struct

import dns.message
import dns.name
import pytest

from gtm.engine.protocol import Engine, Transport
from tests.fakes import world
from tests.fakes.world import query, values

ZONE = f"""{world.HEAD}
records:
  ns1: {{A: 192.0.2.53}}
  mail: {{A: 192.0.2.25}}
  mx: {{MX: [10 mail, 20 mail.mx, 30 mail.example.net.]}}
  ptr: {{PTR: [host.ptr, other.]}}
  alias: {{CNAME: Far.alias.gtm.example.com.}}
  null: {{MX: 0 .}}
  self: {{MX: 5 self}}
  srv: {{SRV: 0 0 443 mail}}
  https: {{HTTPS: 1 mail alpn=h2}}
  svcb: {{SVCB: 1 mail}}
  naptr: {{NAPTR: '1 1 "s" "x" "" mail'}}
  afsdb: {{AFSDB: 1 mail}}
  rp: {{RP: mail mail}}
  kx: {{KX: 1 mail}}
  sub: {{NS: [ns1.sub, ns2.sub, ns.example.net.]}}
  ns1.sub: {{A: 192.0.2.1}}
  ns2.sub: {{A: 192.0.2.2}}
"""


@pytest.fixture
def zone(engine: Engine) -> Engine:
    engine.swap(world.plan(world.zone(ZONE)))
    return engine


def rdata(engine: Engine, name: str, rtype: str) -> list[bytes]:
    """The octets of RDATA of each record of answer and authority, as they stand in the message."""
    wire = world.respond(engine, query(name, rtype, edns=False).to_wire(), transport=Transport.TCP)
    assert wire is not None
    _, answers, authority, _ = struct.unpack_from("!4H", wire, 4)
    at = 12 + dns.name.from_wire(wire, 12)[1] + 4
    found = []
    for _ in range(answers + authority):
        at += dns.name.from_wire(wire, at)[1] + 10
        [length] = struct.unpack_from("!H", wire, at - 2)
        found.append(wire[at : at + length])
        at += length
    return found


def octets(name: str) -> bytes:
    """A name in wire format, without compression."""
    return b"".join(bytes((len(label),)) + label for label in dns.name.from_text(name).labels)


def pointer(name: str, label: str = "") -> bytes:
    """A pointer to a suffix of the name that is asked."""
    full = octets(f"{name}.gtm.example.com." if name != "@" else "gtm.example.com.")
    return struct.pack("!H", 0xC000 | 12 + full.index(bytes((len(label),)) + label.encode()))


def test_names_in_mx_are_compressed(zone: Engine) -> None:
    gtm, mx = pointer("mx", "gtm"), pointer("mx", "mx")
    first, second, third = rdata(zone, "mx", "MX")
    assert first == b"\0\x0a\x04mail" + gtm
    assert second == b"\0\x14\x04mail" + mx
    assert third == b"\0\x1e\x04mail\x07example\x03net\0"
    message = world.answer(zone, query("mx", "MX"))
    assert values(message.answer, "MX") == [
        "10 mail.gtm.example.com.",
        "20 mail.mx.gtm.example.com.",
        "30 mail.example.net.",
    ]


def test_a_name_that_is_asked_or_the_root_is_a_pointer_or_one_octet(zone: Engine) -> None:
    assert rdata(zone, "self", "MX") == [b"\0\x05" + pointer("self", "self")]
    assert rdata(zone, "null", "MX") == [b"\0\0\0"]


def test_names_in_ptr_cname_and_ns_are_compressed(zone: Engine) -> None:
    assert rdata(zone, "ptr", "PTR") == [b"\x04host" + pointer("ptr", "ptr"), b"\x05other\0"]
    assert rdata(zone, "alias", "CNAME") == [b"\x03Far" + pointer("alias", "alias")]
    first, second, third = rdata(zone, "x.sub", "A")
    sub = pointer("x.sub", "sub")
    assert (first, second) == (b"\x03ns1" + sub, b"\x03ns2" + sub)
    assert third == b"\x02ns\x07example\x03net\0"


@pytest.mark.parametrize(("name", "rtype"), [("@", "SOA"), ("nothing", "A"), ("mail", "AAAA")])
def test_names_in_soa_are_compressed(zone: Engine, name: str, rtype: str) -> None:
    [soa] = rdata(zone, name, rtype)
    names = b"\x03ns1" + pointer(name, "gtm") + b"\x0ahostmaster" + pointer(name, "example")
    assert soa[:-20] == names
    assert struct.unpack("!5I", soa[-20:])[0] == 7


def test_what_follows_points_to_names_within_rdata(zone: Engine) -> None:
    """The glue of ns2.sub is owned by the name that stands in the NS record."""
    wire = world.respond(zone, query("x.sub", edns=False).to_wire())
    assert wire is not None
    at = wire.index(b"\x03ns2\xc0")
    assert wire.endswith(struct.pack("!HHHIH4B", 0xC000 | at, 1, 1, 60, 4, 192, 0, 2, 2))


@pytest.mark.parametrize("rtype", ["SRV", "HTTPS", "SVCB", "NAPTR", "AFSDB", "RP", "KX"])
def test_names_in_other_types_are_not_compressed(zone: Engine, rtype: str) -> None:
    [found] = rdata(zone, rtype.lower(), rtype)
    assert octets("mail.gtm.example.com.") in found


def test_names_in_another_case_than_asked_keep_it(zone: Engine) -> None:
    message = world.answer(zone, query("aLiAs", "CNAME"))
    assert [each.to_text() for rrset in message.answer for each in rrset] == ["Far.alias.gtm.example.com."]


def test_an_answer_with_more_names_than_are_remembered_reads_back(engine: Engine) -> None:
    names = [f"host{n}.site{n % 50}.example.net." for n in range(300)]
    engine.swap(world.plan(world.zone(f"{world.HEAD}\nrecords:{world.NS1}  p: {{PTR: [{', '.join(names)}]}}\n")))
    message = world.answer(engine, query("p", "PTR"), transport=Transport.TCP)
    assert values(message.answer, "PTR") == names


def test_names_behind_the_reach_of_pointers_read_back(engine: Engine) -> None:
    names = [f"{n:04}{'x' * 59}.{'y' * 63}.example.net." for n in range(300)]
    engine.swap(world.plan(world.zone(f"{world.HEAD}\nrecords:{world.NS1}  p: {{PTR: [{', '.join(names)}]}}\n")))
    wire = world.respond(engine, query("p", "PTR").to_wire(), transport=Transport.TCP)
    assert wire is not None
    assert len(wire) > 0x4000
    assert values(dns.message.from_wire(wire).answer, "PTR") == names
