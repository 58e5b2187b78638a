from collections import Counter
from dataclasses import replace

import dns.name
import pytest
from dns.rdatatype import RdataType

from gtm.engine.protocol import Engine
from gtm.explain.explain import Explanation, Steered
from gtm.geo.place import Coordinates
from gtm.health.belief import Belief
from gtm.health.consensus.local_view import LocalBelief, Vantage, Vantages
from gtm.health.consensus.status import Status
from gtm.health.consensus.voices import Voice
from gtm.health.verdict.reading import Reason
from gtm.ids import NodeName, VantageName
from gtm.steer.decide import State
from gtm.zone.model import OnAllDown, Zone
from tests.fakes import world
from tests.fakes.explained import explained_as
from tests.fakes.world import query, scope, values

ZONE, GEOGRAPHY = world.zone(), world.geography()


def explained(
    engine: Engine,
    name: str,
    rtype: RdataType = RdataType.A,
    *,
    client: str = world.EU,
    beliefs: dict[str, Belief] | None = None,
    zones: tuple[Zone, ...] = (ZONE,),
) -> Explanation:
    status = world.status(beliefs or {}, *zones)
    plan = world.plan(*zones, beliefs=beliefs or {}, geography=GEOGRAPHY)
    return explained_as(engine, dns.name.from_text(name, ZONE.origin), client, rtype, plan=plan, status=status)


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
    assert told.answer == ("NOERROR", "v4.gtm.example.com. 30 IN A 192.0.2.40")


def test_fail_open_shows_the_run_that_found_nobody_and_the_one_that_was_answered(engine: Engine) -> None:
    told = steered(explained(engine, "v4", beliefs=world.down("192.0.2.40", "192.0.2.41")))
    assert [step.filter for step in told.steps] == ["up"]
    assert told.all_down == "all are down: serve_all, so again as if all were up"
    assert [step.filter for step in told.again] == ["up", "nearest", "weight"]
    assert {mention.why for mention in told.again[0].kept} == {"taken as up"}
    assert told.state is State.FAIL_OPEN


def test_a_candidate_that_is_not_of_the_best_rank_is_behind_the_best(engine: Engine) -> None:
    told = steered(explained(engine, "v4"))
    assert (told.all_down, told.again) == ("", ())
    assert [(each.endpoint, each.why) for each in told.steps[-1].dropped] == [("us-east/192.0.2.40", "behind the best")]
    assert [each.why for each in told.steps[-1].kept] == ["weight 1"]


def test_all_answers_of_a_shuffle_are_not_counted(engine: Engine) -> None:
    beliefs = world.down(*(f"198.51.100.{octet}" for octet in range(4, 12)))
    many = steered(explained(engine, "many", beliefs=beliefs))
    assert [share for _, share in many.chances] == [1.0, 1.0, 1.0]
    assert many.rule == "all, shuffled"


@pytest.mark.parametrize(("name", "is_drawn"), [("api", True), ("many", True), ("robin", True), ("v4", False)])
def test_it_says_where_queries_draw(engine: Engine, name: str, is_drawn: bool) -> None:  # noqa: FBT001
    assert steered(explained(engine, name)).is_drawn is is_drawn


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
@pytest.mark.parametrize("belief", Belief)
def test_what_is_explained_is_what_the_engine_answers(engine: Engine, name: str, belief: Belief) -> None:
    beliefs = {check.rpartition("/")[2]: belief for check in world.plan(ZONE).watchers}
    for client in (world.US, world.EU, "2001:db8:3::1", f"::ffff:{world.EU}", world.ELSEWHERE):
        told = explained(engine, name, client=client, beliefs=beliefs)
        assert told.steered is not None, client
        likely = {endpoint.rpartition("/")[2] for endpoint, share in told.steered.chances if share}
        bare = client.removeprefix("::ffff:")
        width = 128 if ":" in bare else 32
        for coin in range(5):
            message = world.answer(engine, query(name, subnet=f"{bare}/{width}"), client=world.ELSEWHERE, coin=coin)
            assert set(values(message.answer)) <= likely, (client, coin)
            assert scope(message) == told.steered.scope, (client, coin)


def steered(told: Explanation) -> Steered:
    assert told.steered is not None
    return told.steered


@pytest.mark.parametrize(
    ("name", "steer", "filters", "rule"),
    [
        ("api", "nearest", ["up", "nearest", "weight"], "one by weight"),
        ("failover", "failover", ["up", "priority", "weight"], "one by weight"),
        ("weighted", "weighted", ["up", "weight"], "one by weight"),
        ("robin", "round-robin", ["up", "rotate"], "all, rotated"),
        ("many", "multivalue", ["up", "shuffle"], "8 of 11, shuffled"),
    ],
)
def test_every_preset_is_told_by_its_name_and_its_filters(
    engine: Engine, name: str, steer: str, filters: list[str], rule: str
) -> None:
    told = steered(explained(engine, name))
    assert (told.steer, [step.filter for step in told.steps], told.rule) == (steer, filters, rule)
    assert told.state is State.STEADY


