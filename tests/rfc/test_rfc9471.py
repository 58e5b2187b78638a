"""RFC 9471: a referral has all in-domain glue, or TC."""

from typing import Any

import dns.message
import pytest

from gtm.engine.protocol import Engine, Transport
from tests.fakes import world
from tests.fakes.world import flag, query, values


def delegation(servers: int) -> str:
    names = ", ".join(f"ns{n}.sub" for n in range(servers))
    glue = "".join(f'  ns{n}.sub: {{A: 192.0.2.{n}, AAAA: "2001:db8::{n:x}"}}\n' for n in range(servers))
    return f"{world.HEAD}\nrecords:{world.NS1}  sub: {{NS: [{names}]}}\n{glue}"


def test_2_1_all_in_domain_glue_is_there(engine: Engine) -> None:
    engine.swap(world.plan(world.zone(delegation(6))))
    message = world.answer(engine, query("x.sub"))
    assert len(values(message.additional)) == len(values(message.additional, "AAAA")) == 6
    assert not flag(message, "TC")


def test_2_2_sibling_glue_is_there(serving: Engine) -> None:
    assert "192.0.2.121" in values(world.answer(serving, query("x.sub")).additional)


def test_3_where_it_does_not_fit_tc_is_set(engine: Engine) -> None:
    engine.swap(world.plan(world.zone(delegation(13))))
    assert flag(world.answer(engine, query("x.sub", edns=False)), "TC")
    message = world.answer(engine, query("x.sub", edns=False), transport=Transport.TCP)
    assert len(values(message.additional)) == len(values(message.additional, "AAAA")) == 13


def siblings(servers: int) -> str:
    """A delegation of one nameserver of its own, behind many of another delegation, which have addresses here."""
    names = ", ".join(f"ns{n}.other" for n in range(servers))
    glue = "".join(f'  ns{n}.other: {{A: 192.0.2.{n}, AAAA: "2001:db8::{n:x}"}}\n' for n in range(servers))
    own = '  ns.sub: {A: 192.0.2.253, AAAA: "2001:db8::fd"}\n  other: {NS: ns0.other}\n'
    return f"{world.HEAD}\nrecords:{world.NS1}  sub: {{NS: [{names}, ns.sub]}}\n  to: {{CNAME: a.sub}}\n{own}{glue}"


@pytest.mark.parametrize("name", ["x.sub", "to"])
def test_3_2_sibling_glue_that_does_not_fit_is_left_out_without_tc(engine: Engine, name: str) -> None:
    engine.swap(world.plan(world.zone(siblings(12))))
    wire = world.respond(engine, query(name, edns=False).to_wire())
    assert wire is not None
    message = dns.message.from_wire(wire)
    assert not flag(message, "TC")
    assert len(values(message.authority, "NS")) == 13
    addresses, longer = values(message.additional), values(message.additional, "AAAA")
    assert (addresses[0], longer[0]) == ("192.0.2.253", "2001:db8::fd"), "in-domain glue comes first"
    assert 1 < len(addresses) < 13
    assert 512 - 16 < len(wire) <= 512, "an A record more has no room"
    over_tcp = world.answer(engine, query(name, edns=False), transport=Transport.TCP)
    assert len(values(over_tcp.additional)) == len(values(over_tcp.additional, "AAAA")) == 13


def test_3_2_addresses_of_one_nameserver_and_family_are_there_together_or_not_at_all(engine: Engine) -> None:
    """RFC 2181 5: an RRset is not split; 9: the whole of it is left out."""
    many = ", ".join(f"192.0.2.{n}" for n in range(40))
    text = f"{world.HEAD}\nrecords:{world.NS1}  sub: {{NS: [ns.many, ns.few]}}\n"
    text += f'  ns.many: {{A: [{many}], AAAA: "2001:db8::1"}}\n  ns.few: {{A: 192.0.2.99}}\n'
    engine.swap(world.plan(world.zone(text)))
    message = world.answer(engine, query("x.sub", edns=False))
    assert not flag(message, "TC")
    assert values(message.additional) == ["192.0.2.99"]
    assert values(message.additional, "AAAA") == ["2001:db8::1"]


@pytest.mark.parametrize("options", [{"edns": False}, {"size": 512}, {"size": 512, "subnet": "2001:db8::/128"}])
@pytest.mark.parametrize("servers", range(1, 14))
def test_3_2_what_is_left_out_leaves_room_for_the_opt(engine: Engine, servers: int, options: dict[str, Any]) -> None:
    engine.swap(world.plan(world.zone(siblings(servers))))
    wire = world.respond(engine, query("x.sub", **options).to_wire())
    assert wire is not None
    assert len(wire) <= 512
    message = dns.message.from_wire(wire)
    assert not flag(message, "TC")
    assert values(message.additional)[0] == "192.0.2.253"
    assert message.edns == (0 if "size" in options else -1)
    assert world.scope(message) == (0 if "subnet" in options else None)
