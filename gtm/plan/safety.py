"""Safety: what automatics may not do, whatever the checks say. Pure: the time is an argument, the past a small value.

What comes in: what was believed, what the checks say now, what people say, and the history. What goes out: which
endpoints that the checks take down are believed up still, by which rule, and the history for the next time.

    rule                           what is refused                             until
    at_least: n                    to leave fewer than n regions of a service  others serve again; or nothing is up at
                                   while something of it is up                 all, where `on_all_down` decides
    max_share_removed_per_minute   to take out more of a zone than its budget  the budget is refilled, 25 % a minute by
                                   has (shares.py); one region always may go   default, and by what comes back; or
                                                                               nothing is up (emptied.py)
    correlated_failure             to believe that half the world failed at    it is over, or confirmed (suspicion.py,
                                   once, or half of a service in several       doubt.py)
                                   regions: the probes or the check are to
                                   blame
    min_healthy: {region: n}       to answer with a region of which too few    it has enough (guidance.py, enough.py)
                                   endpoints are up

Only what was believed up can be taken out: an endpoint that turns from unknown to down was never relied on. What a
person takes out costs no budget and is never held. An override that names a rule lifts it for its scope.
"""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum

from gtm.health.belief import Belief
from gtm.health.override import NOTHING_IN_FORCE, Action, InForce, SafetyRule
from gtm.health.status import Status, flipped
from gtm.ids import CheckId, EndpointId, RegionName, ServiceId
from gtm.plan.blame import CHECK, CHECKS, PROBES, failure, helping, obeying
from gtm.plan.budget import Key, Purse, Spent
from gtm.plan.doubt import Doubt, Doubts, doubted, is_misfit
from gtm.plan.emptied import FAILS_OPEN, emptied
from gtm.plan.enough import Kept, Refusal, serving_regions, wanted_regions
from gtm.plan.guidance import Guidance, Held, effective, overriding
from gtm.plan.model import SteeredService
from gtm.plan.shares import Shares
from gtm.plan.suspicion import HOLD_S, Suspicion, recent_s, still_recent, suspected

UNLIMITED = 1.0

_SUSPECTED = "checks"
"""The subject of a suspicion: all of them."""


class _Fate(Enum):
    """What becomes of something that is to be taken out."""

    BLAMED = "the check or the probes are to blame: it stays"
    FREE = "no rule says anything"
    OPEN = "nothing of its type is up, and what is down is answered then: it is not held, and not paid for"
    TOGETHER = "nothing of its type is up, and what is down is not answered then: it goes with the last of them"
    PACED = "it goes when the budget can pay for it"


_PAYING = frozenset({_Fate.TOGETHER, _Fate.PACED})
_STAYING = frozenset({_Fate.BLAMED, _Fate.TOGETHER})
"""While one of these stays, so do those that go together."""

_Holding = dict[ServiceId, dict[EndpointId, SafetyRule]]
Waiting = Mapping[Key, float]
"""What the checks took down and is believed up still, and since when, in monotonic seconds."""


@dataclass(frozen=True, slots=True)
class History:
    """What there is to remember."""

    waiting: Waiting = field(default_factory=dict)
    open: Waiting = field(default_factory=dict)
    """What would wait, but is answered as if it were up: nothing of its type is (`serve_all`, `serve_last_good`)."""
    said: InForce = NOTHING_IN_FORCE
    """What people said when that was looked at."""
    paid: frozenset[Key] = frozenset()
    """What waits for others alone: it goes together with them."""
    graces: Waiting = field(default_factory=dict)
    """Until when what was believed wrong, or open, stays for sure: what is mended at once is up within an interval."""
    fallen: Mapping[CheckId, float] = field(default_factory=dict)
    """What went down within the last interval, and when."""
    spent: Mapping[str, Spent] = field(default_factory=dict)
    """By budget."""
    suspicion: Suspicion | None = None
    doubts: Doubts = field(default_factory=dict)
    held: Held = field(default_factory=dict)

    @property
    def is_calm(self) -> bool:
        """Returns whether nothing is held, and nothing failed lately."""
        return not (self.waiting or self.fallen or self.held or self.suspicion or self.doubts)

    def is_settled(self, said: InForce, *, flips: bool) -> bool:
        """Returns whether what is open stays so: nothing flipped, and people say what they did."""
        return not self.open or (not flips and said is self.said)


NO_HISTORY = History()


@dataclass(frozen=True, slots=True)
class Allowed:
    """What may happen."""

    held: Held
    refusals: tuple[Refusal, ...]
    history: History


