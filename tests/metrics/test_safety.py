"""What monitoring is given of safety rules, from the real rules over a zone whose checks fail."""

from gtm.checks.model import checks
from gtm.health.override.override import SafetyRule
from gtm.ids import EndpointId, ServiceId
from gtm.metrics.labels import label
from gtm.metrics.model import Family
from gtm.metrics.safety import MAX_SCOPES, safety_families
from gtm.plan.model import Plan
from gtm.plan.overlay import HeldEndpoints
from gtm.plan.safety.minimums import Refusal
from tests.fakes import world
from tests.node.guided import TEXT
from tests.scenes.shares import NOT_FOUND, Stage, service_text, zone_of

ZONE = world.zone(TEXT)
PLAN = world.plan(ZONE, believed=world.status({}, ZONE), geography=world.geography())
API, MAIL = (ServiceId(f"{name}.gtm.example.com") for name in ("api", "mail"))
EU = EndpointId("eu-west/192.0.2.20")


def families(*refusals: Refusal, held: HeldEndpoints | None = None, plan: Plan = PLAN) -> dict[str, Family]:
    return {
        safety_family.metric.prometheus: safety_family for safety_family in safety_families(plan, held or {}, refusals)
    }


def shown(*refusals: Refusal) -> list[tuple[dict[str, str], object]]:
    """What is refused now, without the series that are always there."""
    points = families(*refusals)["gtm_safety_refusal_endpoints"].points
    assert [dict(point.labels) for point in points if len(point.labels) == 1] == [
        {"rule": rule.value} for rule in SafetyRule
    ]
    return [(dict(point.labels), point.value) for point in points if len(point.labels) > 1]


def test_what_is_held_is_counted_by_rule() -> None:
    counts = {
        point.labels["rule"]: point.value
        for point in families(held={API: {EU: SafetyRule.AT_LEAST}})["gtm_safety_held_endpoints"].points
    }
    assert counts == {"at_least": 1, "max_share_removed_per_minute": 0, "correlated_failure": 0}


def test_a_refusal_has_its_zone_its_service_and_its_words() -> None:
    kept = frozenset([(API, EU)])
    doubt = Refusal(SafetyRule.CORRELATED, f"service {API}", "all failed", held=kept, helps="mend it")
    budget = Refusal(SafetyRule.MAX_SHARE, "zone gtm.example.com", "it waits", held=kept | {(MAIL, EU)})
    everything = Refusal(SafetyRule.CORRELATED, "checks", "the probes are to blame", held=kept)
    zone = "gtm.example.com"
    assert shown(doubt, budget, everything) == [
        ({"rule": "max_share_removed_per_minute", "zone": zone, "service": "", "says": "it waits"}, 2),
        ({"rule": "correlated_failure", "zone": zone, "service": "", "says": "the probes are to blame"}, 1),
        ({"rule": "correlated_failure", "zone": zone, "service": API, "says": "all failed"}, 1),
    ]


def test_nothing_is_refused_in_quiet_times() -> None:
    assert shown() == []


def test_thousands_of_refusals_are_a_few_series() -> None:
    many = [
        Refusal(SafetyRule.CORRELATED, f"service s{number:04}", "x", held=frozenset([(API, EU)]))
        for number in range(3000)
    ]
    found = shown(*many)
    assert len(found) == MAX_SCOPES + 1
    assert found[-1] == (
        {"rule": "correlated_failure", "says": f"{3000 - MAX_SCOPES} more like this: `gtm status` has them"},
        3000 - MAX_SCOPES,
    )


def test_the_sentence_of_the_real_rules_is_whole() -> None:
    zone = zone_of(service_text("api", 0, regions=4, each=2))
    late = {check.target: number * 0.4 for number, check in enumerate(checks((zone,)))}
    stage = Stage(zone)
    moments = stage.play(lambda target, now: NOT_FOUND if now - late[target] >= 10.0 else None, until=30.0)
    found = families(*moments[-1].refusals, plan=stage.plan)["gtm_safety_refusal_endpoints"].points
    [says] = [one.labels["says"] for one in found if "says" in one.labels]
    assert says == "all 8 checks of 4 regions of api.gtm.example.com failed within 3 s, all HTTP 404: suspect the check"
    assert label(says) == says
