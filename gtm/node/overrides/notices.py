"""Notices of overrides: a log line and an event for each override that comes into force, and for each that ends.

    superseded     a newer override of its scope counts, from any person
    cleared        a person ended it with the action `clear`
    expired        its time is over
    evicted        its node made more than MAX_PER_NODE newer overrides
    not_accepted   its signer is not accepted here any more: the node file, or a key, changed
    scope_gone     nothing that this node serves is in its scope any more, and no new name of the scope is known

An override whose scope was renamed stays in force; that is an event too. What comes in: the overrides in force at each
look, and the plan. Events about changed answers are causes of the plan that follows.
"""

import logging
from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from enum import Enum

from gtm.counters import Counters
from gtm.event import Event, EventId, EventKind, Fact
from gtm.health.override.override import NO_OVERRIDES, Action, Override, Overrides
from gtm.health.override.scope import Scope, covers
from gtm.node.events.log_fields import fields_of
from gtm.node.events.recorder import EventRecorder
from gtm.node.state.override_names import Moved
from gtm.plan.model import EMPTY_PLAN, Plan
from gtm.plan.renamed_scopes import NO_LAYOUT, Layout, endpoint_refs_of, layout_of

log = logging.getLogger(__name__)

NOTHING_GONE: Mapping[Scope, float] = {}


class Cause(Enum):
    """The reason why an override ended, by the name that events use."""

    SUPERSEDED = "superseded"
    CLEARED = "cleared"
    EXPIRED = "expired"
    EVICTED = "evicted"
    NOT_ACCEPTED = "not_accepted"
    SCOPE_GONE = "scope_gone"


_WORDS = {
    Cause.EXPIRED: "its time is over",
    Cause.EVICTED: "its node said too much since",
    Cause.SCOPE_GONE: "nothing that this node serves is in its scope any more, and no other name of it is known",
}

NOTHING_IN_IT = "nothing that is served here is in it"


