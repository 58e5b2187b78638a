"""Decisions: what one service answers in each of its cells, given a status."""

from dataclasses import replace

from dns.name import Name
from dns.rcode import Rcode
from dns.rdatatype import RdataType

from gtm.dns.name import wire
from gtm.health.belief import Belief
from gtm.health.status import Status
from gtm.plan.cells import carried
from gtm.plan.model import Answer, Decision, Decisions, Outcome, SteeredService
from gtm.plan.shape import Shapes
from gtm.steer.decide import Decided, State
from gtm.steer.filter import Candidate, Candidates, Choose
from gtm.zone.model import Endpoint, OnAllDown, Service

Remembered = tuple[SteeredService, Decisions] | None
"""A service as the plan before had it, with its decisions; None for a new one."""


def decisions(steered: SteeredService, status: Status, before: Remembered, shapes: Shapes) -> Decisions:
    """Returns what the service answers in each of its cells."""
    everyone, types = candidates(steered.service, status), answered_types(steered.service)
    spread = shapes.spread(steered, tuple(of_type(everyone, steered.service, rtype) for rtype in types))
    fresh = Decisions(
        tuple(
            Decision({rtype: _outcome(steered, rtype, decided) for rtype, decided in zip(types, each, strict=True)})
            for each in spread.different
        ),
        spread.by_cell,
    )
    if before is None or steered.service.on_all_down is not OnAllDown.SERVE_LAST_GOOD:
        return fresh
    return _with_last_good(steered, fresh, *before)


def candidates(service: Service, status: Status) -> Candidates:
    """Returns the service's endpoints with what the status believes of them; unwatched ones count as up."""
    return tuple(
        Candidate(
            number,
            endpoint.region,
            _belief(service, endpoint, status),
            endpoint.weight,
            endpoint.priority,
            endpoint.last_resort,
        )
        for number, endpoint in enumerate(service.endpoints)
    )


def of_type(everyone: Candidates, service: Service, rtype: int) -> Candidates:
    """Returns the candidates among which the answer of a type is decided: its addresses, and the aliases.

    A resolver that sees an alias once uses it for every type (RFC 1034 3.6.2). So where a type has no address of its
    own, everybody is a candidate: an alias is not shown while an address is preferred to it.
    """
    if rtype == RdataType.CNAME or all(endpoint.rtype != rtype for endpoint in service.endpoints):
        return everyone
    return tuple(candidate for candidate in everyone if _can_answer(service.endpoints[candidate.number].rtype, rtype))


def _can_answer(own: int, rtype: int) -> bool:
    return own in {rtype, RdataType.CNAME}


def answered_types(service: Service) -> tuple[int, ...]:
    """Returns the types that this service has an outcome for."""
    own = {endpoint.rtype for endpoint in service.endpoints}
    if RdataType.CNAME in own:
        return (RdataType.A, RdataType.AAAA, RdataType.CNAME)
    return tuple(sorted(own))


def _belief(service: Service, endpoint: Endpoint, status: Status) -> Belief:
    check = service.check_of(endpoint)
    return Belief.UP if check is None else status.belief(check)


def _outcome(steered: SteeredService, rtype: int, decided: Decided) -> Outcome:
    service = steered.service
    failed = decided.state is State.FAIL_CLOSED and service.on_all_down is OnAllDown.SERVFAIL
    picked = tuple(
        _weighing(steered.answers[number], weight)
        for number, weight in decided.picks
        if _can_answer(steered.answers[number].rtype, rtype)
    )
    return Outcome(
        picked if decided.choose is Choose.ONE else _distinct(picked),
        decided.choose,
        decided.count,
        service.ttl,
        decided.state,
        Rcode.SERVFAIL if failed else Rcode.NOERROR,
    )


def _weighing(answer: Answer, weight: int) -> Answer:
    return answer if answer.weight == weight else replace(answer, weight=weight)


def _distinct(picked: tuple[Answer, ...]) -> tuple[Answer, ...]:
    """Returns the answers without a second one of an address that is in several regions (RFC 2181 5)."""
    first = {(answer.rtype, answer.rdata): answer for answer in reversed(picked)}
    return tuple(answer for answer in picked if first[answer.rtype, answer.rdata] is answer)


def _with_last_good(
    steered: SteeredService, fresh: Decisions, old: SteeredService, old_decisions: Decisions
) -> Decisions:
    """Returns the decisions with what was answered before, in the cells where everything is down now."""
    before = carried(steered.space, old.space)
    numbers: dict[tuple[int, int | None], int] = {}
    by_cell = []
    for cell, number in enumerate(fresh.by_cell):
        last = old_decisions.by_cell[before[cell]] if cell in before else None
        by_cell.append(numbers.setdefault((number, last), len(numbers)))
    different = tuple(
        fresh.different[number]
        if last is None
        else _last_good(fresh.different[number], old_decisions.different[last], steered.service)
        for number, last in numbers
    )
    return Decisions(different, tuple(by_cell))


def _last_good(fresh: Decision, last: Decision, service: Service) -> Decision:
    return Decision(
        {rtype: _last_outcome(outcome, last.outcomes.get(rtype), service) for rtype, outcome in fresh.outcomes.items()}
    )


def _last_outcome(fresh: Outcome, last: Outcome | None, service: Service) -> Outcome:
    """Returns what was answered before everything went down, as far as the zone still has it."""
    if fresh.state is not State.FAIL_OPEN or last is None:
        return fresh
    configured = {endpoint.id for endpoint in service.endpoints}
    kept = tuple(answer for answer in last.answers if answer.endpoint in configured)
    return replace(fresh, answers=kept, choose=last.choose, count=last.count) if kept else fresh


def answers(service: Service) -> tuple[Answer, ...]:
    """Returns what each endpoint answers with, in the order of the zone file."""
    return tuple(Answer(one.rtype, _rdata(one), one.weight, one.id, one.region) for one in service.endpoints)


def _rdata(endpoint: Endpoint) -> bytes:
    return wire(endpoint.answer) if isinstance(endpoint.answer, Name) else endpoint.answer.packed
