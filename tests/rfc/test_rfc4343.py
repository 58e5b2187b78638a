"""RFC 4343: names compare without regard to case, and keep the case they were asked in (0x20)."""

import pytest

from gtm.engine.protocol import Engine
from tests.fakes import world
from tests.fakes.world import owners, query, values

MIXED = "GtM.eXaMpLe.CoM."


@pytest.mark.parametrize("name", ["aPi", "API", "MAIL", "X.wIlD", "hOsT.WILD", "x.TENANT"])
def test_3_the_answer_has_the_owner_as_it_was_asked(serving: Engine, name: str) -> None:
    rtype = "TXT" if name == "X.wIlD" else "A"
    message = world.answer(serving, query(f"{name}.{MIXED}", rtype))
    assert owners(message.answer, rtype) == [f"{name}.{MIXED}"]
    assert message.question[0].name.to_text() == f"{name}.{MIXED}"


def test_3_negative_answers_and_referrals_keep_the_case_too(serving: Engine) -> None:
    assert owners(world.answer(serving, query(f"nO.{MIXED}")).authority, "SOA") == [MIXED]
    assert owners(world.answer(serving, query(f"x.SuB.{MIXED}")).authority, "NS") == [f"SuB.{MIXED}"]
    assert owners(world.answer(serving, query(MIXED, "NS")).answer, "NS") == [MIXED]


def test_3_behind_an_alias_names_are_in_the_case_of_the_zone(serving: Engine) -> None:
    message = world.answer(serving, query(f"WWW.{MIXED}"))
    assert owners(message.answer, "CNAME") == [f"WWW.{MIXED}"]
    assert owners(message.answer, "A") == ["api.gtm.example.com."]


def test_4_the_zone_file_may_be_in_any_case(engine: Engine) -> None:
    text = """
  ApI:
    steer: nearest
    endpoints: [{region: us-east, address: 192.0.2.1}]
"""
    engine.swap(world.plan(world.services(text)))
    assert values(world.answer(engine, query("api")).answer) == ["192.0.2.1"]


def test_2_octets_that_are_no_letters_do_not_fold(engine: Engine) -> None:
    engine.swap(world.plan(world.zone(f'{world.HEAD}\nrecords:{world.NS1}  "a[": {{A: 192.0.2.1}}\n')))
    assert values(world.answer(engine, query("A[")).answer) == ["192.0.2.1"]
    assert not world.answer(engine, query("A{")).answer
