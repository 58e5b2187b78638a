"""The guide: between what the checks say and the plan, what people and safety rules say.

    reports of the book -> overrides in force ---+
    checks before and now -> safety (gtm/plan) --+-> overlay -> planner

It is asked at every merge, at least twice a second: so an override ends on time, and a budget is refilled. What the
rules refuse goes to the alarm.
"""

import logging
from collections.abc import Callable, Iterable, Mapping

from gtm.clock import Clock
from gtm.counters import Counters
from gtm.health.belief import Belief
from gtm.health.consensus.delta import StatusDelta
from gtm.health.consensus.status import Status
from gtm.health.override.override import TAKING, Action
from gtm.ids import ServiceId
from gtm.node.events.recorder import EventRecorder
from gtm.node.notices.safety import Released, SafetyNotices, breach_words
from gtm.node.overrides.store import OverrideDesk
from gtm.node.planner import Planner
from gtm.plan.model import EMPTY_PLAN, SteeredService
from gtm.plan.overlay import NO_OVERLAY, Overlay, effective, overriding
from gtm.plan.safety.minimums import Kept, Refusal, left_with_too_few, skipping, taking_too_much
from gtm.plan.safety.rules import NO_HISTORY, History, SafetyDecision, allow
from gtm.plan.safety.saved import recalled
from gtm.plan.safety.shares import NO_SHARES, Shares, shares_of

log = logging.getLogger(__name__)


class OverlayBuilder:
    """Guides the planner. It has state: the history of safety."""

    def __init__(
        self,
        planner: Planner,
        overrides: OverrideDesk,
        *,
        clock: Clock,
        counters: Counters,
        recorder: EventRecorder,
        holds: bool = True,
    ) -> None:
        """`holds` is False of a node that answers nothing: the rules have nothing to keep there."""
        self._holds = holds
        self._planner = planner
        planner.renaming.following = overrides
        self._overrides = overrides
        self._clock = clock
        self._counters = counters
        self.alarm = SafetyNotices(counters=counters, recorder=recorder)
        self._shares: Shares = NO_SHARES
        self._shares_of = EMPTY_PLAN.services
        self._history: History | None = None
        """None until there are zones: then what the saved beliefs tell."""
        self._overlay = NO_OVERLAY
        self._breaches: tuple[Refusal, ...] = ()
        self._looked_at = (NO_OVERLAY, self._shares_of)
        self.refusals: tuple[Refusal, ...] = ()
        """What the rules of safety do not let happen now."""
        self.on_news: Callable[[], None] = _nobody
        """Called when an override was heard that others may not know."""

    def __call__(self, after: Status, delta: StatusDelta | None) -> Overlay:
        """Returns the overlay on the present beliefs of the checks; the same object as long as it is the same."""
        if self._overrides.hear():
            self.on_news()
        self._overrides.look_at(self._planner.plan)
        overrides, shares = self._overrides.in_force(), self._shares_now()
        allowed = self._allowed(shares, after, delta)
        self._history = allowed.history if shares.services else None
        if overrides != self._overlay.said or allowed.held != self._overlay.held:
            self._overlay = Overlay(overrides, allowed.held)
        self.refusals = (*allowed.refusals, *skipping(shares.demanding, after, self._overlay))
        self.alarm.tell(self.refusals, _WhatCounts(self._planner.plan.services, after, self._overlay))
        self._look_for_breaches(after, delta)
        return self._overlay

    def too_much(self, services: Iterable[SteeredService], before: Overlay, after: Overlay) -> tuple[Refusal, ...]:
        """Returns the objections of `at_least` to an overlay for these services, in the place of the one before."""
        return taking_too_much(services, self._planner.status, before, after)

    @property
    def problems(self) -> tuple[str, ...]:
        """Returns the problems that several overrides make together and no rule allows, with the remedy."""
        if not self._breaches:
            return ()
        return (f"{breach_words(self._breaches)}; `gtm clear SCOPE` gives something back",)

    def _look_for_breaches(self, after: Status, delta: StatusDelta | None) -> None:
        services = self._planner.plan.services
        looked_at, self._looked_at = self._looked_at, (self._overlay, services)
        has_flips = delta is not None and bool(delta.flipped)
        if looked_at[0] is self._overlay and looked_at[1] is services and not has_flips:
            return
        self._breaches = left_with_too_few(services.values(), after, self._overlay)
        self.alarm.breach(self._breaches, self._overlay.said)

    def _allowed(self, shares: Shares, after: Status, delta: StatusDelta | None) -> SafetyDecision:
        now = self._clock.monotonic()
        try:
            if self._history is None and shares.services:
                self._history = recalled(
                    shares, after if delta is None else delta.before, now=now, wall=self._clock.wall()
                )
            return allow(shares, self._history or NO_HISTORY, after, delta, self._overrides.in_force(), now=now)
        except Exception:  # safety that fails must not stop failover
            log.exception("safety: the rules failed; the checks are followed without them")
            self._counters.add("safety_failures")
            return SafetyDecision({}, (), NO_HISTORY)

    def _shares_now(self) -> Shares:
        services = self._planner.plan.services if self._holds else EMPTY_PLAN.services
        if services is not self._shares_of:
            self._shares, self._shares_of = shares_of(services), services
        return self._shares


class _WhatCounts:
    """What counts of endpoints now, each service worked out once and only when it is asked for."""

    def __init__(self, services: Mapping[ServiceId, SteeredService], status: Status, overlay: Overlay) -> None:
        self._services = services
        self._status = status
        self._overlay = overlay
        self._known: dict[ServiceId, dict[Kept, Released]] = {}

    def __call__(self, kept: Kept) -> Released:
        name = kept[0]
        if name not in self._known:
            steered = self._services.get(name)
            self._known[name] = {} if steered is None else self._of(steered)
        return self._known[name].get(kept, Released.GONE)

    def _of(self, steered: SteeredService) -> dict[Kept, Released]:
        overrides = overriding(steered, self._overlay.said)
        beliefs = effective(steered, self._status, self._overlay).beliefs
        return {
            (steered.id, endpoint_ref.endpoint): _fate(None if override is None else override.action, belief)
            for endpoint_ref, override, belief in zip(steered.endpoint_refs, overrides, beliefs, strict=True)
        }


def _fate(action: Action | None, belief: Belief) -> Released:
    if action in TAKING:
        return Released.SAID_DOWN
    if action is Action.UP:
        return Released.SAID_UP
    return Released.DOWN if belief is Belief.DOWN else Released.UP


def _nobody() -> None: ...
