"""Safety: limits on what checks may take out of the answers. Pure: the time is an argument, the past a small value.

What comes in: the status before and now, the overrides, and the history. What goes out: the endpoints that are down by
their checks and still count as up, by which rule, and the history for the next time.

    rule                           what is refused                             until
    at_least: n                    to leave fewer than n regions of a service  others serve again; or nothing is up at
                                   while something of it is up                 all, where `on_all_down` decides
                                                                               (kept_regions.py)
    max_share_removed_per_minute   to take out more of a zone than its budget  the budget is refilled, 25 % a minute by
                                   has (shares.py); one region always may go   default, and by what comes back; or
                                                                               nothing is up, or was up when it failed
                                                                               (all_down.py)
    correlated_failure             to believe that half the world failed at    it is over, or confirmed (correlated.py,
                                   once, or half of a service in several       suspect_check.py)
                                   regions: the probes or the check are to
                                   blame
    min_healthy: {region: n}       to answer with a region of which too few    it has enough (gtm/plan/overlay.py,
                                   endpoints are up                            minimums.py)

Only what was believed up can be taken out: an endpoint that turns from unknown to down was never relied on, unless it
is answered because nothing is up. What a person takes out costs no budget and is never held. An override that names a
rule lifts it for its scope.
"""

from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from enum import Enum

from gtm.health.belief import Belief
from gtm.health.consensus.delta import StatusDelta
from gtm.health.consensus.status import Status
from gtm.health.override.override import NOTHING_IN_FORCE, Action, InForce, SafetyRule
from gtm.ids import CheckId, EndpointId, ServiceId
from gtm.plan.overlay import HeldEndpoints, Overlay
from gtm.plan.safety.all_down import FAILS_OPEN, emptied
from gtm.plan.safety.budget import BudgetKey, Purse, Spent, pay
from gtm.plan.safety.correlated import HOLD_S, Suspicion, recent_s, still_recent, suspected
from gtm.plan.safety.evidence import is_dead, is_misfit
from gtm.plan.safety.kept_regions import Holding, Keeping
from gtm.plan.safety.minimums import Refusal
from gtm.plan.safety.refusals import SafetyRefusals
from gtm.plan.safety.shares import NO_SHARES, Budgeted, Shares
from gtm.plan.safety.suspect_check import Doubt, Doubts, doubted, may_be_doubted, unexplained

UNLIMITED = 1.0


class _Fate(Enum):
    """What happens to the endpoints of a check that went down: whether they stay, and what they wait for."""

    BLAMED = "the check or the probes are to blame: it stays"
    FREE = "no rule says anything"
    DEAD = "it died before something of its type came back: it goes"
    OPEN = "nothing of its type is up, and what is down is answered then: it is not held, and not paid for"
    TOGETHER = "nothing of its type is up, and what is down is not answered then: it goes with the last of them"
    PACED = "it goes when the budget can pay for it"


_PAYING = frozenset({_Fate.TOGETHER, _Fate.PACED})

Waiting = Mapping[BudgetKey, float]
"""Pairs of service and check, each with a time in monotonic seconds; usually checks that are down but still count."""


@dataclass(frozen=True, slots=True)
class History:
    """The state of the safety rules between two decisions."""

    waiting: Waiting = field(default_factory=dict)
    open: Waiting = field(default_factory=dict)
    """Checks that are down and answered, because nothing of their type is up (`on_all_down` fails open); since when."""
    lost: frozenset[BudgetKey] = frozenset()
    """The open or waiting checks of record types of which nothing is up by the checks."""
    spared: frozenset[BudgetKey] = frozenset()
    """The checks that were in `lost`, and wait now because something of their type is up again."""
    said: InForce = NOTHING_IN_FORCE
    """The overrides in force at this decision."""
    shares: Shares = field(default=NO_SHARES, repr=False, compare=False)
    """The shares of the zones at this decision."""
    paid: frozenset[BudgetKey] = frozenset()
    """The checks that the budget has paid for; they wait only for others of their service, to count with them."""
    graces: Waiting = field(default_factory=dict)
    """The time until which an endpoint stays up in any case: a fault that is fixed at once is up within an interval."""
    fallen: Mapping[CheckId, float] = field(default_factory=dict)
    """The checks that went down within their last interval, with the time of each in monotonic seconds."""
    spent: Mapping[Budgeted, Spent] = field(default_factory=dict)
    """The shares that were spent, by budget and record type."""
    suspicion: Suspicion | None = None
    doubts: Doubts = field(default_factory=dict)
    held: HeldEndpoints = field(default_factory=dict)

    @property
    def is_calm(self) -> bool:
        """Returns whether no rule keeps anything up, and no check went down within its last interval."""
        return not (self.waiting or self.fallen or self.held or self.suspicion or self.doubts)

    def is_settled(self, shares: Shares, overrides: InForce, *, flips: bool) -> bool:
        """Returns whether `open` is still right: no check flipped, and zones and overrides are the same."""
        return shares is self.shares and overrides is self.said and not flips


