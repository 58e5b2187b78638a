"""An override: what a person said of a scope, and how what many said becomes one.

What comes in: overrides in any order, some twice, by any way through the mesh. What goes out: the newest of each scope,
and which of those decides for an endpoint. It is pure: a wall time is an argument.

    1. Of each node the newest of each scope is held (by `made_at`, then `id`), and of those the newest MAX_PER_NODE.
       So nobody can push out what another node said: a flood costs the oldest of its own node.
    2. Of what all nodes said of one scope the newest counts.
    3. Joining is commutative, associative and idempotent, so nodes that heard the same hold the same.
    4. An override is in force until its `until`, and is kept KEPT_S from `made_at` even if it ended sooner: so long
       could an older one of its scope still be in force somewhere, and it must not come back.
    5. Of those in force the one of the most specific scope decides (scope.py); the others say nothing.
    6. `clear` is over as it is made: of its scope nothing counts then, by 2, and it exempts from nothing.

Who hears one that was made more than MAX_AHEAD_S from now lets it wait until then, so a clock that is ahead, or a lie,
outranks nothing that is said meanwhile (`is_ahead`). Once all clocks have passed all stamps, 1 to 3 hold again.

    action   what is believed                         when all the rest is down
    down     down, whatever the checks say            answered only if everything was taken out
    drain    the same, but it is no failure           answered only if everything was taken out
    up       up, whatever the checks say
    obey     what the checks say, whatever is said of a wider scope
    clear    nothing is said of this scope any more
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
"""`NODE:MILLISECONDS`, of who made it and when: ids of two nodes are never the same."""

DEFAULT_SPAN_S = 4 * 3600.0
MAX_SPAN_S = 72 * 3600.0
"""That of AWS zonal shifts: what a person said and forgot must not outlive a long weekend."""

MIN_SPAN_S = 1.0

CLEAR_SPAN_S = 0.001
"""Of what ends another one: as short as a stamp can tell, and too short to be anything else (signed.py)."""

MAX_SKEW_S = 30.0
"""How far two machines' wall clocks may differ, as for reports."""

KEPT_S = MAX_SPAN_S + MAX_SKEW_S

MAX_AHEAD_S = 2.0
"""An override made this far ahead of now counts at once: clocks that are kept in step differ by less."""

MAX_PER_NODE = 250
"""Of one node, ended ones too; the newest stay. More than people say by hand in three bad days, and half of what a
report carries."""

MAX_WHY_LENGTH = 500
MAX_BY_LENGTH = 100


class Action(Enum):
    """What is said."""

    DOWN = "down"
    UP = "up"
    DRAIN = "drain"
    OBEY = "obey"
    CLEAR = "clear"


TAKING = frozenset({Action.DOWN, Action.DRAIN})
"""What takes something out of the answers."""


class SafetyRule(Enum):
    """What automatics may not do, by the name that zone files, events and overrides use (gtm/plan/safety/rules.py)."""

    AT_LEAST = "at_least"
    MAX_SHARE = "max_share_removed_per_minute"
    CORRELATED = "correlated_failure"
    MIN_HEALTHY = "min_healthy"


@dataclass(frozen=True, slots=True)
class Override:
    """What one person said of one scope."""

    id: OverrideId
    node: NodeName
    """Where it was said; this node signs it."""
    scope: Scope
    action: Action
    why: str
    by: str
    made_at: float
    """Wall seconds by the clock of `node`."""
    until: float
    """Wall seconds; it says nothing from then on."""
    rules: tuple[SafetyRule, ...] = ()
    """Those that must not stand in its way, sorted by name."""

    @property
    def edition(self) -> tuple[float, str]:
        """Returns the key that orders the overrides of one scope."""
        return self.made_at, self.id

    def is_ahead(self, wall: float) -> bool:
        """Returns whether its time has not come yet for who hears it now."""
        return self.made_at > wall + MAX_AHEAD_S

    def outranks(self, other: "Override") -> bool:
        """Returns whether it counts in the place of another one of its scope."""
        # a node whose clock went back may use an id twice; whatever it said, all must take the same
        return (self.edition, repr(self)) > (other.edition, repr(other))

    def is_in_force(self, wall: float) -> bool:
        """Returns whether it says something at this time."""
        return self.action is not Action.CLEAR and wall < self.until

    def __str__(self) -> str:
        rules = f", overrides the rules {', '.join(rule.value for rule in self.rules)}" if self.rules else ""
        return f"{self.action.value} {self.scope} by {self.by}: {self.why}{rules}"


@dataclass(frozen=True, slots=True)
class OverrideRequest:
    """What a person wants to say."""

    scope: Scope
    action: Action
    why: str
    by: str
    span_s: float | None = None
    """None: DEFAULT_SPAN_S; for `obey`, at least as long as what it exempts from."""
    rules: tuple[SafetyRule, ...] = ()
    is_signed: bool = False
    """Whether the scope is what was signed, and not what it is called now: of what ends one override by its id."""


Overrides = Mapping[Scope, Override]
"""The newest of each scope, ended ones too."""

OverridesByNode = Mapping[NodeName, Overrides]
"""What each node said: of no scope twice, at most MAX_PER_NODE each."""