def allow(shares: Shares, history: History, before: Status, proposed: Status, said: InForce, *, now: float) -> Allowed:
    """Returns what of the proposed beliefs may count now."""
    flips = flipped(before, proposed)
    failed = [check for check in flips if before.belief(check) is Belief.UP and proposed.belief(check) is Belief.DOWN]
    if not failed and history.is_calm and history.is_settled(said, flips=bool(flips)):
        return Allowed({}, (), history)
    fallen = still_recent({**history.fallen, **dict.fromkeys(failed, now)}, proposed, shares, now=now)
    suspicion = suspected(history.suspicion, fallen, proposed, shares, now=now)
    if history.suspicion is not None and suspicion is None:
        fallen = {}  # it is believed now, and no reason to suspect again
    doubts = doubted(history.doubts, failed, fallen, proposed, shares, now=now)
    believed = {check for name, one in history.doubts.items() if name not in doubts for check in one.fell}
    fallen = {check: at for check, at in fallen.items() if check not in believed}
    run = _Run(shares, history, before, proposed, said, suspicion, doubts, now)
    granted = run.granted(run.waiting(failed), failed)
    refusals = [*run.refusals(granted), *run.keep_regions(granted.held, failed)]
    after = History(
        granted.waiting,
        granted.open,
        said,
        frozenset(granted.paid),
        granted.graces,
        fallen,
        granted.spent,
        suspicion,
        doubts,
        granted.held,
    )
    return Allowed(granted.held, tuple(refusals), after)


@dataclass(slots=True)
class _Granted:
    """What comes of one decision, as far as it is made."""

    spent: Mapping[str, Spent]
    held: _Holding = field(default_factory=dict)
    waiting: dict[Key, float] = field(default_factory=dict)
    open: dict[Key, float] = field(default_factory=dict)
    paid: set[Key] = field(default_factory=set)
    graces: Waiting = field(default_factory=dict)

    def hold(
        self, key: Key, since: float, ends: tuple[EndpointId, ...], rule: SafetyRule, *, is_paid: bool = False
    ) -> None:
        self.waiting[key] = since
        if is_paid:
            self.paid.add(key)
        self.held.setdefault(key[0], {}).update(dict.fromkeys(ends, rule))


