"""Decisions: what one service answers in each of its cells, given a status."""

from collections.abc import Mapping

from dns.name import Name
from dns.rcode import Rcode
from dns.rdatatype import RdataType

from gtm.dns.name import wire
from gtm.health.belief import Belief
from gtm.health.status import Status
from gtm.plan.cells import carried
from gtm.plan.model import Answer, Decision, Outcome, SteeredService
from gtm.steer.chain import Views
from gtm.steer.decide import Decided, State, decide
from gtm.steer.filter import Candidate, Candidates, Choose
from gtm.zone.model import Endpoint, OnAllDown, Service

Remembered = tuple[SteeredService, tuple[Decision, ...]] | None
"""A service as the plan before had it, with its decisions; None for a new one."""


def decisions(steered: SteeredService, status: Status, before: Remembered) -> tuple[Decision, ...]:
    """Returns the service's decision in each of its cells."""
    everyone = candidates(steered.service, status)
    remembered = _remembered(steered, before)
    return tuple(
        _decision(steered, everyone, cell.views, remembered.get(number))
        for number, cell in enumerate(steered.space.cells)
    )


def candidates(service: Service, status: Status) -> Candidates:
    """Returns the service's endpoints with what the status believes of them; unwatched ones count as up."""
    return tuple(
        Candidate(endpoint, _belief(service, endpoint, status), endpoint.weight) for endpoint in service.endpoints
    )


def of_type(everyone: Candidates, rtype: int) -> Candidates:
    """Returns the candidates that can answer a type; a CNAME answers any (RFC 1034 3.6.2)."""
    return tuple(candidate for candidate in everyone if candidate.endpoint.rtype in {rtype, RdataType.CNAME})


def answered_types(service: Service) -> tuple[int, ...]:
    """Returns the types that this service has an outcome for."""
    own = {endpoint.rtype for endpoint in service.endpoints}
    if RdataType.CNAME in own:
        return (RdataType.A, RdataType.AAAA, RdataType.CNAME)
    return tuple(sorted(own))


def _belief(service: Service, endpoint: Endpoint, status: Status) -> Belief:
    check = service.check_of(endpoint)
    return Belief.UP if check is None else status.belief(check)


def _remembered(steered: SteeredService, before: Remembered) -> Mapping[int, Decision]:
    if before is None or steered.service.on_all_down is not OnAllDown.SERVE_LAST_GOOD:
        return {}
    old, old_decisions = before
    return {new: old_decisions[cell] for new, cell in carried(steered.space, old.space).items()}


def _decision(steered: SteeredService, everyone: Candidates, seen: Views, last: Decision | None) -> Decision:
    outcomes = {}
    for rtype in answered_types(steered.service):
        remembered = last.outcomes.get(rtype) if last else None
        outcomes[rtype] = _outcome(steered, of_type(everyone, rtype), seen, remembered)
    return Decision(outcomes)


def _outcome(steered: SteeredService, pool: Candidates, seen: Views, last: Outcome | None) -> Outcome:
    service = steered.service
    decided = decide(steered.chain, pool, seen, service.on_all_down)
    if decided.state is State.FAIL_OPEN and last is not None:
        return _last_good(service, decided, last)
    return _composed(service, decided)


def _composed(service: Service, decided: Decided) -> Outcome:
    failed = decided.state is State.FAIL_CLOSED and service.on_all_down is OnAllDown.SERVFAIL
    selection = decided.selection
    answers = tuple(_answer(candidate) for candidate in selection.candidates)
    return Outcome(
        answers if selection.choose is Choose.ONE else _distinct(answers),
        selection.choose,
        selection.count,
        service.ttl,
        decided.state,
        Rcode.SERVFAIL if failed else Rcode.NOERROR,
    )


def _last_good(service: Service, decided: Decided, last: Outcome) -> Outcome:
    """Returns what was answered before everything went down, as far as the zone still has it."""
    configured = {endpoint.id for endpoint in service.endpoints}
    kept = tuple(answer for answer in last.answers if answer.endpoint in configured)
    if not kept:
        return _composed(service, decided)
    return Outcome(kept, last.choose, last.count, service.ttl, State.FAIL_OPEN)


def _distinct(answers: tuple[Answer, ...]) -> tuple[Answer, ...]:
    """Returns the answers without a second one of an address that is in several regions (RFC 2181 5)."""
    first = {(answer.rtype, answer.rdata): answer for answer in reversed(answers)}
    return tuple(answer for answer in answers if first[answer.rtype, answer.rdata] is answer)


def _answer(candidate: Candidate) -> Answer:
    endpoint = candidate.endpoint
    rdata = wire(endpoint.answer) if isinstance(endpoint.answer, Name) else endpoint.answer.packed
    return Answer(endpoint.rtype, rdata, candidate.weight, endpoint.id)
