"""RFC 9471: a referral has all in-domain glue, or TC."""

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
