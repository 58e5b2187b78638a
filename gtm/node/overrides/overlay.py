"""The overlay: what overrides and safety rules say of endpoints, on top of the checks, decided after each merge.

    reports of the book -> overrides in force ---+
    the plan, and what the merge changed --------+-> decide_overlay (gtm/plan/safety) -> overlay -> planner

What the safety rules newly refuse is logged and recorded (gtm/node/notices/safety.py).
"""

import logging
from collections.abc import Mapping

from gtm.clock import Clock
from gtm.counters import Counters
from gtm.event import EventId
from gtm.health.belief import Belief
from gtm.health.consensus.delta import StatusDelta
from gtm.health.consensus.status import Status
from gtm.health.override.override import TAKING, Action
from gtm.ids import ServiceId
from gtm.node.notices.safety import Released, SafetyNotices, breach_words
from gtm.node.overrides.store import OverrideStore
from gtm.plan.model import Plan, SteeredService
from gtm.plan.overlay import Overlay, effective, overriding
from gtm.plan.safety.minimums import Kept, Refusal
from gtm.plan.safety.overlay_decision import NOTHING_DECIDED, OverlayDecision, decide_overlay

log = logging.getLogger(__name__)


class OverlayBuilder:
    """Decides the overlay after each merge, and reports what is new in it. Its state is the last decision."""

    def __init__(
        self, overrides: OverrideStore, notices: SafetyNotices, *, clock: Clock, counters: Counters, holds: bool
    ) -> None:
        """Makes the builder of a node.

        `holds` is whether safety rules hold endpoints; False for a node that answers no queries.
        """
        self._holds = holds
        self._overrides = overrides
        self._clock = clock
        self._counters = counters
        self._notices = notices
        self._last = NOTHING_DECIDED

    def hear(self) -> bool:
        """Takes the overrides in the reports of the book; returns whether one is new, which peers may not know yet."""
        return self._overrides.hear()

    def decide(self, plan: Plan, status: Status, delta: StatusDelta | None) -> OverlayDecision:
        """Decides the overlay on a status; returns it with the refusals and breaches of the safety rules.

        `delta` is what the merge changed; None if nothing.
        """
        self._overrides.look_at(plan)
        self._last = decide_overlay(
            self._last,
            plan.services,
            status,
            delta,
            self._overrides.in_force(),
            holds=self._holds,
            now=self._clock.monotonic(),
            wall=self._clock.wall(),
        )
        return self._last

    def tell(self, decision: OverlayDecision, status: Status) -> tuple[EventId, ...]:
        """Logs and records what is new in a decision; returns the event ids, the causes of the plan that follows."""
        if decision.failure is not None:
            log.error("safety: the rules failed; the checks are followed without them", exc_info=decision.failure)
            self._counters.add("safety_failures")
        fate = _WhatCounts(decision.services, status, decision.overlay)
        told = self._notices.tell(decision.refusals, fate)
        breached = self._notices.breach(decision.breaches, decision.overlay.said)
        return (*self._overrides.take_causes(), *told, *breached)

    @property
    def refusals(self) -> tuple[Refusal, ...]:
        """Returns the changes that the rules of safety refuse now."""
        return self._last.refusals

    @property
    def problems(self) -> tuple[str, ...]:
        """Returns the problem, with its remedy, that overrides together break the rule `at_least`; empty if none."""
        if not self._last.breaches:
            return ()
        return (f"{breach_words(self._last.breaches)}; `gtm clear SCOPE` gives something back",)


class _WhatCounts:
    """Returns, when called, what became of an endpoint that a rule no longer holds.

    Each service is worked out once, at the first call about it.
    """

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
