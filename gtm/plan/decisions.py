"""Decisions: what one service answers in each of its cells, given a status."""

from dns.name import Name

from gtm.dns.name import wire
from gtm.health.override import Action
from gtm.health.status import Status
from gtm.plan.cells import carried
from gtm.plan.form import Effective
from gtm.plan.guidance import NO_GUIDANCE, Guidance, effective, is_by_checks_alone
from gtm.plan.model import SteeredService
from gtm.plan.outcome import Answer, Decisions, Menu, Selected, Spread
from gtm.plan.shape import Shapes
from gtm.plan.ttl import truthful_ttls
from gtm.steer.decide import Pick, State
from gtm.zone.model import Endpoint, OnAllDown, Service

Remembered = tuple[SteeredService, Decisions] | None
"""A service as the plan before had it, with its decisions; None for a new one."""


def decisions(
    steered: SteeredService, status: Status, before: Remembered, shapes: Shapes, guidance: Guidance = NO_GUIDANCE
) -> Decisions:
    """Returns what the service answers in each of its cells."""
    counts = effective(steered, status, guidance)
    spread = shapes.spread(steered, counts)
    if before is not None and steered.service.on_all_down is OnAllDown.SERVE_LAST_GOOD:
        spread = _with_last_good(steered, spread, *before, taken_out=_taken_out(counts))
    return Decisions(steered.menu, spread, _ttls(steered, spread, status, shapes, guidance))


def retimed_decisions(
    steered: SteeredService, status: Status, before: Decisions, guidance: Guidance = NO_GUIDANCE
) -> Decisions:
    """Returns the decisions with the TTLs that this status allows; the same object when no TTL changes."""
    if steered.service.ttl_min is None or not is_by_checks_alone(steered, guidance):
        return before
    ttls = truthful_ttls(steered.service, before.spread, steered.form, steered.checks, status.checks)
    return before if ttls == before.ttls else Decisions(before.menu, before.spread, ttls)


def _ttls(
    steered: SteeredService, spread: Spread, status: Status, shapes: Shapes, guidance: Guidance
) -> tuple[int, ...]:
    least = steered.service.ttl_min
    if least is None:
        return shapes.plain_ttls(spread, steered.service)
    if not is_by_checks_alone(steered, guidance):  # people change their minds at any time
        return (least,) * len(spread.different)
    return truthful_ttls(steered.service, spread, steered.form, steered.checks, status.checks)


def _taken_out(counts: Effective) -> frozenset[int]:
    return frozenset(number for number, action in enumerate(counts.said) if action in {Action.DOWN, Action.DRAIN})


def menu_of(service: Service) -> Menu:
    """Returns what each endpoint answers with, in the order of the zone file."""
    return Menu(tuple(Answer(one.rtype, _rdata(one), one.weight, one.id, one.region) for one in service.endpoints))


def _rdata(endpoint: Endpoint) -> bytes:
    return wire(endpoint.answer) if isinstance(endpoint.answer, Name) else endpoint.answer.packed


def _with_last_good(
    steered: SteeredService, fresh: Spread, old: SteeredService, old_decisions: Decisions, *, taken_out: frozenset[int]
) -> Spread:
    """Returns the spread with what was answered before, in the cells where everything is down now."""
    before, kept = carried(steered.space, old.space), _kept_numbers(steered, old, taken_out)
    numbers: dict[tuple[int, int | None], int] = {}
    by_cell = []
    for cell, number in enumerate(fresh.by_cell):
        last = old_decisions.by_cell[before[cell]] if cell in before else None
        by_cell.append(numbers.setdefault((number, last), len(numbers)))
    different = tuple(
        fresh.different[number]
        if last is None
        else _last_good(fresh.different[number], old_decisions.spread.different[last], kept)
        for number, last in numbers
    )
    return Spread(different, tuple(by_cell))


def _kept_numbers(steered: SteeredService, old: SteeredService, taken_out: frozenset[int]) -> dict[int, int]:
    """Returns the number of each endpoint that the old plan had and no person took out, by its number there."""
    ends = enumerate(steered.service.endpoints)
    now = {endpoint.id: number for number, endpoint in ends if number not in taken_out}
    return {number: now[endpoint.id] for number, endpoint in enumerate(old.service.endpoints) if endpoint.id in now}


def _last_good(fresh: tuple[Selected, ...], last: tuple[Selected, ...], kept: dict[int, int]) -> tuple[Selected, ...]:
    of_type = {selected.rtype: selected for selected in last}
    return tuple(_last_selected(selected, of_type.get(selected.rtype), kept) for selected in fresh)


def _last_selected(fresh: Selected, last: Selected | None, kept: dict[int, int]) -> Selected:
    """Returns what was answered before everything went down, as far as the zone still has it."""
    if fresh.state is not State.FAIL_OPEN or last is None:
        return fresh
    picks = tuple(Pick(kept[pick.number], pick.weight) for pick in last.picks if pick.number in kept)
    return Selected(fresh.rtype, picks, last.choose, last.count, fresh.state, fresh.rcode) if picks else fresh
