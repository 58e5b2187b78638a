from ipaddress import ip_address

import dns.name
import pytest
from dns.rdatatype import RdataType

from gtm.engine.explain import Explanation, explain
from gtm.engine.protocol import Engine
from gtm.health.belief import Belief
from gtm.steer.decide import State
from tests.fakes import world
from tests.fakes.world import query, scope, values

ZONE, GEOGRAPHY = world.zone(), world.geography()


def explained(
    engine: Engine,
    name: str,
    rtype: RdataType = RdataType.A,
    *,
    client: str = world.EU,
    beliefs: dict[str, Belief] | None = None,
) -> Explanation:
    status = world.status(beliefs or {}, ZONE)
    plan = world.plan(ZONE, beliefs=beliefs or {}, geography=GEOGRAPHY)
    engine.swap(plan)
    asked = dns.name.from_text(name, ZONE.origin)
    return explain(asked, rtype, ip_address(client), plan=plan, status=status, geography=GEOGRAPHY, engine=engine)


def test_every_filter_says_what_it_kept_and_dropped_and_why(engine: Engine) -> None:
    told = explained(engine, "v4", beliefs=world.down("192.0.2.41"))
    assert told.steered is not None
    steps = [
        (step.filter, [each.endpoint for each in step.kept], [each.endpoint for each in step.dropped])
        for step in told.steered.steps
    ]
    assert steps == [
        ("up", ["us-east/192.0.2.40"], ["eu-west/192.0.2.41"]),
        ("nearest", ["us-east/192.0.2.40"], []),
        ("weight", ["us-east/192.0.2.40"], []),
    ]
    assert told.steered.steps[0].dropped[0].why == "down"
    assert told.steered.steps[1].kept[0].why == "5466 km, 2 of 2"
    assert told.steered.state is State.DEGRADED
    assert told.answer == ("NOERROR", "v4.gtm.example.com. 60 IN A 192.0.2.40")


def test_fail_open_shows_the_run_that_found_nobody_and_the_one_that_was_answered(engine: Engine) -> None:
    told = explained(engine, "v4", beliefs=world.down("192.0.2.40", "192.0.2.41"))
    assert told.steered is not None
    assert [step.filter for step in told.steered.steps] == ["up", "up", "nearest", "weight"]
    assert told.steered.state is State.FAIL_OPEN


def test_aliases_on_the_way_are_named(engine: Engine) -> None:
    told = explained(engine, "www")
    assert told.aliases == ("www.gtm.example.com.", "api.gtm.example.com.")
    assert told.steered is not None
    assert told.steered.service == "api.gtm.example.com"


def test_chances_are_the_shares_of_the_queries(engine: Engine) -> None:
    told = explained(engine, "api")
    assert told.steered is not None
    assert dict(told.steered.chances) == {
        "eu-west/192.0.2.20": pytest.approx(2 / 3),
        "eu-west/192.0.2.21": pytest.approx(1 / 3),
    }
    many = explained(engine, "many").steered
    assert many is not None
    assert many.rule == "8 of 11, shuffled"
    assert [share for _, share in many.chances] == [pytest.approx(8 / 11)] * 11


@pytest.mark.parametrize("name", ["mail", "nothing", "ent", "far", "x.sub", "other.test."])
def test_what_is_not_steered_has_the_answer_alone(engine: Engine, name: str) -> None:
    told = explained(engine, name)
    assert told.steered is None
    assert told.answer
    assert told.zone == ("" if name == "other.test." else "gtm.example.com.")


@pytest.mark.parametrize(
    "name", ["api", "www", "v4", "failover", "weighted", "robin", "many", "spare", "good", "x.tenant", "@"]
)
@pytest.mark.parametrize("client", [world.US, world.EU, "2001:db8:3::1", f"::ffff:{world.EU}", world.ELSEWHERE])
@pytest.mark.parametrize("belief", Belief)
def test_what_is_explained_is_what_the_engine_answers(engine: Engine, name: str, client: str, belief: Belief) -> None:
    beliefs = {check.rpartition("/")[2]: belief for check in world.plan(ZONE).watchers}
    told = explained(engine, name, client=client, beliefs=beliefs)
    assert told.steered is not None
    likely = {endpoint.rpartition("/")[2] for endpoint, share in told.steered.chances if share}
    bare = client.removeprefix("::ffff:")
    width = 128 if ":" in bare else 32
    for coin in range(5):
        message = world.answer(engine, query(name, subnet=f"{bare}/{width}"), client=world.ELSEWHERE, coin=coin)
        assert set(values(message.answer)) <= likely
        assert scope(message) == told.steered.scope