def test_a_chain_of_ones_own_is_told_as_it_is_written(engine: Engine) -> None:
    zone = world.services(
        """
  duo:
    steer: [up, nearest, {first: 2}]
    endpoints:
      - {region: us-east, address: 192.0.2.1}
      - {region: eu-west, address: 192.0.2.2}
      - {region: ap-southeast, address: 192.0.2.3}
"""
    )
    told = steered(explained(engine, "duo", zones=(zone,)))
    assert told.steer == "up, nearest, first: 2"
    assert told.rule == "all"
    assert told.chances == (("eu-west/192.0.2.2", 1.0), ("us-east/192.0.2.1", 1.0))
    assert [each.endpoint for each in told.steps[-1].dropped] == ["ap-southeast/192.0.2.3"]


def test_a_weight_of_zero_says_so_and_has_no_chance(engine: Engine) -> None:
    told = steered(explained(engine, "weighted"))
    assert dict(told.chances) == {"us-east/192.0.2.60": 0.75, "eu-west/192.0.2.61": 0.25}
    assert [(each.endpoint, each.why) for each in told.steps[0].dropped] == [
        ("ap-southeast/192.0.2.62", "up, weight 0")
    ]
    alone = steered(explained(engine, "weighted", beliefs=world.down("192.0.2.60", "192.0.2.61")))
    assert alone.chances == (("ap-southeast/192.0.2.62", 1.0),)
    assert alone.state is State.DEGRADED


def test_a_last_resort_is_told_when_it_is_answered(engine: Engine) -> None:
    regular = explained(engine, "spare")
    assert "eu-west/192.0.2.93" not in str(steered(regular).steps), "it is no candidate while there are others"
    told = explained(engine, "spare", beliefs=world.down("192.0.2.92"))
    assert steered(told).state is State.FAIL_OPEN
    assert steered(told).chances == (("eu-west/192.0.2.93", 1.0),)
    assert steered(told).all_down == "all are down: last_resort, so the endpoints of last resort, as if they were up"
    assert steered(told).again[0].kept[0].why == "taken as up"
    assert told.answer[1] == "spare.gtm.example.com. 30 IN A 192.0.2.93"


@pytest.mark.parametrize(
    ("name", "rule", "rcode", "words"),
    [("closed", "nodata", "NOERROR", "empty"), ("broken", "servfail", "SERVFAIL", "SERVFAIL")],
)
def test_a_service_that_fails_closed_says_what_is_answered(
    engine: Engine, name: str, rule: str, rcode: str, words: str
) -> None:
    told = explained(engine, name, beliefs=world.down("192.0.2.90", "192.0.2.91"))
    assert (steered(told).state, steered(told).rule, steered(told).chances) == (State.FAIL_CLOSED, "nothing", ())
    assert steered(told).on_all_down.value == rule
    assert steered(told).all_down == f"all are down: {rule}, so the answer is {words}"
    assert told.answer[0] == rcode


def test_what_was_last_good_is_told_without_a_run_that_would_say_otherwise(engine: Engine) -> None:
    before = world.plan(ZONE, beliefs=world.down("192.0.2.94"), geography=GEOGRAPHY)
    down = world.down("192.0.2.94", "192.0.2.95")
    plan = world.plan(ZONE, beliefs=down, geography=GEOGRAPHY, before=before)
    asked, status = dns.name.from_text("good", ZONE.origin), world.status(down, ZONE)
    told = explained_as(engine, asked, world.EU, plan=plan, status=status)
    assert told.answer[1] == "good.gtm.example.com. 30 IN A 192.0.2.95"
    assert steered(told).state is State.FAIL_OPEN
    assert steered(told).on_all_down is OnAllDown.SERVE_LAST_GOOD
    assert steered(told).chances == (("eu-west/192.0.2.95", 1.0),)
    assert [step.filter for step in steered(told).steps] == ["up"]
    assert steered(told).all_down == (
        "all are down: serve_last_good, so the answer is the remembered one, of before all went down"
    )
    assert steered(told).again == ()


def test_a_memory_that_is_missing_is_not_claimed(engine: Engine) -> None:
    told = steered(explained(engine, "good", beliefs=world.down("192.0.2.94", "192.0.2.95")))
    assert told.all_down == "all are down: serve_last_good, and there is nothing else, so again as if all were up"
    assert told.again


