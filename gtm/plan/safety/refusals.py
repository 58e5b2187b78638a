"""Refusals: the messages of safety rules about the endpoints that they keep up.

What comes in: the endpoints that rules keep up, a suspicion and doubts. What goes out: refusals, in words and in facts.
It decides nothing (rules.py does); refusals of `at_least` and `min_healthy` are made where these decide.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from dns.rdatatype import RdataType

from gtm.health.consensus.status import Status
from gtm.health.override.override import SafetyRule
from gtm.ids import CheckId, ServiceId
from gtm.plan.overlay import HeldEndpoints
from gtm.plan.safety.budget import BudgetKey
from gtm.plan.safety.correlated import Suspicion
from gtm.plan.safety.evidence import is_misfit
from gtm.plan.safety.minimums import Kept, Refusal
from gtm.plan.safety.shares import Shares
from gtm.plan.safety.suspect_check import Doubt, Doubts
from gtm.plan.safety.suspect_text import CHECK, CHECKS, PROBES, failure, helping, obeying

_SUSPECTED = "checks"
"""The subject of a suspicion: all checks."""


@dataclass(frozen=True, slots=True)
class SafetyRefusals:
    """Makes the refusals of one decision, from a suspicion, doubts and budgets."""

    shares: Shares
    proposed: Status
    suspicion: Suspicion | None
    doubts: Doubts
    now: float

    def told(self, held: HeldEndpoints, unpaid: Iterable[BudgetKey]) -> list[Refusal]:
        """Returns the refusals of the budgets, of the suspicion and of the doubts.

        `held` has the endpoints that rules keep up. `unpaid` has the checks that wait because their budget cannot pay
        for them yet.
        """
        kept = self._kept(held)
        refusals = [] if self.suspicion is None else [self._blame_probes(self.suspicion, kept[_SUSPECTED])]
        refusals += [
            self._blame_check(name, doubt, kept[_doubted(name)])
            for name, doubt in self.doubts.items()
            if kept[_doubted(name)]
        ]
        waits: defaultdict[str, dict[int, float]] = defaultdict(dict)
        for service, check in unpaid:
            name, part = self.shares.budget_of[service], self.shares.parts[check][service]
            for rtype in part.types:
                waits[name][rtype] = waits[name].get(rtype, 0.0) + part.share
        return refusals + [self._unpaid(name, shares, kept[name]) for name, shares in waits.items()]

    def _unpaid(self, name: str, waits: Mapping[int, float], kept: frozenset[Kept]) -> Refusal:
        budget = self.shares.budgets[name]
        says = f"{name}: {_in_words(waits, budget.capacity)} waits to be taken out; {budget.limit:.0%} a minute may go"
        facts = {"waiting": round(max(waits.values()), 6), "per_minute": budget.limit}
        return Refusal(SafetyRule.MAX_SHARE, name, says, facts, kept)

    def _kept(self, held: HeldEndpoints) -> defaultdict[str, frozenset[Kept]]:
        """Returns the endpoints that stay up, by subject.

        The subject is the name of a budget, _SUSPECTED for the suspicion, or the service for a doubt.
        """
        by_rule: defaultdict[str, set[Kept]] = defaultdict(set)
        for service, rules in held.items():
            steered = self.shares.services[service]
            checks = {
                endpoint_ref.endpoint: check
                for endpoint_ref, check in zip(steered.endpoint_refs, steered.checks, strict=True)
            }
            for endpoint, rule in rules.items():
                subject, check = self.shares.budget_of[service], checks[endpoint]
                if rule is SafetyRule.CORRELATED and check is not None:
                    subject = _SUSPECTED if self._is_suspected(service, check) else _doubted(service)
                by_rule[subject].add((service, endpoint))
        return defaultdict(frozenset, {subject: frozenset(ends) for subject, ends in by_rule.items()})

    def _is_suspected(self, service: ServiceId, check: CheckId) -> bool:
        return self.suspicion is not None and self.suspicion.blames(self.shares.services[service], check)

    def _blame_probes(self, suspicion: Suspicion, kept: frozenset[Kept]) -> Refusal:
        seen = failure(suspicion.fell, suspicion.watched, self.proposed, self.shares)
        services = len({name for check in suspicion.fell for name in self.shares.parts.get(check, ())})
        known = [self.proposed.checks[check] for check in suspicion.fell if check in self.proposed.checks]
        suspect = CHECKS if seen.is_of_all and all(is_misfit(known_check) for known_check in known) else PROBES
        zones = sorted(suspicion.zones)
        helps = obeying(zones[0] if len(zones) == 1 else "ZONE")
        says = f"{seen.words(f', of {services} services,')}: suspect {suspect}"
        facts = seen.facts(suspect, held_s=self.now - suspicion.since)
        return Refusal(SafetyRule.CORRELATED, _SUSPECTED, says, facts, kept, helps)

    def _blame_check(self, name: ServiceId, doubt: Doubt, kept: frozenset[Kept]) -> Refusal:
        seen = failure(doubt.fell, doubt.watched, self.proposed, self.shares)
        suspect = CHECK if doubt.is_misfit else f"{CHECK}, or {PROBES}"
        says = f"{seen.words(f' of {name}')}: suspect {suspect}"
        facts = seen.facts(suspect, held_s=self.now - doubt.since)
        return Refusal(SafetyRule.CORRELATED, _doubted(name), says, facts, kept, helping(name))


def _doubted(service: ServiceId) -> str:
    """Returns the subject of a doubt."""
    return f"service {service}"


def _in_words(waits: Mapping[int, float], types: Iterable[int]) -> str:
    """Returns a text with the share of a budget that waits; by record type when the shares differ."""
    told = {rtype: f"{waits.get(rtype, 0.0):.1%}" for rtype in types}
    if len(set(told.values())) == 1:
        return f"{next(iter(told.values()))} of it"
    return " and ".join(f"{told[rtype]} of its {RdataType.to_text(rtype)}" for rtype in types if rtype in waits)