class OverrideTeller:
    """Logs and records each change of the overrides once.

    Its state: the overrides in force, and the scopes that the plan had, at the last look.
    """

    def __init__(
        self, *, counters: Counters, recorder: EventRecorder, gone: Mapping[Scope, float] = NOTHING_GONE
    ) -> None:
        self._counters = counters
        self._recorder = recorder
        self.told: Overrides = NO_OVERRIDES
        """The overrides in force at the last look."""
        self._plan = EMPTY_PLAN
        self._layout: Layout | None = NO_LAYOUT
        """The layout of the plan; None until it is needed: it takes long to make."""
        self._coming: Layout | None = None
        """The layout of the next plan; None where it is not known."""
        self._covering: frozenset[Scope] = frozenset()
        """The scopes of overrides in force that contain something that this node serves."""
        self.gone: Mapping[Scope, float] = dict(gone)
        """The scopes that became empty, and since which wall time; an event reported each."""
        self._causes: list[EventId] = []

    def take_causes(self) -> tuple[EventId, ...]:
        """Returns the ids of the events since the last call: the causes of the plan that follows."""
        causes, self._causes = tuple(self._causes), []
        return causes

    def tell(self, now: Overrides, known: Overrides, *, wall: float) -> None:
        """Reports the overrides that came into force or ended since the last look.

        `now` has the overrides in force. `known` has the newest override of each scope, ended ones too.
        """
        before, self.told = self.told, now
        for scope in sorted(before.keys() | now.keys(), key=str):
            old, new = before.get(scope), now.get(scope)
            if old == new:
                continue
            if old is not None and scope not in self.gone:  # else reported when its scope became empty
                self._ended(old, *_why(old, new or known.get(scope), wall))
            if new is not None:
                is_covering = self._is_covering(scope) or not self._plan.zones  # before the first plan nothing is known
                self._begun(new, wall, note="" if is_covering else f"; {NOTHING_IN_IT}")
        is_same = {scope: before.get(scope, pair) == pair for scope, pair in now.items()}
        self.gone = {scope: since for scope, since in self.gone.items() if is_same.get(scope)}
        self._covering = frozenset(scope for scope in now if self._is_covering(scope))

    @property
    def uncovered(self) -> Mapping[Scope, float]:
        """Returns the scopes of overrides in force that contain nothing that this node serves, and since when.

        The time is in wall seconds; 0.0 for a scope that never contained anything here.
        """
        if not self.told or not self._plan.zones:
            return self.gone
        return {scope: self.gone.get(scope, 0.0) for scope in self.told if scope not in self._covering}

    def look_at(self, plan: Plan, *, wall: float) -> None:
        """Reports the overrides whose scope became empty with this plan, or is no longer empty.

        Returns at once while the services of the plan are the same.
        """
        if plan.services is self._plan.services or not plan.zones:
            return
        self._plan, self._layout, self._coming = plan, self._coming, None
        covering = frozenset(scope for scope in self.told if self._is_covering(scope))
        lost = self._covering - covering - self.gone.keys()
        for scope in sorted(lost, key=str):
            self._ended(self.told[scope], Cause.SCOPE_GONE, _WORDS[Cause.SCOPE_GONE])
        for scope in sorted(self.gone.keys() & covering, key=str):
            self._begun(self.told[scope], wall)
        self.gone = {scope: since for scope, since in self.gone.items() if scope not in covering}
        self.gone = {**self.gone, **dict.fromkeys(lost, wall)}
        self._covering = covering

    def follow(self, moved: Sequence[Moved], lost: AbstractSet[Scope], after: Layout) -> None:
        """Reports the overrides whose scope has another name from the next plan on.

        `after` is the layout of that plan. `lost` has the scopes that will be empty; the next `look_at` reports them.
        """
        for override in moved:
            names = ", ".join(map(str, override.after))
            message = f"override {override.override.id} follows its scope, which is {names} now: {override.override}"
            self._record(EventKind.OVERRIDE_FOLLOWED, override.override, message, now=tuple(map(str, override.after)))
        gone = {override.override: override for override in moved}
        told = {scope: override for scope, override in self.told.items() if override not in gone}
        self.told = {**told, **{scope: override.override for override in moved for scope in override.after}}
        self._covering = frozenset(self.told) & (
            self._covering | lost | {name for override in moved for name in override.after}
        )
        self._coming = after

    def _is_covering(self, scope: Scope) -> bool:
        if self._layout is None:
            self._layout = layout_of(endpoint_refs_of(zone.zone for zone in self._plan.zones.values()))
        return self._layout.has(scope)

    def refuse(self, override: Override, message: str) -> None:
        """Reports that an override ended because its signer is not accepted here any more; `message` says why."""
        scopes = {scope for scope, told_override in self.told.items() if told_override == override}
        self.told = {scope: told_override for scope, told_override in self.told.items() if scope not in scopes}
        if not scopes or scopes - self.gone.keys():  # else reported when its scope became empty
            self._ended(override, Cause.NOT_ACCEPTED, message)

    def _begun(self, override: Override, wall: float, *, note: str = "") -> None:
        message = f"override {override.id}: {override}; for {override.until - wall:.0f} s more{note}"
        self._record(EventKind.OVERRIDE_SET, override, message)

    def _ended(self, override: Override, cause: Cause, why: str) -> None:
        kind = EventKind.OVERRIDE_EXPIRED if cause is Cause.EXPIRED else EventKind.OVERRIDE_ENDED
        self._record(kind, override, f"override {override.id} has ended ({why}): {override}", cause=cause.value)

    def _record(
        self, kind: EventKind, override: Override, message: str, *, cause: str = "", now: tuple[str, ...] = ()
    ) -> None:
        self._counters.add("overrides", kind=kind.value.rpartition(".")[2], action=override.action.value)
        facts: dict[str, Fact] = {
            "id": override.id,
            "node": override.node,
            "action": override.action.value,
            "by": override.by,
            "why": override.why,
            "until": override.until,
            "rules": tuple(rule.value for rule in override.rules),
        }
        facts |= {"cause": cause} if cause else {}
        facts |= {"now": now} if now else {}
        event = Event(kind, str(override.scope), message, facts)
        log.warning("%s", message, extra=fields_of(event))
        self._causes.append(self._recorder.record(event))


def _why(old: Override, new: Override | None, wall: float) -> tuple[Cause, str]:
    if new is not None and new.outranks(old) and new.action is Action.CLEAR:
        return Cause.CLEARED, f"cleared by {new.by}: {new.why}"
    if new is not None and new.outranks(old):
        return Cause.SUPERSEDED, f"superseded by {new.id}"
    cause = Cause.EVICTED if old.is_in_force(wall) else Cause.EXPIRED
    return cause, _WORDS[cause]


def is_known(scope: Scope, plan: Plan) -> bool:
    """Returns whether a plan has an endpoint in a scope, even a disabled one."""
    return any(
        covers(scope, endpoint_ref) for endpoint_ref in endpoint_refs_of(zone.zone for zone in plan.zones.values())
    )
