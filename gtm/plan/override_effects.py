"""Effects: what an override would change for each endpoint, worked out before the override is set.

What comes in: services, the status, the overlay before and after, the decisions now, and the override to be set.
What goes out: the Effect of that override. It is pure, and decides nothing.

    who decides for the endpoint then    what it was before           the endpoint is
    ---------------------------------    ------------------------     -----------------------------------------
    this override, `up` or `obey`        whatever                     COUNTS
    this override, `down` or `drain`     in the answers               COUNTS: taken out
                                         down, and answered by        COUNTS: taken out
                                         on_all_down
                                         down by its checks           kept out when it recovers  (DOWN)
                                         skipped by `min_healthy`     kept out, also without that (SKIPPED)
                                         out by what it supersedes    kept out                   (RENEWED)
                                         out by another override      kept out, if this was asked to last longer; else
                                                                      not taken                  (OUT)
    a more specific one, that takes out  out                          as the line above          (OUT)
    a more specific one, `obey` or `up`  whatever                     not taken                  (EXEMPT)
    any, but all of its type are out,    in the answers               not taken                  (LAST)
    and on_all_down has all answered     out                          brought back               (BACK)
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import Enum

from gtm.errors import OverrideRefused
from gtm.health.belief import Belief
from gtm.health.consensus.status import Status
from gtm.health.override.override import TAKING, Action, InForce, Override
from gtm.health.override.scope import EndpointRef, Scope, covers
from gtm.ids import ServiceId
from gtm.plan.model import SteeredService
from gtm.plan.outcome import Decisions
from gtm.plan.overlay import Overlay, beliefs, effective, is_spoken_of, overriding
from gtm.plan.service_shape import EffectiveHealth, candidates, of_type
from gtm.steer.filter import Candidates
from gtm.zone.model import OnAllDown


class Why(Enum):
    """Whether an override counts for an endpoint that it covers, or why it does not."""

    COUNTS = "counts"
    EXEMPT = "exempt"
    OUT = "out_already"
    RENEWED = "renewed"
    """The endpoint is out by the earlier override of the same scope, which this one replaces."""
    DOWN = "down_already"
    SKIPPED = "skipped_already"
    LAST = "nothing_else_left"
    BACK = "brought_back"
    """The endpoint was out until now; it is answered again, because nothing else is left."""


@dataclass(frozen=True, slots=True)
class Touched:
    """The effect of an override on one endpoint that it covers."""

    endpoint_ref: EndpointRef
    why: Why
    by: Override | None = None
    """The other override that decides for the endpoint; None when no other one does."""

    @property
    def target(self) -> str:
        """Returns the address or the name of the endpoint."""
        return self.endpoint_ref.endpoint.partition("/")[2]


@dataclass(frozen=True, slots=True)
class Effect:
    """The endpoints that an override covers, by what it changes for them."""

    counts: tuple[Touched, ...] = ()
    """The endpoints that the override decides for now; with `down` and `drain`, those that it takes out."""
    keeps: tuple[Touched, ...] = ()
    """Endpoints that are out of the answers already; the override keeps them out for longer."""
    without: tuple[Touched, ...] = ()
    """Endpoints that the override covers, and for which it changes nothing."""

    @property
    def is_nothing(self) -> bool:
        """Returns whether the override changes nothing for any endpoint."""
        return not self.counts and not self.keeps

    @property
    def is_last(self) -> bool:
        """Returns whether an endpoint stays in the answers because nothing else is left (LAST or BACK)."""
        return any(touched.why in {Why.LAST, Why.BACK} for touched in self.without)


@dataclass(frozen=True, slots=True)
class Said:
    """An override that was set, its effect, and the overrides that it ended."""

    override: Override
    effect: Effect = Effect()
    ended: tuple[Override, ...] = ()
    """The overrides of its scope that counted until then."""


class TakesNothing(OverrideRefused):
    """Raised for an override that would change nothing.

    `effect` says why, for each endpoint; `wall` is the wall time of the attempt.
    """

    def __init__(self, message: str, effect: Effect, *, wall: float) -> None:
        super().__init__(message)
        self.effect = effect
        self.wall = wall


def effect_of(  # one argument for each thing that it depends on
    services: Iterable[SteeredService],
    status: Status,
    before: Overlay,
    after: Overlay,
    *,
    decided: Mapping[ServiceId, Decisions],
    override: Override,
    scope: Scope,
    outlasts: bool,
) -> Effect:
    """Returns the effect of an override of a scope. The overlay `after` already contains it; `before` does not.

    `decided` has the decisions of now. `outlasts` is True when a person named an end time: only then can the override
    keep out an endpoint that another override took out.
    """
    only, asked = (
        InForce({scope: override}),
        _Asked(override, scope, before.said.by_scope.get(scope), outlasts, decided),
    )
    touched = [
        touched_endpoint
        for steered in services
        if is_spoken_of(steered, only)
        for touched_endpoint in _touched(steered, status, before, after, asked)
    ]
    keeps = tuple(touched_endpoint for touched_endpoint, is_kept in touched if is_kept)
    others = [touched_endpoint for touched_endpoint, is_kept in touched if not is_kept]
    counts = tuple(touched_endpoint for touched_endpoint in others if touched_endpoint.why is Why.COUNTS)
    return Effect(
        counts, keeps, tuple(touched_endpoint for touched_endpoint in others if touched_endpoint.why is not Why.COUNTS)
    )


def freed_by(
    services: Iterable[SteeredService], before: InForce, after: InForce, *, ended: Iterable[Override]
) -> Effect:
    """Returns the effect of ending overrides.

    `counts` has the endpoints for which the checks count again; `without` has those that another override decides.
    """
    over = frozenset(ended)
    counts, without = [], []
    for steered in services:
        if not is_spoken_of(steered, before):
            continue
        was, now = overriding(steered, before), overriding(steered, after)
        for endpoint_ref, old, new in zip(steered.endpoint_refs, was, now, strict=True):
            if old not in over:
                continue
            if new is None or new.action is Action.OBEY:
                counts.append(Touched(endpoint_ref, Why.COUNTS))
            else:
                without.append(Touched(endpoint_ref, Why.OUT if new.action in TAKING else Why.EXEMPT, new))
    return Effect(tuple(counts), (), tuple(without))


@dataclass(frozen=True, slots=True)
class _Asked:
    said: Override
    scope: Scope
    renews: Override | None
    """The override of the same scope that counted until then."""
    outlasts: bool
    decided: Mapping[ServiceId, Decisions]

    def keeps(self, by: Override) -> bool:
        """Returns whether the new override keeps out an endpoint that the override `by` took out."""
        return by == self.renews or (self.outlasts and self.said.until > by.until)


def _touched(
    steered: SteeredService, status: Status, before: Overlay, after: Overlay, asked: _Asked
) -> list[tuple[Touched, bool]]:
    """Returns the endpoints of a service that the override covers.

    With each comes whether it is out already and the override keeps it out.
    """
    covered = [number for number, endpoint_ref in enumerate(steered.endpoint_refs) if covers(asked.scope, endpoint_ref)]
    if not covered:
        return []
    checked, believed = beliefs(steered, status), effective(steered, status, before).beliefs
    answered_now = _numbers_answered(asked.decided.get(steered.id))
    answered = _answered_then(steered, effective(steered, status, after))
    touched = []
    for number in covered:
        endpoint_ref = steered.endpoint_refs[number]
        decider, old = after.said.of(endpoint_ref), before.said.of(endpoint_ref)
        if decider is None:  # it ended at the moment when it was set
            continue
        if asked.said.action not in TAKING:
            is_its = decider == asked.said
            touched.append(
                (Touched(endpoint_ref, Why.COUNTS) if is_its else Touched(endpoint_ref, Why.EXEMPT, decider), False)
            )
        elif decider.action not in TAKING:
            touched.append((Touched(endpoint_ref, Why.EXEMPT, decider), False))
        elif number in answered:
            is_in = believed[number] is not Belief.DOWN or number in answered_now
            touched.append((Touched(endpoint_ref, Why.LAST if is_in else Why.BACK), False))
        elif decider not in {asked.said, old}:  # another override of the same command
            touched.append((Touched(endpoint_ref, Why.OUT, decider), True))
        elif old is not None and old.action in TAKING:
            is_renewed = old == asked.renews
            touched.append(
                (
                    Touched(endpoint_ref, Why.RENEWED) if is_renewed else Touched(endpoint_ref, Why.OUT, old),
                    asked.keeps(old),
                )
            )
        elif believed[number] is Belief.DOWN and number not in answered_now:
            is_down = checked[number] is Belief.DOWN
            touched.append((Touched(endpoint_ref, Why.DOWN if is_down else Why.SKIPPED), True))
        else:
            touched.append((Touched(endpoint_ref, Why.COUNTS), False))
    return touched


def _numbers_answered(decided: Decisions | None) -> frozenset[int]:
    """Returns the numbers of the endpoints that are in the answers of any cell."""
    if decided is None:
        return frozenset()
    return frozenset(pick.number for part in decided.spread.different for chosen in part for pick in chosen.picks)


def _answered_then(steered: SteeredService, counted: EffectiveHealth) -> frozenset[int]:
    """Returns the numbers of endpoints that overrides took out and that are answered all the same (decide.py)."""
    if not any(action in TAKING for action in counted.said):
        return frozenset()
    everyone = candidates(steered.service_shape, counted)
    numbers: set[int] = set()
    for rtype in steered.service_shape.types:
        here = of_type(everyone, steered.service_shape, rtype)
        regular = tuple(candidate for candidate in here if not candidate.last_resort)
        if not _is_left(regular) and _answers_all(steered.service.on_all_down, here):
            numbers.update(candidate.number for candidate in regular)
    return frozenset(numbers)


def _answers_all(on_all_down: OnAllDown, here: Candidates) -> bool:
    if on_all_down in {OnAllDown.NODATA, OnAllDown.SERVFAIL}:
        return False
    return on_all_down is not OnAllDown.LAST_RESORT or not _is_left(
        tuple(candidate for candidate in here if candidate.last_resort)
    )


def _is_left(some: Candidates) -> bool:
    return any(not endpoint.is_taken_out for endpoint in some)
