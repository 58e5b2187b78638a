"""An override: what a person set for a scope, and which of many overrides counts.

What comes in: overrides in any order, some twice, from any node of the mesh. What goes out: the newest one of each
scope, and the one that decides for an endpoint. It reads no clock: a wall time is an argument.

    1. Of each node the newest override of each scope is kept (by `made_at`, then `id`), and of these the newest
       MAX_PER_NODE. So a node that makes too many loses only its own oldest ones.
    2. Of the overrides of all nodes for one scope the newest counts.
    3. Joining is commutative, associative and idempotent, so nodes that heard the same overrides keep the same.
    4. An override is in force until its `until`, but is kept for KEPT_S after `made_at` even if it ended sooner: for so
       long an older one of its scope may still be in force on another node, and must not come back.
    5. Of the overrides in force the one with the most specific scope decides (scope.py); the others have no effect.
    6. `clear` ends at once: by 2 no override of its scope counts then, and it lifts no safety rule.

A node that hears an override made more than MAX_AHEAD_S from now does not use it until then. So a clock that is ahead,
or a lie, outranks no override that is made meanwhile (`is_ahead`). After that 1 to 3 are true again.

    action   what is believed of the scope            when all other endpoints are down
    down     down, whatever the checks say            answered only if everything was taken out
    drain    the same, but it is no failure           answered only if everything was taken out
    up       up, whatever the checks say
    obey     what the checks say, whatever an override of a wider scope says
    clear    what the checks or an override of another scope say
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import NewType

from gtm.health.override.scope import (
    EVERY_ZONE,
    EndpointRef,
    EndpointScope,
    RegionScope,
    Scope,
    ServiceScope,
    ZoneScope,
    scopes_of,
)
from gtm.ids import NodeName, RegionName, ServiceId

OverrideId = NewType("OverrideId", str)
"""`NODE:MILLISECONDS`: the node where it was made, and when; ids of two nodes are never the same."""

DEFAULT_SPAN_S = 4 * 3600.0
MAX_SPAN_S = 72 * 3600.0
"""The longest time of an override (as of AWS zonal shifts): a forgotten one must not outlast a long weekend."""

MIN_SPAN_S = 1.0

CLEAR_SPAN_S = 0.001
"""The length of a `clear` in its signed form: too short for any other override (signed.py)."""

MAX_SKEW_S = 30.0
"""How far two machines' wall clocks may differ, as for reports."""

KEPT_S = MAX_SPAN_S + MAX_SKEW_S

MAX_AHEAD_S = 2.0
"""An override made at most this far in the future counts at once: synchronized clocks differ by less."""

MAX_PER_NODE = 250
"""The most overrides kept of one node, ended ones too; the newest stay. It is more than people make by hand in three
days, and half of what a report carries."""

MAX_WHY_LENGTH = 500
MAX_BY_LENGTH = 100


class Action(Enum):
    """The action of an override; see the table above."""

    DOWN = "down"
    UP = "up"
    DRAIN = "drain"
    OBEY = "obey"
    CLEAR = "clear"


TAKING = frozenset({Action.DOWN, Action.DRAIN})
"""The actions that take endpoints out of the answers."""


class SafetyRule(Enum):
    """A safety rule, by the name that zone files, events and overrides use (gtm/plan/safety/rules.py)."""

    AT_LEAST = "at_least"
    MAX_SHARE = "max_share_removed_per_minute"
    CORRELATED = "correlated_failure"
    MIN_HEALTHY = "min_healthy"


@dataclass(frozen=True, slots=True)
class Override:
    """One action of one person for one scope, with its reason and its time."""

    id: OverrideId
    node: NodeName
    """The node where it was made; that node signs it."""
    scope: Scope
    action: Action
    why: str
    by: str
    made_at: float
    """When it was made, in Unix seconds by the clock of `node`."""
    until: float
    """When it ends, in Unix seconds."""
    rules: tuple[SafetyRule, ...] = ()
    """The safety rules that it lifts, sorted by name."""

    @property
    def edition(self) -> tuple[float, str]:
        """Returns the key that orders the overrides of one scope by age: when it was made, and its id."""
        return self.made_at, self.id

    def is_ahead(self, wall: float) -> bool:
        """Returns whether it was made so far in the future that a node must not use it yet. `wall`: Unix seconds."""
        return self.made_at > wall + MAX_AHEAD_S

    def outranks(self, other: "Override") -> bool:
        """Returns whether it is newer than another override of its scope, and so counts instead of it."""
        # a node whose clock went back may use an id twice; even then all nodes must choose the same override
        return (self.edition, repr(self)) > (other.edition, repr(other))

    def is_in_force(self, wall: float) -> bool:
        """Returns whether it has an effect at this time (Unix seconds): it has not ended, and is no `clear`."""
        return self.action is not Action.CLEAR and wall < self.until

    def __str__(self) -> str:
        rules = f", overrides the rules {', '.join(rule.value for rule in self.rules)}" if self.rules else ""
        return f"{self.action.value} {self.scope} by {self.by}: {self.why}{rules}"


@dataclass(frozen=True, slots=True)
class OverrideRequest:
    """An override that a person wants to set, before it has an id and a time."""

    scope: Scope
    action: Action
    why: str
    by: str
    span_s: float | None = None
    """Seconds until it ends. None: DEFAULT_SPAN_S; for `obey`, at least as long as what it exempts from."""
    rules: tuple[SafetyRule, ...] = ()
    is_signed: bool = False
    """Whether the scope has the signed name, not the present one: true when one override is ended by its id."""


Overrides = Mapping[Scope, Override]
"""The newest override of each scope, ended ones too."""

