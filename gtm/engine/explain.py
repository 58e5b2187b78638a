"""Why a client gets its answer: place, cell, each filter with what went in and out, outcome, and the answer itself.

    name -> aliases -> service -> cell of the client -> steps of the chain -> outcome
    the same question as a wire query -> engine -> the answer shown

The answer is the engine's, byte for byte what a resolver would get that sends this client's whole address as client
subnet; everything above it is how the plan came to it.
"""

from collections import Counter
from dataclasses import dataclass
from ipaddress import IPv4Address

import dns.edns
import dns.message
import dns.rcode
import dns.rdatatype
from dns.name import Name
from dns.rdatatype import RdataType

from gtm.dns.name import Labels, folded, from_wire, labels, text
from gtm.engine.choose import choose
from gtm.engine.lookup import Referral, find, zone_of
from gtm.engine.protocol import Engine, Transport
from gtm.engine.reference import MAX_ALIASES, REFUSED_TYPES
from gtm.geo.geography import Geography, Located, unmapped
from gtm.geo.place import Place
from gtm.health.status import CheckStatus, Status
from gtm.ids import Address, EndpointId, Generation, ServiceId
from gtm.plan.decisions import candidates, of_type
from gtm.plan.model import Answer, Outcome, Plan, SteeredService
from gtm.steer.chain import Step, Views, steps
from gtm.steer.decide import State, as_if_up
from gtm.steer.filter import Candidates, Choose
from gtm.zone.model import OnAllDown


@dataclass(frozen=True, slots=True)
class Mention:
    """One endpoint in a step, and what the filter saw in it."""

    endpoint: EndpointId
    why: str


@dataclass(frozen=True, slots=True)
class ExplainedStep:
    """One filter at work."""

    filter: str
    kept: tuple[Mention, ...]
    dropped: tuple[Mention, ...]


@dataclass(frozen=True, slots=True)
class Steered:
    """How a service came to its answer for one client."""

    service: ServiceId
    steer: str
    """The preset, or the chain."""
    cell: int
    cells: int
    scope: int
    steps: tuple[ExplainedStep, ...]
    state: State
    rule: str
    """What the queries do with what is left: `one by weight`; `nothing` when nothing is answered."""
    on_all_down: OnAllDown
    """What the zone says is answered when all are down; it matters in the states FAIL_OPEN and FAIL_CLOSED."""
    chances: tuple[tuple[EndpointId, float], ...]
    """For each endpoint that can be answered, the share of queries that get it."""
    checks: tuple[tuple[EndpointId, CheckStatus], ...]
    """What is believed of each watched endpoint, and on whose word."""


@dataclass(frozen=True, slots=True)
class Explanation:
    """Everything about one question of one client."""

    name: str
    rtype: str
    client: Address
    located: Located
    generation: Generation
    zone: str
    """Empty when no zone here has the name."""
    aliases: tuple[str, ...]
    """The names followed, from the one asked to the one that answers."""
    steered: Steered | None
    """None when the answer is static."""
    answer: tuple[str, ...]
    """The engine's answer as lines: the RCODE, then the records in presentation format."""


def explain(
    name: Name, rtype: RdataType, client: Address, *, plan: Plan, status: Status, geography: Geography, engine: Engine
) -> Explanation:
    """Returns the explanation of one question; `engine` must serve this plan."""
    client = unmapped(client)
    asked = labels(name)
    zone = zone_of(plan, asked, rtype)
    path, service = _walk(plan, asked, rtype)
    located = geography.locate(client)
    return Explanation(
        name=text(asked),
        rtype=dns.rdatatype.to_text(rtype),  # its name in Python is another: NSAP_PTR
        client=client,
        located=located,
        generation=plan.generation,
        zone="" if zone is None else text(zone.origin),
        aliases=tuple(text(each) for each in path),
        steered=None
        if service is None
        else _Steering(plan, status, plan.services[service], rtype, located.place).told(client),
        answer=_answer(name, rtype, client, engine),
    )


def _walk(plan: Plan, asked: Labels, rtype: int) -> tuple[tuple[Labels, ...], ServiceId | None]:
    """Returns the names that an answer follows through static aliases, and the service that it reaches.

    Like the engine it stays inside the zone that was asked.
    """
    path, zone = [asked], zone_of(plan, asked, rtype)
    if zone is None or rtype in REFUSED_TYPES:
        return (asked,), None
    while len(path) <= MAX_ALIASES and zone_of(plan, path[-1], rtype) is zone:
        found = find(zone, path[-1], rtype)
        if found is None or isinstance(found, Referral):
            break
        if found.node.service is not None:
            return tuple(path), found.node.service
        alias = found.node.rrsets.get(RdataType.CNAME)
        if alias is None or rtype in found.node.rrsets:
            break
        path.append(folded(from_wire(alias.rdatas[0])))
    return tuple(path), None


