"""The world is what its docstrings say."""

from ipaddress import ip_address

import dns.edns
import pytest

from gtm.checks.model import checks
from gtm.geo.place import NOWHERE, Coordinates
from gtm.health.belief import Belief
from tests.fakes import world


@pytest.mark.parametrize(
    ("client", "at"), [(world.US, world.ASHBURN), (world.EU, world.DUBLIN), (world.AP, world.SINGAPORE)]
)
def test_the_three_clients_are_at_their_regions(client: str, at: Coordinates) -> None:
    assert world.geography().locate(ip_address(client)).place.at == at


def test_the_fourth_client_is_nowhere() -> None:
    assert world.geography().locate(ip_address(world.ELSEWHERE)).place == NOWHERE


def test_a_status_has_a_belief_of_every_check() -> None:
    zone = world.zone()
    status = world.status(world.down("192.0.2.10"), zone, otherwise=Belief.UNKNOWN)
    believed = {check.target: status.belief(check.id) for check in checks((zone,))}
    assert believed.pop("192.0.2.10") is Belief.DOWN
    assert set(believed.values()) == {Belief.UNKNOWN}


def test_a_plan_without_beliefs_knows_nothing() -> None:
    assert world.plan(world.zone()).generation == 1


def test_a_query_is_relative_to_the_zone_and_has_the_subnet() -> None:
    asked = world.query("api", subnet="10.2.3.0/24", message_id=7)
    assert (asked.id, asked.question[0].name.to_text()) == (7, "api.gtm.example.com.")
    [option] = asked.options
    assert isinstance(option, dns.edns.ECSOption)
    assert option.srclen == 24
    assert world.query("api", edns=False).edns == -1
