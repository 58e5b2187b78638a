"""What the safety rules refuse now -> how many endpoints that concerns, by rule, zone and service, with the words.

What comes in: the plan, what is held, and the refusals. What goes out: two families. One counts by rule alone. Of the
other `says` is the sentence of the log: an alert can then say what is wrong, and not only that something is. Its series
come and go with refusals, and there are MAX_SCOPES of each rule at the most.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping

from gtm.health.override.override import SafetyRule
from gtm.metrics.model import Family, Metric, MetricKind, Point
from gtm.plan.model import Plan
from gtm.plan.overlay import HeldEndpoints
from gtm.plan.safety.minimums import Refusal

MAX_SCOPES = 20
"""Refusals of one rule that have series of their own: thousands of services may fail at once."""

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
"""The rules that keep something in; `min_healthy` takes more out."""


def safety_families(plan: Plan, held: HeldEndpoints, refusals: Iterable[Refusal]) -> Iterator[Family]:
    """Yields what is measured of safety rules."""
    counts = Counter(rule for ends in held.values() for rule in ends.values())
    yield Family(HELD, tuple(Point({"rule": rule.value}, counts[rule]) for rule in _HOLDING))
    yield Family(REFUSED, tuple(_refused(plan, refusals)))


def _refused(plan: Plan, refusals: Iterable[Refusal]) -> Iterator[Point]:
    by_rule: defaultdict[SafetyRule, list[Refusal]] = defaultdict(list)
    for refusal in refusals:
        by_rule[refusal.rule].append(refusal)
    for rule in SafetyRule:
        refusals_of_rule = sorted(by_rule[rule], key=lambda refusal: (refusal.subject, refusal.says))
        yield Point({"rule": rule.value}, 0)  # so that there is a series while nothing is refused
        for refusal in refusals_of_rule[:MAX_SCOPES]:
            labels = {"rule": rule.value, **_whose(plan, refusal), "says": refusal.says}
            yield Point(labels, len(refusal.held))
        if rest := refusals_of_rule[MAX_SCOPES:]:
            says = f"{len(rest)} more like this: `gtm status` has them"
            yield Point({"rule": rule.value, "says": says}, sum(len(refusal.held) for refusal in rest))


def _whose(plan: Plan, refusal: Refusal) -> Mapping[str, str]:
    """Returns the zone and the service that a refusal is about; empty for several."""
    kind, _, name = refusal.subject.partition(" ")
    if kind == "zone":
        return {"zone": name, "service": ""}
    zones = {plan.services[service].zone for service, _ in refusal.held if service in plan.services}
    [zone] = zones if len(zones) == 1 else {""}
    return {"zone": zone, "service": name if kind == "service" else ""}