OverridesByNode = Mapping[NodeName, Overrides]
"""The overrides of each node: at most one for each scope, and at most MAX_PER_NODE."""

NO_OVERRIDES: Overrides = {}
NOTHING_HELD: OverridesByNode = {}


def joined(held: OverridesByNode, heard: Iterable[Override]) -> OverridesByNode:
    """Returns the overrides of each node after those of `heard` are added to those of `held`.

    It is the same object as `held` when nothing is new.
    """
    by_node: dict[NodeName, list[Override]] = {}
    for held_by in heard:
        by_node.setdefault(held_by.node, []).append(held_by)
    after = {node: _joined(held.get(node, NO_OVERRIDES), more) for node, more in by_node.items()}
    changed = {node: own for node, own in after.items() if own is not held.get(node, NO_OVERRIDES)}
    return {**held, **changed} if changed else held


def _joined(known: Overrides, heard: Iterable[Override]) -> Overrides:
    """Returns the newest override of one node for each scope; the same object as `known` when nothing is new."""
    newer: dict[Scope, Override] = {}
    for override in heard:
        last = newer.get(override.scope, known.get(override.scope))
        if last is None or override.outranks(last):
            newer[override.scope] = override
    if not newer:
        return known
    # only the rank may decide which stay: otherwise nodes that heard the same in another order would differ
    ranked = sorted({**known, **newer}.values(), key=lambda override: (override.edition, repr(override)), reverse=True)
    after = {override.scope: override for override in ranked[:MAX_PER_NODE]}
    return known if after == known else after


def newest(held: OverridesByNode) -> Overrides:
    """Returns the override that counts for each scope: the newest one of all nodes."""
    by_scope: dict[Scope, Override] = {}
    for override in all_of(held):
        if override.scope not in by_scope or override.outranks(by_scope[override.scope]):
            by_scope[override.scope] = override
    return by_scope


def all_of(held: OverridesByNode) -> Iterator[Override]:
    """Yields every override of every node."""
    for own in held.values():
        yield from own.values()


def kept(held: OverridesByNode, *, wall: float) -> OverridesByNode:
    """Returns the overrides made less than KEPT_S ago; the same object when all were. `wall` is in Unix seconds."""
    if all(wall < override.made_at + KEPT_S for override in all_of(held)):
        return held
    still = {
        node: {scope: override for scope, override in own.items() if wall < override.made_at + KEPT_S}
        for node, own in held.items()
    }
    return {node: own for node, own in still.items() if own}


@dataclass(frozen=True, slots=True)
class InForce:
    """The overrides in force at one time."""

    by_scope: Overrides = field(default_factory=dict)
    """By scope with its present name, which may differ from the signed one (gtm/node/state/override_names.py)."""
    gone: Mapping[Scope, float] = field(default_factory=dict)
    """Scopes without any served endpoint, and since when, in Unix seconds; 0.0 if there never was one."""
    _services: frozenset[str] = field(init=False, compare=False, repr=False)
    _places: frozenset[tuple[str, str]] = field(init=False, compare=False, repr=False)
    """Zones and regions of all overrides: ("gtm.example.com", "") and ("gtm.example.com", "eu-west")."""

    def __post_init__(self) -> None:
        scopes = self.by_scope.keys()
        services = {scope.service for scope in scopes if isinstance(scope, EndpointScope | ServiceScope)}
        places = {(scope.zone, str(scope.region)) for scope in scopes if isinstance(scope, RegionScope)}
        places |= {(scope.zone, "") for scope in scopes if isinstance(scope, ZoneScope)}
        object.__setattr__(self, "_services", frozenset(services))
        object.__setattr__(self, "_places", frozenset(places))

    def touches(self, zone: str, service: ServiceId, regions: Iterable[RegionName]) -> bool:
        """Returns whether an override may cover an endpoint of this service, in its zone and regions.

        It is a fast test that runs for every service.
        """
        if not self.by_scope:
            return False
        if service in self._services or (zone, "") in self._places:
            return True
        return any((zone, name) in self._places or (EVERY_ZONE, name) in self._places for name in regions)

    def __bool__(self) -> bool:
        return bool(self.by_scope)

    def of(self, endpoint_ref: EndpointRef) -> Override | None:
        """Returns the override that decides for an endpoint: the most specific one, which may be an `obey`; or None."""
        if not self.by_scope:
            return None
        return next((self.by_scope[scope] for scope in scopes_of(endpoint_ref) if scope in self.by_scope), None)

    def lifts(self, endpoint_ref: EndpointRef, rule: SafetyRule) -> bool:
        """Returns whether any override that covers an endpoint lifts this safety rule."""
        if not self.by_scope:
            return False
        return any(rule in self.by_scope[scope].rules for scope in scopes_of(endpoint_ref) if scope in self.by_scope)


NOTHING_IN_FORCE = InForce()


def in_force(overrides: Overrides, *, wall: float, gone: Mapping[Scope, float] | None = None) -> InForce:
    """Returns the overrides in force at this time (Unix seconds). `gone` has the scopes without any endpoint."""
    by_scope = {scope: override for scope, override in overrides.items() if override.is_in_force(wall)}
    return InForce(by_scope, gone or {}) if by_scope else NOTHING_IN_FORCE


def differing(overrides: InForce, other: InForce) -> InForce:
    """Returns the overrides that differ between two times: for each such scope that of the first, else the second."""
    scopes = overrides.by_scope.keys() | other.by_scope.keys()
    changed = [scope for scope in scopes if overrides.by_scope.get(scope) != other.by_scope.get(scope)]
    return InForce({scope: overrides.by_scope.get(scope) or other.by_scope[scope] for scope in changed})
