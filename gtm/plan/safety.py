"""Safety: what automatics may not do, whatever the checks say. Pure: the time is an argument, the past a small value.

What comes in: what was believed, what the checks say now, what people say, and the history. What goes out: which
endpoints that the checks take down are believed up still, by which rule, and the history for the next time.

    rule                           what is refused                             until
    at_least: n                    to leave fewer than n regions of a service  others serve again; or nothing is up at
                                   while something of it is up                 all, where `on_all_down` decides
    max_share_removed_per_minute   to take out more of a zone than its budget  the budget is refilled, 25 % a minute by
                                   has (shares.py); one region always may go   default, and by what comes back
    correlated_failure             to believe that half the world failed at    it is over, or confirmed (suspicion.py)
                                   once: the probes are to blame
    min_healthy: {region: n}       to answer with a region of which too few    it has enough (guidance.py, enough.py)
                                   endpoints are up

Only what was believed up can be taken out: an endpoint that turns from unknown to down was never relied on. What a
person takes out costs no budget and is never held. An override that names a rule lifts it for its scope.
"""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field

from gtm.health.belief import Belief
from gtm.health.override import Action, InForce, SafetyRule
from gtm.health.status import Status, flipped
from gtm.ids import CheckId, EndpointId, RegionName, ServiceId
from gtm.plan.budget import Key, Purse, Spent
from gtm.plan.enough import Kept, Refusal, serving_regions, wanted_regions
from gtm.plan.guidance import Guidance, Held, effective, overriding
from gtm.plan.model import SteeredService
from gtm.plan.shares import Shares
from gtm.plan.suspicion import Suspicion, still_recent, suspected

UNLIMITED = 1.0

_SUSPECTED = "checks"
"""The subject of a suspicion: all of them."""

_Holding = dict[ServiceId, dict[EndpointId, SafetyRule]]
Waiting = Mapping[Key, float]
"""What the checks took down and is believed up still, and since when, in monotonic seconds."""


@dataclass(frozen=True, slots=True)
class History:
    """What there is to remember."""

    waiting: Waiting = field(default_factory=dict)
    fallen: Mapping[CheckId, float] = field(default_factory=dict)
    """What went down within the last interval, and when."""
    spent: Mapping[str, Spent] = field(default_factory=dict)
    """By budget."""
    suspicion: Suspicion | None = None
    held: Held = field(default_factory=dict)

    @property
    def is_calm(self) -> bool:
        """Returns whether nothing is held, and nothing failed lately."""
        return not (self.waiting or self.fallen or self.held or self.suspicion)


NO_HISTORY = History()


@dataclass(frozen=True, slots=True)
class Allowed:
    """What may happen."""

    held: Held
    refusals: tuple[Refusal, ...]
    history: History


def allow(shares: Shares, history: History, before: Status, proposed: Status, said: InForce, *, now: float) -> Allowed:
    """Returns what of the proposed beliefs may count now."""
    failed = [
        check
        for check in flipped(before, proposed)
        if before.belief(check) is Belief.UP and proposed.belief(check) is Belief.DOWN
    ]
    if not failed and history.is_calm:
        return Allowed({}, (), history)
    fallen = still_recent({**history.fallen, **dict.fromkeys(failed, now)}, proposed, shares, now=now)
    suspicion = suspected(history.suspicion, fallen, proposed, shares, now=now)
    if history.suspicion is not None and suspicion is None:
        fallen = {}  # it is believed now, and no reason to suspect again
    run = _Run(shares, history, before, proposed, said, suspicion, now)
    held, waiting, spent = run.granted(run.waiting(failed), failed)
    refusals = [*run.refusals(waiting, held), *run.keep_regions(held, failed)]
    return Allowed(held, tuple(refusals), History(waiting, fallen, spent, suspicion, held))


