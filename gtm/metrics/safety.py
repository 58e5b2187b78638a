"""The present refusals of safety rules -> the number of endpoints concerned, by rule, zone and service, with reasons.

What comes in: the plan, the endpoints that rules hold, and the refusals. What goes out: two families. One counts by
rule alone. The other has the sentence of the log in the label `says`, so that an alert can name the reason. Its series
exist while the refusals do, at most MAX_SCOPES for each rule.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping

from gtm.health.override.override import SafetyRule
from gtm.metrics.model import Family, Metric, MetricKind, Point
from gtm.plan.model import Plan
from gtm.plan.overlay import HeldEndpoints
from gtm.plan.safety.minimums import Refusal

MAX_SCOPES = 20
"""Most refusals of one rule with a series of their own: thousands of services may fail at once."""

HELD = Metric(
    "gtm_safety_held_endpoints",
    "gtm.safety.held_endpoints",
    MetricKind.GAUGE,
    "Endpoints that a safety rule keeps as they were.",
    "{endpoint}",
    labels=("rule",),
)
REFUSED = Metric(
    "gtm_safety_refusal_endpoints",
    "gtm.safety.refusal.endpoints",
    MetricKind.GAUGE,
    "Endpoints that a safety rule keeps in or leaves out now, by the zone or service that it does so for, and why.",
    "{endpoint}",
    labels=("rule", "zone", "service", "says"),
)

_HOLDING = tuple(rule for rule in SafetyRule if rule is not SafetyRule.MIN_HEALTHY)
"""The rules that keep endpoints in the answers; `min_healthy` takes more endpoints out."""


def safety_families(plan: Plan, held: HeldEndpoints, refusals: Iterable[Refusal]) -> Iterator[Family]:
    """Yields the metric families of safety rules; `held` has the endpoints that rules hold, by service."""
    counts = Counter(rule for ends in held.values() for rule in ends.values())
    yield Family(HELD, tuple(Point({"rule": rule.value}, counts[rule]) for rule in _HOLDING))
    yield Family(REFUSED, tuple(_refused(plan, refusals)))


def _refused(plan: Plan, refusals: Iterable[Refusal]) -> Iterator[Point]:
    by_rule: defaultdict[SafetyRule, list[Refusal]] = defaultdict(list)
    for refusal in refusals:
        by_rule[refusal.rule].append(refusal)
    for rule in SafetyRule:
        refusals_of_rule = sorted(by_rule[rule], key=lambda refusal: (refusal.subject, refusal.says))
        yield Point({"rule": rule.value}, 0)  # so that the series exists while there are no refusals
        for refusal in refusals_of_rule[:MAX_SCOPES]:
            labels = {"rule": rule.value, **_whose(plan, refusal), "says": refusal.says}
            yield Point(labels, len(refusal.held))
        if rest := refusals_of_rule[MAX_SCOPES:]:
            says = f"{len(rest)} more like this: `gtm status` has them"
            yield Point({"rule": rule.value, "says": says}, sum(len(refusal.held) for refusal in rest))


def _whose(plan: Plan, refusal: Refusal) -> Mapping[str, str]:
    """Returns the labels `zone` and `service` of a refusal; a label is empty where the refusal is about several."""
    kind, _, name = refusal.subject.partition(" ")
    if kind == "zone":
        return {"zone": name, "service": ""}
    zones = {plan.services[service].zone for service, _ in refusal.held if service in plan.services}
    [zone] = zones if len(zones) == 1 else {""}
    return {"zone": zone, "service": name if kind == "service" else ""}
