"""Services of addresses and targets: a resolver that sees an alias once uses it for every type."""

from itertools import product

import pytest
from dns.rdatatype import RdataType

from gtm.health.belief import Belief
from gtm.ids import ServiceId
from gtm.plan.outcome import Decisions
from gtm.steer.vocabulary import PRESETS
from tests.fakes import world

MIXED = """
  mixed:
    monitor: web
    steer: {preset}
    endpoints:
      - {{region: us-east, address: 192.0.2.1}}
      - {{region: eu-west, target: eu.example.net.}}
      - {{region: ap-southeast, target: ap.example.net., weight: 0}}
"""
TARGETS = ("192.0.2.1", "eu.example.net", "ap.example.net")


def decisions(preset: str, beliefs: dict[str, Belief]) -> Decisions:
    zone = world.services(MIXED.format(preset=preset))
    return world.plan(zone, beliefs=beliefs, geography=world.geography()).decisions[ServiceId("mixed.gtm.example.com")]


@pytest.mark.parametrize("preset", PRESETS)
def test_an_alias_is_shown_to_a_type_only_where_every_type_may_get_it(preset: str) -> None:
    for believed in product(Belief, repeat=3):
        for decision in decisions(preset, dict(zip(TARGETS, believed, strict=True))).different:
            of = {rtype: set(outcome.answers) for rtype, outcome in decision.outcomes.items()}
            aliases = {answer for answer in of[RdataType.A] if answer.rtype == RdataType.CNAME}
            assert of[RdataType.A], "the type with an address is always answered"
            assert of[RdataType.AAAA] == of[RdataType.CNAME] == aliases


def test_near_an_address_the_far_alias_is_not_shown_and_near_the_alias_it_is() -> None:
    shown = [
        [answer.endpoint for answer in decision.outcomes[RdataType.AAAA].answers]
        for decision in decisions("nearest", {}).different
    ]
    assert sorted(shown) == [[], ["eu-west/eu.example.net"]]