NO_HISTORY = History()


@dataclass(frozen=True, slots=True)
class SafetyDecision:
    """The decision of the safety rules: which endpoints stay up, the messages about it, and the next history."""

    held: HeldEndpoints
    refusals: tuple[Refusal, ...]
    history: History


def allow(
    shares: Shares, history: History, proposed: Status, delta: StatusDelta | None, overrides: InForce, *, now: float
) -> SafetyDecision:
    """Returns the decision of the safety rules on the status `proposed`: which endpoints stay up for now.

    `delta` is what changed in the status; None when nothing did. `now` is monotonic seconds.
    """
    before, flips = (proposed, frozenset[CheckId]()) if delta is None else (delta.before, delta.flipped)
    failed = [check for check in flips if before.belief(check) is Belief.UP and proposed.belief(check) is Belief.DOWN]
    if not failed and history.is_calm and history.is_settled(shares, overrides, flips=bool(flips)):
        return SafetyDecision({}, (), history)
    fallen = still_recent({**history.fallen, **dict.fromkeys(failed, now)}, proposed, shares, now=now)
    suspicion = history.suspicion and suspected(history.suspicion, fallen, proposed, shares, now=now)
    if history.suspicion is not None and suspicion is None:
        fallen = {}  # it is believed now, and no reason to suspect again
    doubts = doubted(history.doubts, failed, fallen, proposed, shares, now=now)
    believed = {check for name, doubt in history.doubts.items() if name not in doubts for check in doubt.fell}
    fallen = {check: at for check, at in fallen.items() if check not in believed}
    if history.suspicion is None:
        suspicion = suspected(None, unexplained(fallen, doubts), proposed, shares, now=now)
    run = _Run(shares, history, before, proposed, overrides, fallen, suspicion, doubts, now)
    waiting = run.waiting(failed)
    granted = run.granted(waiting, failed)
    refused = SafetyRefusals(shares, proposed, suspicion, doubts, now)
    unpaid = [key for key, rule in granted.rules.items() if rule is SafetyRule.MAX_SHARE and key not in granted.paid]
    keeping = Keeping(shares, before, proposed, overrides, history.held)
    refusals = [*refused.told(granted.held, unpaid), *keeping.hold(granted.held, failed)]
    opened = run.opened(waiting, granted.held, flips)
    after = History(
        waiting=granted.waiting,
        open=opened,
        lost=granted.lost | frozenset(opened),
        spared=granted.spared,
        said=overrides,
        shares=shares,
        paid=frozenset(granted.paid),
        graces=granted.graces,
        fallen=fallen,
        spent=granted.spent,
        suspicion=suspicion,
        doubts=doubts,
        held=granted.held,
    )
    return SafetyDecision(granted.held, tuple(refusals), after)


@dataclass(slots=True)
class _Granted:
    """The result of one decision while it is made."""

    spent: Mapping[Budgeted, Spent]
    graces: Waiting
    held: Holding = field(default_factory=dict)
    waiting: dict[BudgetKey, float] = field(default_factory=dict)
    rules: dict[BudgetKey, SafetyRule] = field(default_factory=dict)
    """The rule that keeps each waiting check up."""
    paid: set[BudgetKey] = field(default_factory=set)
    lost: frozenset[BudgetKey] = frozenset()
    spared: frozenset[BudgetKey] = frozenset()

    def hold(
        self, key: BudgetKey, since: float, ends: tuple[EndpointId, ...], rule: SafetyRule, *, is_paid: bool = False
    ) -> None:
        self.waiting[key] = since
        self.rules[key] = rule
        if is_paid:
            self.paid.add(key)
        self.held.setdefault(key[0], {}).update(dict.fromkeys(ends, rule))