def test_a_type_that_the_service_does_not_have_is_not_steered(engine: Engine) -> None:
    told = explained(engine, "v4", RdataType.AAAA)
    assert (told.steered, told.service) == (None, "v4.gtm.example.com")
    assert told.answer[0] == "NOERROR"
    assert " IN SOA " in told.answer[1]


def test_a_record_beside_a_service_is_not_steered(engine: Engine) -> None:
    told = explained(engine, "api", RdataType.TXT)
    assert told.steered is None
    assert told.answer == ("NOERROR", 'api.gtm.example.com. 60 IN TXT "beside the service"')


def test_a_service_by_wildcard_is_told_by_the_name_that_was_asked(engine: Engine) -> None:
    told = explained(engine, "a.b.tenant")
    assert told.name == "a.b.tenant.gtm.example.com."
    assert steered(told).service == "*.tenant.gtm.example.com"
    assert told.answer[1].startswith("a.b.tenant.gtm.example.com. ")


def test_a_name_that_is_not_there_and_one_of_somebody_else(engine: Engine) -> None:
    assert explained(engine, "nope").answer[0] == "NXDOMAIN"
    other = explained(engine, "www.example.org.")
    assert (other.zone, other.answer, other.aliases) == ("", ("REFUSED",), ("www.example.org.",))


@pytest.mark.parametrize("rtype", [RdataType.AXFR, RdataType.IXFR, RdataType.MAILB])
@pytest.mark.parametrize("name", ["api", "alias"])
def test_a_type_that_is_refused_is_not_steered(engine: Engine, name: str, rtype: RdataType) -> None:
    told = explained(engine, name, rtype)
    assert (told.steered, told.answer) == (None, ("REFUSED",))


def test_an_alias_out_of_the_zone_ends_there_even_when_the_target_is_served_here(engine: Engine) -> None:
    other = world.zone(
        world.HEAD.replace("zone: gtm.example.com", "zone: other.example.com") + "records:\n"
        "  www: {CNAME: api.gtm.example.com.}\n"
    )
    told = explained(engine, "www.other.example.com.", zones=(ZONE, other))
    assert told.answer == ("NOERROR", "www.other.example.com. 60 IN CNAME api.gtm.example.com.")
    assert told.steered is None
    assert told.aliases == ("www.other.example.com.", "api.gtm.example.com.")


@pytest.mark.parametrize("rtype", [RdataType.NSAP_PTR, RdataType(65280), RdataType.A])
def test_a_type_is_told_by_the_name_that_dns_gives_it(engine: Engine, rtype: RdataType) -> None:
    assert explained(engine, "api", rtype).rtype in {"NSAP-PTR", "TYPE65280", "A"}


MIXED = """
  one:
    steer: weighted
    endpoints: &mixed
      - {region: us-east, address: 192.0.2.1, weight: 2}
      - {region: eu-west, target: there.example.net.}
      - {region: ap-southeast, address: 192.0.2.3, weight: 3}
  all: {steer: [up], endpoints: *mixed}
  nearest: {steer: [up, nearest], endpoints: *mixed}
  shuffled: {steer: [up, shuffle], endpoints: *mixed}
  pair: {steer: [up, {shuffle: 2}], endpoints: *mixed}
  rotated: {steer: [up, rotate], endpoints: *mixed}
  turned: {steer: [up, {rotate: 2}], endpoints: *mixed}
"""
EVERY_COIN = 2 * 3 * 6
"""Coins below this hit every outcome of one draw by weight (6), and of a shuffle or a turn of three, equally often."""


@pytest.mark.parametrize("name", ["one", "all", "nearest", "shuffled", "pair", "rotated", "turned"])
@pytest.mark.parametrize("client", [world.US, world.EU, world.AP])
def test_chances_are_what_the_engine_does_over_all_coins(engine: Engine, name: str, client: str) -> None:
    told = steered(explained(engine, name, client=client, zones=(world.services(MIXED),)))
    found: Counter[str] = Counter()
    for coin in range(EVERY_COIN):
        message = world.answer(engine, query(name), client=client, coin=coin)
        found.update(values(message.answer) + values(message.answer, "CNAME"))
    shares = {endpoint.rpartition("/")[2]: share for endpoint, share in told.chances}
    counted = {target.removesuffix("."): count / EVERY_COIN for target, count in found.items()}
    assert {target.removesuffix("."): share for target, share in shares.items() if share} == pytest.approx(counted)


@pytest.mark.parametrize("name", ["api", "v4", "failover", "weighted", "spare", "good", "x.tenant"])
@pytest.mark.parametrize("belief", Belief)
def test_the_chances_of_one_by_weight_are_one_together(engine: Engine, name: str, belief: Belief) -> None:
    beliefs = {check.rpartition("/")[2]: belief for check in world.plan(ZONE).watchers}
    told = steered(explained(engine, name, beliefs=beliefs))
    assert told.rule == "one by weight"
    assert sum(share for _, share in told.chances) == pytest.approx(1.0)