@dataclass(frozen=True, slots=True)
class _Run:
    """One decision."""

    shares: Shares
    history: History
    before: Status
    proposed: Status
    said: InForce
    suspicion: Suspicion | None
    doubts: Doubts
    now: float

    def waiting(self, failed: list[CheckId]) -> Waiting:
        """Returns all that is to be taken out, the oldest first; what the probes are blamed for comes back into it."""
        new = dict.fromkeys(failed, self.now)
        for one in (self.suspicion, *self.doubts.values()):
            if one is not None:
                new.update({check: self.history.fallen.get(check, self.now) for check in one.fell})
        found, failing = {**self.history.waiting, **self.history.open}, frozenset(failed)
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

    def granted(self, waiting: Waiting, failed: list[CheckId]) -> _Granted:
        """Returns what is held, what goes on waiting, and what the budgets have spent after this."""
        movable = {key: ends for key in waiting if (ends := self._movable(*key))}
        lost = {name: emptied(self.shares.services[name], self.proposed, self.said) for name, _ in movable}
        kinds = {
            key: next((kind for one in ends if (kind := lost[key[0]].get(one))), None) for key, ends in movable.items()
        }
        fates = {key: self._fate(key, is_emptied=kind is not None) for key, kind in kinds.items()}
        graces = {key: until for key in movable if (until := self._grace(key, fates[key])) is not None}
        payers = [key for key in movable if fates[key] in _PAYING and graces.get(key, self.now) <= self.now]
        purses = self._purses(failed)
        paid = {key for key in payers if key in self.history.paid or self._is_paid(key, purses)}
        short = {(key[0], kind) for key, kind in kinds.items() if key not in paid and fates[key] in _STAYING}
        spent = {name: Spent(one.shares, self.now) for name, one in purses.items() if one.shares}
        granted = _Granted(spent, graces=graces)
        for key, ends in movable.items():
            if fates[key] is _Fate.OPEN:
                granted.open[key] = waiting[key]
            elif fates[key] is _Fate.BLAMED:
                granted.hold(key, waiting[key], ends, SafetyRule.CORRELATED)
            elif fates[key] is _Fate.TOGETHER and (key[0], kinds[key]) in short:
                granted.hold(key, waiting[key], ends, SafetyRule.MAX_SHARE, is_paid=key in paid)
            elif fates[key] is _Fate.PACED and key not in paid:
                granted.hold(key, waiting[key], ends, SafetyRule.MAX_SHARE)
        return granted

    def _fate(self, key: Key, *, is_emptied: bool) -> _Fate:
        service, check = key
        if self._is_blamed(service, check):
            return _Fate.BLAMED
        limit = self.shares.budgets[self.shares.budget_of[service]].limit
        if limit >= UNLIMITED or self._lifted(service, check, SafetyRule.MAX_SHARE):
            return _Fate.FREE
        if not is_emptied:
            return _Fate.PACED
        fails_open = self.shares.services[service].service.on_all_down in FAILS_OPEN
        return _Fate.OPEN if fails_open else _Fate.TOGETHER

    def _grace(self, key: Key, fate: _Fate) -> float | None:
        """Returns until when something stays because it was believed wrong, or open, until now; None for nothing."""
        service, check = key
        last = self.history.graces.get(key)
        if key in self.history.open and fate is _Fate.PACED and (last is None or self.now - last >= HOLD_S):
            return self.now + recent_s(self.shares, check)
        was = self.history.suspicion
        ended: list[Suspicion | Doubt] = [was] if was is not None and self.suspicion is None else []
        if service in self.history.doubts and service not in self.doubts:
            ended.append(self.history.doubts[service])
        began = [one.since for one in ended if check in one.fell]
        if began:
            return min(self.now + recent_s(self.shares, check), max(began) + HOLD_S)
        return last

    def _purses(self, failed: list[CheckId]) -> dict[str, Purse]:
        """Returns what the budgets have spent and is not refilled yet."""
        budgets = self.shares.budgets
        return {
            name: Purse.of(self._not_given_back(one.after(self.now, budgets[name].limit), failed))
            for name, one in self.history.spent.items()
            if name in budgets
        }

    def _is_paid(self, key: Key, purses: dict[str, Purse]) -> bool:
        """Returns whether the budget has what it costs; it is asked in the queue's order."""
        name = self.shares.budget_of[key[0]]
        share = self.shares.parts[key[1]][key[0]].share
        return purses.setdefault(name, Purse()).pay(key, share, self.shares.budgets[name].capacity)

    def _is_blamed(self, service: ServiceId, check: CheckId) -> bool:
        """Returns whether a check is not believed for a service: not where the zone or a person follows it."""
        if not self._is_suspected(service, check) and not self._is_doubted(service, check):
            return False
        return not self._lifted(service, check, SafetyRule.CORRELATED)

    def _is_suspected(self, service: ServiceId, check: CheckId) -> bool:
        return self.suspicion is not None and self.suspicion.blames(self.shares.services[service], check)

    def _is_doubted(self, service: ServiceId, check: CheckId) -> bool:
        return service in self.doubts and check in self.doubts[service].fell

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

    def refusals(self, granted: _Granted) -> tuple[Refusal, ...]:
        """Returns what the budgets, a suspicion and doubts refuse."""
        kept = self._kept(granted.held)
        found = [] if self.suspicion is None else [self._blame_probes(self.suspicion, kept[_SUSPECTED])]
        found += [
            self._blame_check(name, one, kept[_doubted(name)])
            for name, one in self.doubts.items()
            if kept[_doubted(name)]
        ]
        waits: dict[str, float] = {}
        for service, check in granted.waiting.keys() - granted.paid:
            if SafetyRule.MAX_SHARE in {granted.held[service][endpoint] for endpoint in self._movable(service, check)}:
                name = self.shares.budget_of[service]
                waits[name] = waits.get(name, 0.0) + self.shares.parts[check][service].share
        for name, share in waits.items():
            limit = self.shares.budgets[name].limit
            words = f"{name}: {share:.1%} of it waits to be taken out; {limit:.0%} a minute may go"
            facts = {"waiting": round(share, 6), "per_minute": limit}
            found.append(Refusal(SafetyRule.MAX_SHARE, name, words, facts, kept[name]))
        return tuple(found)

    def _kept(self, held: Held) -> defaultdict[str, frozenset[Kept]]:
        """Returns what each budget holds; under _SUSPECTED what a suspicion does, and by service what a doubt does."""
        found: defaultdict[str, set[Kept]] = defaultdict(set)
        for service, rules in held.items():
            steered = self.shares.services[service]
            checks = {spot.endpoint: check for spot, check in zip(steered.spots, steered.checks, strict=True)}
            for endpoint, rule in rules.items():
                subject, check = self.shares.budget_of[service], checks[endpoint]
                if rule is SafetyRule.CORRELATED and check is not None:
                    subject = _SUSPECTED if self._is_suspected(service, check) else _doubted(service)
                found[subject].add((service, endpoint))
        return defaultdict(frozenset, {subject: frozenset(ends) for subject, ends in found.items()})

    def _blame_probes(self, suspicion: Suspicion, kept: frozenset[Kept]) -> Refusal:
        seen = failure(suspicion.fell, suspicion.watched, self.proposed, self.shares)
        services = len({name for check in suspicion.fell for name in self.shares.parts.get(check, ())})
        known = [self.proposed.checks[check] for check in suspicion.fell if check in self.proposed.checks]
        suspect = CHECKS if seen.is_of_all and all(is_misfit(one) for one in known) else PROBES
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


def _doubted(service: ServiceId) -> str:
    """Returns the subject of a doubt."""
    return f"service {service}"
