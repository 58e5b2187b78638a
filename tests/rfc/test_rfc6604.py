"""RFC 6604 section 3: the RCODE is that of the last name of a chain of aliases."""

import dns.rcode

from gtm.engine.protocol import Engine
from tests.fakes import world
from tests.fakes.world import flag, owners, query, values


def test_an_alias_to_a_name_that_does_not_exist_is_nxdomain_with_the_alias(serving: Engine) -> None:
    message = world.answer(serving, query("dangling"))
    assert message.rcode() == dns.rcode.NXDOMAIN
    assert values(message.answer, "CNAME") == ["nothing.ent.gtm.example.com."]
    assert owners(message.authority, "SOA") == ["gtm.example.com."]
    assert flag(message, "AA")


def test_an_alias_to_a_name_without_the_type_is_nodata_with_the_alias(serving: Engine) -> None:
    message = world.answer(serving, query("www", "MX"))
    assert message.rcode() == dns.rcode.NOERROR
    assert values(message.answer, "CNAME") == ["api.gtm.example.com."]
    assert owners(message.authority, "SOA") == ["gtm.example.com."]


def test_a_steered_alias_to_a_name_that_does_not_exist_is_nxdomain_with_the_alias(serving: Engine) -> None:
    message = world.answer(serving, query("alias"), client=world.AP)
    assert message.rcode() == dns.rcode.NXDOMAIN
    assert values(message.answer, "CNAME") == ["gone.ent.gtm.example.com."]
