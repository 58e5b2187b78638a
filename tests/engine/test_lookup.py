"""Name -> node, on the tables of the world."""

import pytest
from dns.rdatatype import RdataType

from gtm.dns.name import Labels
from gtm.engine.lookup import Match, Referral, find, zone_of
from gtm.plan.model import Plan
from tests.fakes import world

ORIGIN: Labels = (b"gtm", b"example", b"com")


@pytest.fixture(scope="module")
def plan() -> Plan:
    return world.plan(world.zone())


def below(text: str) -> Labels:
    return (*text.encode().split(b"."), *ORIGIN)


def found(plan: Plan, text: str, rtype: int = RdataType.A) -> Match | Referral | None:
    return find(plan.zones[ORIGIN], below(text), rtype)


@pytest.mark.parametrize("name", ["api", "mail", "ent", "b.ent", "*.wild", "wild"])
def test_a_name_that_exists_is_a_match_at_itself(plan: Plan, name: str) -> None:
    assert found(plan, name) == Match(plan.zones[ORIGIN].nodes[below(name)])


@pytest.mark.parametrize(("name", "wildcard"), [("x.wild", "*.wild"), ("a.b.wild", "*.wild"), ("a.tenant", "*.tenant")])
def test_a_covered_name_is_a_match_at_the_wildcard(plan: Plan, name: str, wildcard: str) -> None:
    assert found(plan, name) == Match(plan.zones[ORIGIN].nodes[below(wildcard)])


@pytest.mark.parametrize("name", ["nothing", "x.api", "x.host.wild", "y.ent.wild", "x.*.wild", "c.b.ent"])
def test_a_name_that_nothing_covers_is_none(plan: Plan, name: str) -> None:
    assert found(plan, name) is None


@pytest.mark.parametrize("name", ["sub", "x.sub", "ns.sub", "a.b.c.sub"])
def test_at_and_below_a_cut_is_a_referral(plan: Plan, name: str) -> None:
    referral = found(plan, name)
    assert isinstance(referral, Referral)
    assert referral.name == below("sub")


def test_ds_at_the_cut_is_a_match_and_below_it_a_referral(plan: Plan) -> None:
    assert isinstance(found(plan, "sub", RdataType.DS), Match)
    assert isinstance(found(plan, "x.sub", RdataType.DS), Referral)


def test_a_zone_is_found_by_its_longest_name(plan: Plan) -> None:
    zone = plan.zones[ORIGIN]
    assert zone_of(plan, ORIGIN, RdataType.A) is zone
    assert zone_of(plan, below("a.b.c"), RdataType.A) is zone
    for other in ((), (b"com",), ORIGIN[1:], (b"xgtm", *ORIGIN[1:])):
        assert zone_of(plan, other, RdataType.A) is None


def test_ds_of_an_apex_without_a_parent_here_is_the_zones_own(plan: Plan) -> None:
    assert zone_of(plan, ORIGIN, RdataType.DS) is plan.zones[ORIGIN]