def seen_down(vantage: str, *targets: str) -> Status:
    """The status where everything is up, but these are down as seen from a vantage."""
    local = (LocalBelief(VantageName(vantage), Belief.DOWN),)
    found = world.status({}, ZONE).checks
    return Status({check: replace(one, local=local if check.endswith(targets) else ()) for check, one in found.items()})


def explained_locally(engine: Engine, client: str, status: Status, vantages: Vantages = world.VANTAGES) -> Explanation:
    plan = world.plan(ZONE, believed=status, geography=GEOGRAPHY, vantages=vantages)
    return explained_as(engine, dns.name.from_text("failover", ZONE.origin), client, plan=plan, status=status)


def test_what_the_nearest_vantage_sees_down_is_told_to_the_clients_near_it(engine: Engine) -> None:
    cut = seen_down("eu", "/192.0.2.50")
    near, far = (explained_locally(engine, client, cut) for client in (world.EU, world.US))
    assert steered(near).vantage == "eu"
    assert steered(near).local == (("us-east/192.0.2.50", "down as seen from eu"),)
    assert [one.endpoint for one in steered(near).steps[0].dropped] == ["us-east/192.0.2.50"]
    assert near.answer[1].endswith("A 192.0.2.51")
    assert (steered(far).vantage, steered(far).local, steered(far).steps[0].dropped) == ("us", (), ())
    assert far.answer[1].endswith("A 192.0.2.50")


def test_who_stands_in_for_a_vantage_that_says_nothing_is_told(engine: Engine) -> None:
    """Warsaw is the next that votes, seen from the vantage of these clients."""
    vantages = (*world.VANTAGES, Vantage(VantageName("waw"), Coordinates(52.2, 21.0)))
    heard = tuple(
        Voice(VantageName(name), (NodeName(name),), Belief.UP, Reason.OK, "", fresh=True, age_s=0.0)
        for name in ("ap", "us")
    )
    cut = {check: replace(one, votes=heard) for check, one in seen_down("waw", "/192.0.2.50").checks.items()}
    near = explained_locally(engine, world.EU, Status(cut), vantages)
    words = "down as seen from waw, as eu says nothing of it"
    assert (steered(near).vantage, steered(near).local) == ("eu", (("us-east/192.0.2.50", words),))
    assert near.answer[1].endswith("A 192.0.2.51")
    assert explained_locally(engine, world.US, Status(cut), vantages).answer[1].endswith("A 192.0.2.50")


def test_what_stays_although_it_is_seen_down_is_told_too(engine: Engine) -> None:
    told = explained_locally(engine, world.EU, seen_down("eu", "/192.0.2.50", "/192.0.2.51"))
    words = "down as seen from eu; nothing else is up, so it stays"
    assert steered(told).local == (("us-east/192.0.2.50", words), ("eu-west/192.0.2.51", words))
    assert steered(told).steps[0].dropped == ()
    assert told.answer[1].endswith("A 192.0.2.50")


def test_without_vantages_nothing_is_told_of_any(engine: Engine) -> None:
    told = steered(explained(engine, "failover"))
    assert (told.vantage, told.local) == ("", ())


def test_a_record_that_dnspython_takes_for_wrong_is_answered_all_the_same(engine: Engine) -> None:
    other = world.zone(
        world.HEAD.replace("zone: gtm.example.com", "zone: other.example.com")
        + "records:\n  www: {HTTPS: 0 alias.example.org. alpn=h2, MB: mail.example.org.}\n"
    )
    told = explained(engine, "www.other.example.com.", RdataType.HTTPS, zones=(ZONE, other))
    assert told.answer == ("NOERROR", "; a record that cannot be shown here: parameters in AliasMode")
    told = explained(engine, "www.other.example.com.", RdataType.MB, zones=(ZONE, other))
    assert told.answer[1].endswith(r" IN MB \# 18 046d61696c076578616d706c65036f726700")


def test_how_long_it_may_be_kept_that_there_is_none_is_told(engine: Engine) -> None:
    by_zone = "300 s, the less of minimum (300 s) and ttl (300 s) of the zone's soa"
    assert explained(engine, "nothing").negative == by_zone
    assert explained(engine, "v4", RdataType.AAAA).negative == by_zone
    assert explained(engine, "api").negative == ""
    assert explained(engine, "sub").negative == ""
    closed = explained(engine, "closed", beliefs=world.down("192.0.2.90"))
    assert closed.negative == "10 s, the ttl of the service: the zone's soa says more, 300 s"
