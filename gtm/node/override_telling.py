"""Tells what became of overrides: each that comes in force and each that ends is a line of the log and an event.

    superseded     a newer one of its scope counts, whoever said it
    cleared        somebody said that it is over
    expired        its time is over
    evicted        its node said more than MAX_PER_NODE since
    not_accepted   its signer does not count here any more: the node file, or a key, changed
    scope_gone     nothing that this node serves is in its scope any more

What comes in: what is in force at each look, and the plan. What changes answers is a cause of the plan that follows.
"""

import logging
from enum import Enum

from gtm.counters import Counters
from gtm.health.event import Event, EventKind
from gtm.health.override import NO_OVERRIDES, Action, Override, Overrides
from gtm.health.scope import EVERY_ZONE, EndpointScope, RegionScope, Scope, ServiceScope
from gtm.node.chronicle import Chronicle
from gtm.plan.model import EMPTY_PLAN, Plan

log = logging.getLogger(__name__)


class Cause(Enum):
    """Why an override ended, by the name that events use."""

    SUPERSEDED = "superseded"
    CLEARED = "cleared"
    EXPIRED = "expired"
    EVICTED = "evicted"
    NOT_ACCEPTED = "not_accepted"
    SCOPE_GONE = "scope_gone"


_WORDS = {
    Cause.EXPIRED: "its time is over",
    Cause.EVICTED: "its node said too much since",
    Cause.SCOPE_GONE: "nothing that this node serves is in its scope any more",
}


class OverrideTeller:
    """Tells each change once. It has state: what was in force, and which scopes the plan had, at the last look."""

    def __init__(self, *, counters: Counters, chronicle: Chronicle) -> None:
        self._counters = counters
        self._chronicle = chronicle
        self._told: Overrides = NO_OVERRIDES
        self._services = EMPTY_PLAN.services
        self._index = _Index(EMPTY_PLAN)
        self._covering: frozenset[Scope] = frozenset()
        """The scopes of what is in force that something served here is in."""
        self._gone: frozenset[Scope] = frozenset()
        """Those that something was in before, and of which that was told."""

    def tell(self, now: Overrides, known: Overrides, *, wall: float) -> None:
        """Tells what is in force anew or no more since the last look; `known` has what is over, too."""
        before, self._told = self._told, now
        for scope in sorted(before.keys() | now.keys(), key=str):
            old, new = before.get(scope), now.get(scope)
            if old == new:
                continue
            if old is not None and scope not in self._gone:  # else that was told when its scope went
                self._ended(old, *_why(old, new or known.get(scope), wall))
            if new is not None:
                self._begun(new, wall)
        self._gone = frozenset(scope for scope in self._gone if now.get(scope) == before.get(scope))
        self._covering = frozenset(scope for scope in now if self._index.has(scope))

    def look_at(self, plan: Plan, *, wall: float) -> None:
        """Tells which overrides cover nothing any more, or something again; it costs nothing until services change."""
        if plan.services is self._services or not plan.zones:
            return
        self._services, self._index = plan.services, _Index(plan)
        covering = frozenset(scope for scope in self._told if self._index.has(scope))
        for scope in sorted(self._covering - covering, key=str):
            self._ended(self._told[scope], Cause.SCOPE_GONE, _WORDS[Cause.SCOPE_GONE])
        for scope in sorted(self._gone & covering, key=str):
            self._begun(self._told[scope], wall)
        self._gone = (self._gone | self._covering) - covering
        self._covering = covering

    def refuse(self, override: Override, words: str) -> None:
        """Tells that an override was in force when it was kept on disk, and is not taken any more."""
        self._ended(override, Cause.NOT_ACCEPTED, words)

    def _begun(self, override: Override, wall: float) -> None:
        words = f"override {override.id}: {override}; for {override.until - wall:.0f} s more"
        self._record(EventKind.OVERRIDE_SET, override, words)

    def _ended(self, override: Override, cause: Cause, why: str) -> None:
        kind = EventKind.OVERRIDE_EXPIRED if cause is Cause.EXPIRED else EventKind.OVERRIDE_ENDED
        self._record(kind, override, f"override {override.id} has ended ({why}): {override}", cause=cause.value)

    def _record(self, kind: EventKind, override: Override, words: str, *, cause: str = "") -> None:
        log.warning("%s", words)
        self._counters.add("overrides", kind=kind.value.rpartition(".")[2], action=override.action.value)
        facts = {
            "id": override.id,
            "node": override.node,
            "action": override.action.value,
            "by": override.by,
            "why": override.why,
            "until": override.until,
            "rules": tuple(rule.value for rule in override.rules),
        } | ({"cause": cause} if cause else {})
        self._chronicle.because(Event(kind, str(override.scope), words, facts))


def _why(old: Override, new: Override | None, wall: float) -> tuple[Cause, str]:
    if new is not None and new.outranks(old) and new.action is Action.CLEAR:
        return Cause.CLEARED, f"cleared by {new.by}: {new.why}"
    if new is not None and new.outranks(old):
        return Cause.SUPERSEDED, f"superseded by {new.id}"
    cause = Cause.EVICTED if old.is_in_force(wall) else Cause.EXPIRED
    return cause, _WORDS[cause]


def is_known(scope: Scope, plan: Plan) -> bool:
    """Returns whether a plan serves anything that is in a scope."""
    return _Index(plan).has(scope)


class _Index:
    """What a plan serves, to look up many scopes: a walk over its services is long."""

    def __init__(self, plan: Plan) -> None:
        self._services = plan.services
        self._zones = {one.zone for one in plan.services.values()}
        self._regions = {(one.zone, own.name) for one in plan.services.values() for own in one.regions}
        self._anywhere = {name for _, name in self._regions}

    def has(self, scope: Scope) -> bool:
        match scope:
            case EndpointScope(service, endpoint):
                found = self._services.get(service)
                return found is not None and any(one.id == endpoint for one in found.service.endpoints)
            case ServiceScope(service):
                return service in self._services
            case RegionScope(zone, region):
                return region in self._anywhere if zone == EVERY_ZONE else (zone, region) in self._regions
        return scope.zone in self._zones