@dataclass(frozen=True, slots=True)
class _Run:
    """One decision."""

    shares: Shares
    history: History
    before: Status
    proposed: Status
    said: InForce
    suspicion: Suspicion | None
    now: float

    def waiting(self, failed: list[CheckId]) -> Waiting:
        """Returns all that is to be taken out, the oldest first; what the probes are blamed for comes back into it."""
        new = dict.fromkeys(failed, self.now)
        if self.suspicion is not None:
            new.update({check: self.history.fallen.get(check, self.now) for check in self.suspicion.checks})
        found, failing = dict(self.history.waiting), frozenset(failed)
        for check, since in new.items():
            for service in self.shares.parts.get(check, ()):
                if check in failing or self._is_blamed(service, check):  # else it was paid for, and is out
                    found.setdefault((service, check), since)
        still = {
            (service, check): since
            for (service, check), since in found.items()
            if service in self.shares.parts.get(check, ()) and self.proposed.belief(check) is Belief.DOWN
        }
        return dict(sorted(still.items(), key=lambda item: (item[1], item[0][1], item[0][0])))

    def granted(self, waiting: Waiting, failed: list[CheckId]) -> tuple[_Holding, Waiting, Mapping[str, Spent]]:
        """Returns what is held, what goes on waiting, and what the budgets have spent after this."""
        held: _Holding = {}
        left = {}
        budgets = self.shares.budgets
        purses = {
            name: Purse.of(self._not_given_back(one.after(self.now, budgets[name].limit), failed))
            for name, one in self.history.spent.items()
            if name in budgets
        }
        for (service, check), since in waiting.items():
            movable = self._movable(service, check)
            rule = self._refusing(service, check, purses) if movable else None
            if rule is not None:
                left[service, check] = since
                held.setdefault(service, {}).update(dict.fromkeys(movable, rule))
        return held, left, {name: Spent(one.shares, self.now) for name, one in purses.items() if one.shares}

    def _refusing(self, service: ServiceId, check: CheckId, purses: dict[str, Purse]) -> SafetyRule | None:
        """Returns the rule that does not let a service lose a check; else takes what it costs from the budget."""
        if self._is_blamed(service, check):
            return SafetyRule.CORRELATED
        name = self.shares.budget_of[service]
        budget = self.shares.budgets[name]
        if budget.limit >= UNLIMITED or self._lifted(service, check, SafetyRule.MAX_SHARE):
            return None
        is_paid = purses.setdefault(name, Purse()).pay(
            (service, check), self.shares.parts[check][service].share, budget.capacity
        )
        return None if is_paid else SafetyRule.MAX_SHARE

    def _is_blamed(self, service: ServiceId, check: CheckId) -> bool:
        """Returns whether the suspicion holds a check for a service: not where the zone or a person follows it."""
        if self.suspicion is None or not self.suspicion.blames(self.shares.services[service], check):
            return False
        return not self._lifted(service, check, SafetyRule.CORRELATED)

    def _not_given_back(self, spent: dict[Key, float], failed: list[CheckId]) -> dict[Key, float]:
        """Returns what was spent on what is down ever since: what came back costs nothing any more."""
        again = frozenset(failed)
        return {
            (service, check): share
            for (service, check), share in spent.items()
            if self.proposed.belief(check) is Belief.DOWN and check not in again
        }

    def keep_regions(self, held: _Holding, failed: list[CheckId]) -> tuple[Refusal, ...]:
        """Holds what every service needs to keep its regions (`at_least`), and returns what that refuses."""
        touched = dict.fromkeys(name for check in failed for name in self.shares.parts.get(check, ()))
        refusals = []
        for name in touched | dict.fromkeys(name for name in self.history.held if name in self.shares.services):
            steered = self.shares.services[name]
            if steered.service.safety.at_least <= 1:
                continue  # of none at all `on_all_down` decides
            wanted = wanted_regions(steered)
            regions = self._lost_too_many(steered, wanted, held)
            ends = self._ends_in(steered, regions)
            if ends:
                held.setdefault(name, {}).update(dict.fromkeys(ends, SafetyRule.AT_LEAST))
                words = f"{name}: {', '.join(regions)} stays, or fewer than {wanted} regions would serve"
                facts = {"regions_wanted": wanted, "endpoints_held": len(ends)}
                kept = frozenset((name, one) for one in ends)
                refusals.append(Refusal(SafetyRule.AT_LEAST, f"service {name}", words, facts, kept))
        return tuple(refusals)

    def refusals(self, waiting: Waiting, held: Held) -> tuple[Refusal, ...]:
        """Returns what the budgets and a suspicion refuse."""
        kept = self._kept(held)
        found = [] if self.suspicion is None else [_blame(self.suspicion, kept[_SUSPECTED], now=self.now)]
        waits: dict[str, float] = {}
        for service, check in waiting:
            if SafetyRule.MAX_SHARE in {held[service][endpoint] for endpoint in self._movable(service, check)}:
                name = self.shares.budget_of[service]
                waits[name] = waits.get(name, 0.0) + self.shares.parts[check][service].share
        for name, share in waits.items():
            limit = self.shares.budgets[name].limit
            words = f"{name}: {share:.1%} of it waits to be taken out; {limit:.0%} a minute may go"
            facts = {"waiting": round(share, 6), "per_minute": limit}
            found.append(Refusal(SafetyRule.MAX_SHARE, name, words, facts, kept[name]))
        return tuple(found)

    def _kept(self, held: Held) -> defaultdict[str, frozenset[Kept]]:
        """Returns what each budget holds, and under _SUSPECTED what a suspicion does."""
        found: defaultdict[str, set[Kept]] = defaultdict(set)
        for service, rules in held.items():
            for endpoint, rule in rules.items():
                subject = _SUSPECTED if rule is SafetyRule.CORRELATED else self.shares.budget_of[service]
                found[subject].add((service, endpoint))
        return defaultdict(frozenset, {subject: frozenset(ends) for subject, ends in found.items()})

    def _lost_too_many(self, steered: SteeredService, wanted: int, held: Held) -> tuple[RegionName, ...]:
        """Returns the regions that must stay: of those that served until now, the first in the zone's order."""
        serving = serving_regions(steered, self.proposed, Guidance(self.said, held))
        if not serving or len(serving) >= wanted:
            return ()
        until_now = serving_regions(steered, self.before, Guidance(self.said, self.history.held))
        lost = [region.name for region in steered.regions if region.name in until_now - serving]
        return tuple(lost[: wanted - len(serving)])

    def _ends_in(self, steered: SteeredService, regions: tuple[RegionName, ...]) -> list[EndpointId]:
        """Returns the endpoints that served these regions until now, but for those that a person decides."""
        counted = effective(steered, self.before, Guidance(self.said, self.history.held)).beliefs
        overrides = overriding(steered, self.said)
        return [
            spot.endpoint
            for spot, belief, override in zip(steered.spots, counted, overrides, strict=True)
            if spot.region in regions
            and belief is Belief.UP
            and (override is None or override.action is Action.OBEY)
            and not self.said.lifts(spot, SafetyRule.AT_LEAST)
        ]

    def _movable(self, service: ServiceId, check: CheckId) -> tuple[EndpointId, ...]:
        """Returns the endpoints of a check that no person decides."""
        here = self.shares.parts[check][service].spots
        if not self.said:
            return tuple([spot.endpoint for spot in here])
        overrides = [self.said.of(spot) for spot in here]
        return tuple(
            spot.endpoint
            for spot, override in zip(here, overrides, strict=True)
            if override is None or override.action is Action.OBEY
        )

    def _lifted(self, service: ServiceId, check: CheckId, rule: SafetyRule) -> bool:
        return bool(self.said) and all(self.said.lifts(spot, rule) for spot in self.shares.parts[check][service].spots)


def _blame(suspicion: Suspicion, kept: frozenset[Kept], *, now: float) -> Refusal:
    failed, watched = len(suspicion.checks), suspicion.watched
    words = f"{failed} of {watched} checks failed at once, in unrelated services: the probes are to blame"
    facts = {"failed": failed, "watched": watched, "held_s": round(now - suspicion.since, 1)}
    return Refusal(SafetyRule.CORRELATED, _SUSPECTED, words, facts, kept)
