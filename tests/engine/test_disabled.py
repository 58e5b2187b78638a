"""What a zone file disables is not answered, and explained; on every engine."""

import dns.name
import dns.rcode

from gtm.engine.protocol import Engine
from gtm.explain.explain import Explanation
from tests.fakes import world
from tests.fakes.explained import explained_as
from tests.fakes.world import query, values

GEOGRAPHY = world.geography()
ZONE = world.services("""
  api:
    monitor: web
    steer: nearest
    endpoints:
      - {region: us-east, address: 192.0.2.1}
      - {region: eu-west, address: 192.0.2.2, enabled: false}
  off:
    steer: nearest
    endpoints: [{region: us-east, address: 192.0.2.3, enabled: false}]
  "*.wild":
    steer: nearest
    endpoints: [{region: us-east, address: 192.0.2.4, enabled: false}]
""")


def explained(engine: Engine, name: str) -> Explanation:
    status = world.status({}, ZONE)
    plan = world.plan(ZONE, beliefs={}, geography=GEOGRAPHY)
    asked = dns.name.from_text(name, ZONE.origin)
    return explained_as(engine, asked, world.EU, plan=plan, status=status)


def test_the_next_region_is_answered_and_the_disabled_one_is_named(engine: Engine) -> None:
    told = explained(engine, "api")
    assert told.answer == ("NOERROR", "api.gtm.example.com. 60 IN A 192.0.2.1")
    assert told.disabled == (("eu-west/192.0.2.2", "disabled in the zone file"),)
    assert told.steered is not None
    assert told.steered.state.value == "steady", "to disable something is no failure"


def test_a_name_of_which_nothing_is_enabled_exists_and_has_no_data(engine: Engine) -> None:
    for name, endpoint in (("off", "us-east/192.0.2.3"), ("a.wild", "us-east/192.0.2.4")):
        told = explained(engine, name)
        assert told.answer[0] == "NOERROR"
        assert " SOA " in told.answer[1]
        assert told.service is None
        assert told.disabled == ((endpoint, "disabled in the zone file"),)


def test_no_type_of_a_question_gets_what_is_disabled(engine: Engine) -> None:
    engine.swap(world.plan(ZONE, beliefs={}, geography=GEOGRAPHY))
    for rtype in ("A", "AAAA", "TXT", "ANY"):
        for name in ("api", "off", "x.wild"):
            reply = world.answer(engine, query(name, rtype), client=world.EU)
            assert values(reply.answer) == (["192.0.2.1"] if (name, rtype) == ("api", "A") else [])
            assert reply.rcode() == dns.rcode.NOERROR
    assert world.answer(engine, query("nothing")).rcode() == dns.rcode.NXDOMAIN