NO_OVERRIDES: Overrides = {}
NOTHING_HELD: OverridesByNode = {}


def joined(held: OverridesByNode, heard: Iterable[Override]) -> OverridesByNode:
    """Returns the overrides of each node, from those that were held and those that are heard.

    The same object when nothing is new.
    """
    by_node: dict[NodeName, list[Override]] = {}
    for held_by in heard:
        by_node.setdefault(held_by.node, []).append(held_by)
    after = {node: _joined(held.get(node, NO_OVERRIDES), more) for node, more in by_node.items()}
    changed = {node: own for node, own in after.items() if own is not held.get(node, NO_OVERRIDES)}
    return {**held, **changed} if changed else held


def _joined(known: Overrides, heard: Iterable[Override]) -> Overrides:
    """Returns the newest of what one node said of each scope."""
    newer: dict[Scope, Override] = {}
    for override in heard:
        last = newer.get(override.scope, known.get(override.scope))
        if last is None or override.outranks(last):
            newer[override.scope] = override
    if not newer:
        return known
    # nothing but what ranks them may choose what stays: else nodes that heard the same in another order would differ
    ranked = sorted({**known, **newer}.values(), key=lambda override: (override.edition, repr(override)), reverse=True)
    after = {override.scope: override for override in ranked[:MAX_PER_NODE]}
    return known if after == known else after


def newest(held: OverridesByNode) -> Overrides:
    """Returns the override that counts for each scope, whoever set it."""
    by_scope: dict[Scope, Override] = {}
    for override in all_of(held):
        if override.scope not in by_scope or override.outranks(by_scope[override.scope]):
            by_scope[override.scope] = override
    return by_scope


def all_of(held: OverridesByNode) -> Iterator[Override]:
    """Yields every override that is held."""
    for own in held.values():
        yield from own.values()


def kept(held: OverridesByNode, *, wall: float) -> OverridesByNode:
    """Returns those that still matter; the same object when all do."""
    if all(wall < override.made_at + KEPT_S for override in all_of(held)):
        return held
    still = {
        node: {scope: override for scope, override in own.items() if wall < override.made_at + KEPT_S}
        for node, own in held.items()
    }
    return {node: own for node, own in still.items() if own}


@dataclass(frozen=True, slots=True)
class InForce:
    """The overrides that say something at one time."""

    by_scope: Overrides = field(default_factory=dict)
    """By what each scope is called now, which need not be what was signed (gtm/node/state/override_names.py)."""
    gone: Mapping[Scope, float] = field(default_factory=dict)
    """Since when nothing that is served is in a scope; 0.0: nothing ever was."""
    _services: frozenset[str] = field(init=False, compare=False, repr=False)
    _places: frozenset[tuple[str, str]] = field(init=False, compare=False, repr=False)
    """Zones, and regions, of any override: ("gtm.example.com", "") and ("gtm.example.com", "eu-west")."""

    def __post_init__(self) -> None:
        scopes = self.by_scope.keys()
        services = {scope.service for scope in scopes if isinstance(scope, EndpointScope | ServiceScope)}
        places = {(scope.zone, str(scope.region)) for scope in scopes if isinstance(scope, RegionScope)}
        places |= {(scope.zone, "") for scope in scopes if isinstance(scope, ZoneScope)}
        object.__setattr__(self, "_services", frozenset(services))
        object.__setattr__(self, "_places", frozenset(places))

    def touches(self, zone: str, service: ServiceId, regions: Iterable[RegionName]) -> bool:
        """Returns whether anything may be said of an endpoint of this service; this is asked of every service."""
        if not self.by_scope:
            return False
        if service in self._services or (zone, "") in self._places:
            return True
        return any((zone, name) in self._places or (EVERY_ZONE, name) in self._places for name in regions)

    def __bool__(self) -> bool:
        return bool(self.by_scope)

    def of(self, endpoint_ref: EndpointRef) -> Override | None:
        """Returns the override that decides for an endpoint: the most specific one. It may say `obey`."""
        if not self.by_scope:
            return None
        return next((self.by_scope[scope] for scope in scopes_of(endpoint_ref) if scope in self.by_scope), None)

    def lifts(self, endpoint_ref: EndpointRef, rule: SafetyRule) -> bool:
        """Returns whether any override that covers an endpoint names this rule."""
        if not self.by_scope:
            return False
        return any(rule in self.by_scope[scope].rules for scope in scopes_of(endpoint_ref) if scope in self.by_scope)


NOTHING_IN_FORCE = InForce()


def in_force(overrides: Overrides, *, wall: float, gone: Mapping[Scope, float] | None = None) -> InForce:
    """Returns those that say something at this time."""
    by_scope = {scope: override for scope, override in overrides.items() if override.is_in_force(wall)}
    return InForce(by_scope, gone or {}) if by_scope else NOTHING_IN_FORCE


def differing(overrides: InForce, other: InForce) -> InForce:
    """Returns the overrides that only one of the two has, of either."""
    scopes = overrides.by_scope.keys() | other.by_scope.keys()
    changed = [scope for scope in scopes if overrides.by_scope.get(scope) != other.by_scope.get(scope)]
    return InForce({scope: overrides.by_scope.get(scope) or other.by_scope[scope] for scope in changed})