@dataclass(frozen=True, slots=True)
class _Run:
    """The inputs of one decision, and its steps."""

    shares: Shares
    history: History
    before: Status
    proposed: Status
    said: InForce
    fallen: Mapping[CheckId, float]
    suspicion: Suspicion | None
    doubts: Doubts
    now: float

    def waiting(self, failed: list[CheckId]) -> Waiting:
        """Returns all checks that are down and wait to count, the oldest first; with those of suspicion and doubts."""
        new = dict.fromkeys(failed, self.now)
        for doubt in (self.suspicion, *self.doubts.values()):
            if doubt is not None:
                new.update({check: self.history.fallen.get(check, self.now) for check in doubt.fell})
        waiting_now, failing = {**self.history.waiting, **self.history.open}, frozenset(failed)
        for check, since in new.items():
            for service in self.shares.parts.get(check, ()):
                if check in failing or self._is_blamed(service, check):  # else it was paid for, and is out
                    waiting_now.setdefault((service, check), since)
        still = {
            (service, check): since
            for (service, check), since in waiting_now.items()
            if service in self.shares.parts.get(check, ()) and self.proposed.belief(check) is Belief.DOWN
        }
        return dict(sorted(still.items(), key=lambda item: (item[1], item[0][1], item[0][0])))

    def granted(self, waiting: Waiting, failed: list[CheckId]) -> _Granted:
        """Returns which endpoints stay up, which checks still wait, and what the budgets have spent after this."""
        movable = {key: ends for key in waiting if (ends := self._movable(*key))}
        blamed: Holding = {}
        for (service, check), ends in movable.items():
            if self._is_blamed(service, check):
                blamed.setdefault(service, {}).update(dict.fromkeys(ends, SafetyRule.CORRELATED))
        services = dict.fromkeys(service for service, _ in movable)
        by_checks = {name: emptied(self.shares.services[name], self.proposed, Overlay(self.said)) for name in services}
        emptied_now = {name: self._emptied(name, blamed) if name in blamed else by_checks[name] for name in services}
        kinds = {key: _kind(ends, emptied_now[key[0]]) for key, ends in movable.items()}
        lost = frozenset(key for key, ends in movable.items() if _kind(ends, by_checks[key[0]]) is not None)
        fates = {key: self._fate(key, is_emptied=kinds[key] is not None, is_lost=key in lost) for key in movable}
        pending = {key: self._grace(key, fates[key], failed, is_lost=key in lost) for key in movable}
        graces = self._former_graces() | {key: until for key, until in pending.items() if until is not None}
        payers = [key for key in movable if fates[key] in _PAYING and graces.get(key, self.now) <= self.now]
        purses = self._purses(failed)
        paid = {key for key in payers if key in self.history.paid or self._is_paid(key, purses)}
        short = {(key[0], kinds[key]) for key in movable if fates[key] is _Fate.TOGETHER and key not in paid}
        granted = _Granted({name: Spent(pair.shares, self.now) for name, pair in purses.items() if pair.shares}, graces)
        for key, ends in movable.items():
            if fates[key] is _Fate.BLAMED:
                granted.hold(key, waiting[key], ends, SafetyRule.CORRELATED)
            elif fates[key] is _Fate.TOGETHER and (key[0], kinds[key]) in short:
                granted.hold(key, waiting[key], ends, SafetyRule.MAX_SHARE, is_paid=key in paid)
            elif fates[key] is _Fate.PACED and key not in paid:
                granted.hold(key, waiting[key], ends, SafetyRule.MAX_SHARE)
        granted.lost = frozenset(key for key in granted.waiting if key in lost)
        granted.spared = frozenset(key for key in granted.waiting if key not in lost and self._was_lost(key))
        return granted

    def opened(self, waiting: Waiting, held: HeldEndpoints, flips: AbstractSet[CheckId]) -> Waiting:
        """Returns the checks of endpoints that are answered because nothing of their type is up, and since when."""
        if self.shares is self.history.shares and self.said is self.history.said:
            touched = {name for check in flips for name in self.shares.parts.get(check, ())}
            touched |= {name for name, _ in waiting}  # with what was open until now
        else:
            down = [check for check, status in self.proposed.checks.items() if status.belief is Belief.DOWN]
            touched = {name for check in down for name in self.shares.parts.get(check, ())}
        opened_now = {}
        for name in touched:
            steered = self.shares.services[name]
            if steered.service.on_all_down not in FAILS_OPEN:
                continue
            out = self._emptied(name, held)
            for endpoint_ref, check in zip(steered.endpoint_refs, steered.checks, strict=True):
                if check is not None and endpoint_ref.endpoint in out and self._movable(name, check):
                    key = (name, check)
                    opened_now[key] = waiting.get(key, self.now)
        return opened_now

    def _emptied(self, service: ServiceId, held: HeldEndpoints) -> Mapping[EndpointId, int]:
        mine = {service: held[service]} if service in held else {}
        return emptied(self.shares.services[service], self.proposed, Overlay(self.said, mine))

    def _fate(self, key: BudgetKey, *, is_emptied: bool, is_lost: bool) -> _Fate:
        service, check = key
        if self._is_blamed(service, check):
            return _Fate.BLAMED
        limit = self.shares.budgets[self.shares.budget_of[service]].limit
        if limit >= UNLIMITED or self._lifted(service, check, SafetyRule.MAX_SHARE):
            return _Fate.FREE
        if is_emptied:
            fails_open = self.shares.services[service].service.on_all_down in FAILS_OPEN
            return _Fate.OPEN if fails_open else _Fate.TOGETHER
        is_left_behind = self._was_lost(key) and not is_lost
        return _Fate.DEAD if is_left_behind and is_dead(self.proposed.checks[check]) else _Fate.PACED

    def _was_lost(self, key: BudgetKey) -> bool:
        return key in self.history.lost or key in self.history.spared

    def _grace(self, key: BudgetKey, fate: _Fate, failed: list[CheckId], *, is_lost: bool) -> float | None:
        """Returns the time until which a failed check does not count in any case; None for no such time.

        It is for checks of a suspicion or doubt that just ended, for lost ones, and for ones that may be in doubt soon.
        """
        service, check = key
        last, soon = self.history.graces.get(key), self.now + recent_s(self.shares, check)
        ended: list[Suspicion | Doubt] = []
        if self.history.suspicion is not None and self.suspicion is None:
            ended.append(self.history.suspicion)
        if service in self.history.doubts and service not in self.doubts:
            ended.append(self.history.doubts[service])
        began = [grace.since for grace in ended if check in grace.fell]
        if began:
            return min(soon, max(began) + HOLD_S)
        was_out = last is not None and self.history.open.get(key, self.now) > last
        if fate is not _Fate.PACED or (
            last is not None and (self.now < last or (was_out and self.now - last < HOLD_S))
        ):
            return last
        is_back = key in self.history.lost and not is_lost
        return soon if is_back or (check in failed and self._may_be_doubted(service, check)) else last

    def _former_graces(self) -> dict[BudgetKey, float]:
        """Returns the graces of the last HOLD_S whose checks are still down.

        They are kept so that a check does not get a new grace each time when others flap.
        """
        return {
            key: until
            for key, until in self.history.graces.items()
            if self.proposed.belief(key[1]) is Belief.DOWN and self.now - until < HOLD_S
        }

    def _may_be_doubted(self, service: ServiceId, check: CheckId) -> bool:
        steered = self.shares.services[service]
        return is_misfit(self.proposed.checks[check]) and may_be_doubted(
            steered, self.fallen, self.proposed, self.shares
        )

    def _purses(self, failed: list[CheckId]) -> dict[Budgeted, Purse]:
        """Returns the purses of the budgets, with the shares that are spent and not refilled yet."""
        budgets = self.shares.budgets
        return {
            name: Purse.of(self._not_given_back(pair.after(self.now, budgets[name[0]].limit), failed))
            for name, pair in self.history.spent.items()
            if name[0] in budgets
        }

    def _is_paid(self, key: BudgetKey, purses: dict[Budgeted, Purse]) -> bool:
        """Pays for a check from its budget, if there is enough; returns whether. Call it in the queue's order."""
        name, part = self.shares.budget_of[key[0]], self.shares.parts[key[1]][key[0]]
        capacity = self.shares.budgets[name].capacity
        asked = [(purses.setdefault((name, rtype), Purse()), capacity[rtype]) for rtype in part.types]
        return pay(asked, key, part.share)

    def _is_blamed(self, service: ServiceId, check: CheckId) -> bool:
        """Returns whether a check is not believed for a service, by suspicion or doubt; an override may lift that."""
        is_suspected = self.suspicion is not None and self.suspicion.blames(self.shares.services[service], check)
        is_doubted = service in self.doubts and check in self.doubts[service].fell
        return (is_suspected or is_doubted) and not self._lifted(service, check, SafetyRule.CORRELATED)

    def _not_given_back(self, spent: dict[BudgetKey, float], failed: list[CheckId]) -> dict[BudgetKey, float]:
        """Returns the spent shares of checks that have been down ever since.

        A check that came back costs nothing any more.
        """
        again = frozenset(failed)
        return {
            (service, check): share
            for (service, check), share in spent.items()
            if self.proposed.belief(check) is Belief.DOWN and check not in again
        }

    def _movable(self, service: ServiceId, check: CheckId) -> tuple[EndpointId, ...]:
        """Returns the endpoints of a check and service that no override decides, or only `obey`."""
        here = self.shares.parts[check][service].endpoint_refs
        if not self.said:
            return tuple([endpoint_ref.endpoint for endpoint_ref in here])
        overrides = [self.said.of(endpoint_ref) for endpoint_ref in here]
        return tuple(
            endpoint_ref.endpoint
            for endpoint_ref, override in zip(here, overrides, strict=True)
            if override is None or override.action is Action.OBEY
        )

    def _lifted(self, service: ServiceId, check: CheckId, rule: SafetyRule) -> bool:
        return bool(self.said) and all(
            self.said.lifts(endpoint_ref, rule) for endpoint_ref in self.shares.parts[check][service].endpoint_refs
        )


def _kind(ends: tuple[EndpointId, ...], emptied_here: Mapping[EndpointId, int]) -> int | None:
    """Returns the record type of these endpoints if none of that type is up (`emptied_here`); else None."""
    return next((emptied_here[end] for end in ends if end in emptied_here), None)