@dataclass(frozen=True, slots=True)
class _Steering:
    """One service, asked for one type from one place."""

    plan: Plan
    status: Status
    service: SteeredService
    rtype: RdataType
    place: Place

    def told(self, client: Address) -> Steered | None:
        """Returns how the service comes to its answer; None when it does not answer the type."""
        service, hit = self.service.service, self.service.space.networks.lookup(client)
        outcomes = self.plan.decisions[service.id].in_cell(hit.cell).outcomes
        outcome = outcomes.get(self.rtype) or (outcomes.get(RdataType.CNAME) if self.service.aliases_only else None)
        if outcome is None:
            return None
        return Steered(
            service=service.id,
            steer=service.steer.preset or ", ".join(str(spec) for spec in service.steer.chain),
            cell=hit.cell,
            cells=len(self.service.space.cells),
            scope=hit.prefix_length,
            steps=self._steps(self.service.space.cells[hit.cell].views, outcome),
            state=outcome.state,
            rule=_rule(outcome) if outcome.answers else "nothing",
            on_all_down=service.on_all_down,
            chances=_chances(outcome),
            checks=_checks(self.service, self.status),
        )

    def _steps(self, seen: Views, outcome: Outcome) -> tuple[ExplainedStep, ...]:
        """Returns each filter's work; when all are down, then also that of the run that was answered.

        What `serve_last_good` remembers came of no run that could be shown.
        """
        service = self.service.service
        pool = of_type(candidates(service, self.status), service, self.rtype)
        regular = tuple(candidate for candidate in pool if not candidate.last_resort)
        told = [self._step(step) for step in steps(self.service.chain, regular, seen)]
        if outcome.state is State.FAIL_OPEN:
            answered = {answer.endpoint for answer in outcome.answers}
            spare = tuple(one for one in pool if one.last_resort and service.endpoints[one.number].id in answered)
            again = [self._step(step) for step in steps(self.service.chain, as_if_up(spare or regular), seen)]
            if again and {mention.endpoint for mention in again[-1].kept} == answered:
                told += again
        return tuple(told)

    def _step(self, step: Step) -> ExplainedStep:
        kept = {candidate.number for candidate in step.after}
        dropped = tuple(candidate for candidate in step.before if candidate.number not in kept)
        return ExplainedStep(step.filter.name, self._mentions(step, step.after), self._mentions(step, dropped))

    def _mentions(self, step: Step, some: Candidates) -> tuple[Mention, ...]:
        return tuple(
            Mention(
                self.service.service.endpoints[one.number].id, step.filter.why(one, self.place, self.service.regions)
            )
            for one in some
        )


def _rule(outcome: Outcome) -> str:
    many = f"{outcome.count} of {len(outcome.answers)}" if outcome.count else "all"
    match outcome.choose:
        case Choose.ALL:
            return "all"
        case Choose.ONE:
            return "one by weight"
        case Choose.SHUFFLE:
            return f"{many}, shuffled"
        case Choose.ROTATE:
            return f"{many}, rotated"


def _chances(outcome: Outcome) -> tuple[tuple[EndpointId, float], ...]:
    """Returns the share of queries that get each answer; a lone CNAME keeps the others out (gtm/engine/choose.py)."""
    answers, size = outcome.answers, len(outcome.answers)
    match outcome.choose:
        case Choose.ONE:
            total = sum(answer.weight for answer in answers)
            return tuple((answer.endpoint, answer.weight / total if total else 1 / size) for answer in answers)
        case Choose.SHUFFLE:
            return tuple((answer.endpoint, _shuffled_share(answer, outcome)) for answer in answers)
        case Choose.ALL | Choose.ROTATE:
            drawn = Counter(answer.endpoint for start in range(size) for answer in choose(outcome, start).answers)
            return tuple((answer.endpoint, drawn[answer.endpoint] / size) for answer in answers)


def _shuffled_share(answer: Answer, outcome: Outcome) -> float:
    """Returns the chance to be drawn first; and of an address also that to come later, after another address."""
    size = len(outcome.answers)
    if answer.rtype == RdataType.CNAME or size == 1:
        return 1 / size
    others = sum(other.rtype != RdataType.CNAME for other in outcome.answers) - 1
    later = (min(outcome.count or size, size) - 1) / (size - 1)
    return (1 + others * later) / size


def _checks(steered: SteeredService, status: Status) -> tuple[tuple[EndpointId, CheckStatus], ...]:
    found = []
    for endpoint in steered.service.endpoints:
        check = steered.service.check_of(endpoint)
        if check is not None and check in status.checks:
            found.append((endpoint.id, status.checks[check]))
    return tuple(found)


def _answer(name: Name, rtype: RdataType, client: Address, engine: Engine) -> tuple[str, ...]:
    width = 32 if isinstance(client, IPv4Address) else 128
    subnet = dns.edns.ECSOption(str(client), width, 0)
    query = dns.message.make_query(name, rtype, use_edns=0, options=[subnet], id=0)
    wire = engine.respond(query.to_wire(), client, Transport.TCP, 0.0, 0)
    if wire is None:
        return ()
    reply = dns.message.from_wire(wire)
    sections = (reply.answer, reply.authority)
    records = [line for section in sections for rrset in section for line in rrset.to_text().splitlines()]
    return (dns.rcode.to_text(reply.rcode()), *records)
