"""Decisions: what one service answers in each of its cells, given a status."""

from dns.name import Name

from gtm.dns.name import wire
from gtm.health.consensus.status import Status
from gtm.health.override.override import Action
from gtm.plan.last_good import Remembered
from gtm.plan.model import SteeredService
from gtm.plan.outcome import Answer, AnswerPool, CellAnswers, Decisions
from gtm.plan.overlay import NO_OVERLAY, Overlay, effective, is_by_checks_alone
from gtm.plan.service_shape import EffectiveHealth
from gtm.plan.shape_decisions import Shapes
from gtm.zone.model import Endpoint, OnAllDown, Service


def decisions(
    steered: SteeredService, status: Status, before: Remembered, shapes: Shapes, overlay: Overlay = NO_OVERLAY
) -> Decisions:
    """Returns the decisions of the service for all of its cells, by this status and overlay.

    `before` is the service in the plan before; `serve_last_good` needs it. `shapes` is the cache of this round.
    """
    counts = effective(steered, status, overlay)
    spread = shapes.spread(steered, counts)
    if steered.service.on_all_down is OnAllDown.SERVE_LAST_GOOD:
        spread = shapes.last_good.spread(steered, spread, before, taken_out=_taken_out(counts))
    return Decisions(steered.answer_pool, spread, _ttls(steered, spread, status, shapes, overlay))


def retimed_decisions(
    steered: SteeredService, status: Status, before: Decisions, shapes: Shapes, overlay: Overlay = NO_OVERLAY
) -> Decisions:
    """Returns the decisions with the TTLs that this status allows; the same object when no TTL changes."""
    if steered.service.ttl_min is None or not is_by_checks_alone(steered, overlay):
        return before
    ttls = shapes.truthful_ttls(before.spread, steered, status)
    return before if ttls == before.ttls else Decisions(before.answer_pool, before.spread, ttls)


def _ttls(
    steered: SteeredService, spread: CellAnswers, status: Status, shapes: Shapes, overlay: Overlay
) -> tuple[int, ...]:
    least = steered.service.ttl_min
    if least is None:
        return shapes.plain_ttls(spread, steered.service)
    if not is_by_checks_alone(steered, overlay):  # people change their minds at any time
        return (least,) * len(spread.different)
    return shapes.truthful_ttls(spread, steered, status)


def _taken_out(counts: EffectiveHealth) -> frozenset[int]:
    return frozenset(number for number, action in enumerate(counts.said) if action in {Action.DOWN, Action.DRAIN})


def answer_pool_of(service: Service) -> AnswerPool:
    """Returns the answer pool of a service: one record for each endpoint, in the order of the zone file."""
    return AnswerPool(
        tuple(
            Answer(endpoint.rtype, _rdata(endpoint), endpoint.weight, endpoint.id, endpoint.region)
            for endpoint in service.endpoints
        )
    )


def _rdata(endpoint: Endpoint) -> bytes:
    return wire(endpoint.answer) if isinstance(endpoint.answer, Name) else endpoint.answer.packed
