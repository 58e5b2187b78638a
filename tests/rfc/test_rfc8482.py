"""RFC 8482: ANY gets a small answer."""

import dns.rcode
import pytest

from gtm.engine.protocol import Engine
from tests.fakes import world
from tests.fakes.world import owners, query, values


@pytest.mark.parametrize("name", ["@", "api", "mail", "big", "x.wild", "x.tenant"])
def test_4_2_any_is_one_hinfo(serving: Engine, name: str) -> None:
    answer = world.respond(serving, query(name, "ANY").to_wire())
    assert answer is not None
    assert len(answer) < 150
    message = world.answer(serving, query(name, "ANY"))
    assert values(message.answer, "HINFO") == ['"RFC8482" ""']
    assert len(message.answer) == 1


@pytest.mark.parametrize(
    ("name", "target"),
    [("far", "www.example.org."), ("www", "api.gtm.example.com."), ("x.cwild", "mail.gtm.example.com.")],
)
def test_4_2_any_of_an_alias_is_the_alias(serving: Engine, name: str, target: str) -> None:
    """HINFO is for names without a CNAME: beside one there is nothing else."""
    message = world.answer(serving, query(name, "ANY"))
    assert values(message.answer, "CNAME") == [target]
    assert len(message.answer) == 1


def test_4_2_any_of_a_steered_alias_is_the_alias(serving: Engine) -> None:
    message = world.answer(serving, query("alias", "ANY", subnet="10.2.3.0/24"))
    assert values(message.answer, "CNAME") == ["eu.example.net."]
    assert len(message.answer) == 1
    assert world.scope(message) == 16


def test_any_of_a_name_that_is_not_there_is_negative(serving: Engine) -> None:
    assert world.answer(serving, query("nothing", "ANY")).rcode() == dns.rcode.NXDOMAIN
    message = world.answer(serving, query("ent", "ANY"))
    assert message.rcode() == dns.rcode.NOERROR
    assert owners(message.authority, "SOA")


def test_any_below_a_delegation_is_a_referral(serving: Engine) -> None:
    assert owners(world.answer(serving, query("x.sub", "ANY")).authority, "NS") == ["sub.gtm.example.com."]
