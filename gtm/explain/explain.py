"""Why a client gets its answer: place, cell, each filter with what went in and out, outcome, and the answer itself.

    the question as a wire query -> reference engine -> the answer shown
                                                     -> its trace: aliases -> service -> cell of the client, outcome
    outcome -> steps of the chain, run again to say why

The answer is the engine's, byte for byte what a resolver would get that sends this client's whole address as client
subnet; everything above it is how the plan came to it.
"""

from dataclasses import dataclass
from ipaddress import IPv4Address

import dns.edns
import dns.message
import dns.rcode
import dns.rdatatype
from dns.name import Name
from dns.rdatatype import RdataType

from gtm.dns.name import Labels, labels, text
from gtm.engine.lookup import zone_of
from gtm.engine.protocol import Transport
from gtm.engine.reference import ReferenceEngine
from gtm.engine.trace import Steering, Trace, Visit
from gtm.explain.asked_name import meant, nobodys
from gtm.explain.chances import chances_of, rule_of
from gtm.geo.geography import Geography, Located, unmapped
from gtm.geo.place import Place
from gtm.health.consensus.local_view import stand_in
from gtm.health.consensus.status import CheckStatus, Status
from gtm.ids import Address, EndpointId, Generation, ServiceId
from gtm.plan.local_view import NOTHING, Numbers, seen_from
from gtm.plan.model import Cell, Plan, SteeredService, ZonePlan
from gtm.plan.outcome import Outcome
from gtm.plan.overlay import NO_OVERLAY, Overlay, effective, guided
from gtm.plan.service_shape import candidates, of_type
from gtm.steer.chain import FilterStep, Views, steps
from gtm.steer.decide import State, as_if_up, offered
from gtm.steer.filter import Candidate, Candidates, Choose
from gtm.zone.model import OnAllDown
from gtm.zone.soa import Soa


@dataclass(frozen=True, slots=True)
class Mention:
    """One endpoint in a step of the chain, and the reason that the filter gives for it."""

    endpoint: EndpointId
    why: str


@dataclass(frozen=True, slots=True)
class ExplainedStep:
    """One step of the chain: a filter, and the endpoints that it kept and dropped."""

    filter: str
    kept: tuple[Mention, ...]
    dropped: tuple[Mention, ...]


@dataclass(frozen=True, slots=True)
class Steered:
    """The steps by which a service comes to its answer for one client."""

    service: ServiceId
    steer: str
    """The preset, or the chain."""
    cell: int
    cells: int
    scope: int
    steps: tuple[ExplainedStep, ...]
    all_down: str
    """A text that says what is answered because all endpoints are down; empty when not all are down."""
    again: tuple[ExplainedStep, ...]
    """The steps with all endpoints as if up; empty when not all are down, or something else is answered."""
    state: State
    rule: str
    """How queries choose among the endpoints that are left: `one by weight`; `nothing` when there is no answer."""
    is_drawn: bool
    """Whether each query draws, so that the answer shown is one of several."""
    on_all_down: OnAllDown
    """The service's `on_all_down`; it matters in the states FAIL_OPEN and FAIL_CLOSED."""
    chances: tuple[tuple[EndpointId, float], ...]
    """For each endpoint that can be answered, the share of queries that get it."""
    checks: tuple[tuple[EndpointId, CheckStatus], ...]
    """The status of the check of each endpoint that has one."""
    guided: tuple[tuple[EndpointId, str], ...] = ()
    """For endpoints with an override or a safety rule: a text that says what counts instead of the check."""
    vantage: str = ""
    """The vantage nearest to the client, if its local truth counts; else empty."""
    local: tuple[tuple[EndpointId, str], ...] = ()
    """The endpoints that this vantage sees down and that are up elsewhere, each with a text."""


@dataclass(frozen=True, slots=True)
class Explanation:
    """The explanation of one question of one client: its place, the steps, and the answer."""

    name: str
    rtype: str
    client: Address
    located: Located
    generation: Generation
    zone: str
    """The zone of the name; empty when no zone here has it."""
    aliases: tuple[str, ...]
    """The names on the way through aliases, from the question's name to the name that answers."""
    service: ServiceId | None
    """The service at the name that answers, though it may have nothing of this type; None when there is none."""
    steered: Steered | None
    """None when the answer is static."""
    answer: tuple[str, ...]
    """The engine's answer as lines: the RCODE, then the records in presentation format."""
    disabled: tuple[tuple[EndpointId, str], ...] = ()
    """The endpoints of the name that the zone file disables, each with a text that says by which key."""
    nobodys: str = ""
    """A text that says that nothing here has the name; empty when something has it."""
    negative: str = ""
    """A text that says for how long resolvers may keep a negative answer, and why; empty for other answers."""


def explain(
    name: Name,
    rtype: RdataType,
    client: Address,
    *,
    plan: Plan,
    status: Status,
    geography: Geography,
    overlay: Overlay = NO_OVERLAY,
) -> Explanation:
    """Returns the explanation of one question, as the reference engine answers it from this plan.

    A name that is not absolute may be a short one (asked_name.py); raises QuestionUnclear where it could mean several.
    """
    client, name = unmapped(client), meant(plan, name)
    asked = labels(name)
    zone = zone_of(plan, asked, rtype)
    located = geography.locate(client)
    reply, visits = _answered(plan, question_of(name, rtype, client), client)
    path, met = _to_service(asked, visits)
    return Explanation(
        name=text(asked),
        rtype=dns.rdatatype.to_text(rtype),  # its name in Python is another: NSAP_PTR
        client=client,
        located=located,
        generation=plan.generation,
        zone="" if zone is None else text(zone.origin),
        aliases=tuple(text(each) for each in path),
        service=None if met is None else met.service,
        steered=None
        if met is None or met.service is None or met.steering is None
        else _Steering(status, overlay, plan.services[met.service], rtype, located.place).told(met.steering),
        answer=lines_of(reply),
        nobodys=nobodys(plan, name, rcode=None if reply is None else reply.rcode()),
        disabled=() if zone is None else _disabled(zone, path[-1]),
        negative="" if zone is None else _negative(reply, zone.zone.soa),
    )


def _to_service(asked: Labels, visits: tuple[Visit, ...]) -> tuple[tuple[Labels, ...], Visit | None]:
    """Returns the names followed through static aliases, and the visit to the first service that was met."""
    path = [asked]
    for visit in visits:
        if visit.service is not None:
            return tuple(path), visit
        if visit.alias is not None:
            path.append(visit.alias)
    return tuple(path), None


@dataclass(frozen=True, slots=True)
class _Steering:
    """One service, with a record type and a client's place; it makes the Steered of an explanation."""

    status: Status
    overlay: Overlay
    service: SteeredService
    rtype: RdataType
    place: Place

    def told(self, decided: Steering) -> Steered:
        """Returns the explanation of a service's decision: the steps of its chain, run again, and the texts."""
        service, hit, outcome = self.service.service, decided.hit, decided.outcome
        cell = self.service.space.cells[hit.cell]
        seen, down = cell.views, self._seen_down(cell)
        again = self._again(seen, outcome) if outcome.state is State.FAIL_OPEN else ()
        return Steered(
            service=service.id,
            steer=service.steer.preset or ", ".join(str(spec) for spec in service.steer.chain),
            cell=hit.cell,
            cells=len(self.service.space.cells),
            scope=hit.prefix_length,
            steps=tuple(
                self._step(step) for step in steps(self.service.chain, self._pool(last_resort=False, down=down), seen)
            ),
            all_down=self._all_down(outcome, as_if_up_again=bool(again)),
            again=again,
            state=outcome.state,
            rule=rule_of(outcome) if outcome.answers else "nothing",
            is_drawn=outcome.choose is not Choose.ALL and len(outcome.answers) > 1,
            on_all_down=service.on_all_down,
            chances=chances_of(outcome),
            checks=_checks(self.service, self.status),
            guided=guided(self.service, self.status, self.overlay),
            vantage=cell.nearest or "",
            local=self._local(down, cell),
        )

    def _seen_down(self, cell: Cell) -> Numbers:
        """Returns the numbers of the endpoints that the cell's nearest vantage sees down."""
        seen_now = dict(effective(self.service, self.status, self.overlay).seen_down)
        return NOTHING if cell.nearest is None else seen_now.get(cell.nearest, NOTHING)

    def _local(self, down: Numbers, cell: Cell) -> tuple[tuple[EndpointId, str], ...]:
        before, after = self._pool(last_resort=False), self._pool(last_resort=False, down=down)
        rest = "" if before != after else "; nothing else is up, so it stays"
        ends = self.service.service.endpoints
        seen = [candidate.number for candidate in before if candidate.number in down]
        return tuple((ends[number].id, f"down as seen from {self._whence(cell, number)}{rest}") for number in seen)

    def _whence(self, cell: Cell, number: int) -> str:
        """Returns the vantage that sees an endpoint down for a cell: the nearest one, or its stand-in, in words."""
        check = self.service.checks[number]
        assert cell.nearest is not None
        assert check is not None, "what nobody checks is seen down from nowhere"
        seen_by = stand_in(cell.nearest, self.status.checks[check].said_by, self.service.space.order)
        return seen_by if seen_by == cell.nearest else f"{seen_by}, as {cell.nearest} says nothing of it"

    def _pool(self, *, last_resort: bool, down: Numbers = NOTHING) -> Candidates:
        everyone = candidates(self.service.service_shape, effective(self.service, self.status, self.overlay))
        pool = seen_from(of_type(everyone, self.service.service_shape, self.rtype), down)
        return offered(tuple(candidate for candidate in pool if candidate.last_resort is last_resort))

    def _again(self, seen: Views, outcome: Outcome) -> tuple[ExplainedStep, ...]:
        """Returns the steps with all endpoints as if up; () when the answer is not from them (`serve_last_good`)."""
        answered = {answer.endpoint for answer in outcome.answers}
        pool = as_if_up(self._spare(outcome) or self._pool(last_resort=False))
        again = tuple(self._step(step, as_up=True) for step in steps(self.service.chain, pool, seen))
        return again if again and {mention.endpoint for mention in again[-1].kept} == answered else ()

    def _spare(self, outcome: Outcome) -> Candidates:
        """Returns the endpoints of last resort that are in the outcome."""
        answered = {answer.endpoint for answer in outcome.answers}
        endpoints = self.service.service.endpoints
        return tuple(
            candidate for candidate in self._pool(last_resort=True) if endpoints[candidate.number].id in answered
        )

    def _all_down(self, outcome: Outcome, *, as_if_up_again: bool) -> str:
        rule = self.service.service.on_all_down
        match outcome.state, rule:
            case State.FAIL_CLOSED, OnAllDown.SERVFAIL:
                then = "so the answer is SERVFAIL"
            case State.FAIL_CLOSED, _:
                then = "so the answer is empty"
            case State.FAIL_OPEN, OnAllDown.LAST_RESORT if self._spare(outcome):
                then = "so the endpoints of last resort, as if they were up"
            case State.FAIL_OPEN, OnAllDown.SERVE_LAST_GOOD if not as_if_up_again:
                then = "so the answer is the remembered one, of before all went down"
            case State.FAIL_OPEN, OnAllDown.SERVE_ALL:
                then = "so again as if all were up"
            case State.FAIL_OPEN, _:
                then = "and there is nothing else, so again as if all were up"
            case _:
                return ""
        return f"all are down: {rule.value}, {then}"

    def _step(self, step: FilterStep, *, as_up: bool = False) -> ExplainedStep:
        kept = {candidate.number for candidate in step.after}
        dropped = tuple(candidate for candidate in step.before if candidate.number not in kept)
        return ExplainedStep(
            step.filter.name,
            tuple(
                self._mention(candidate_step, self._why(step, candidate_step, as_up=as_up))
                for candidate_step in step.after
            ),
            tuple(
                self._mention(candidate_step, self._why_dropped(step, candidate_step, as_up=as_up))
                for candidate_step in dropped
            ),
        )

    def _mention(self, candidate: Candidate, why: str) -> Mention:
        return Mention(self.service.service.endpoints[candidate.number].id, why)

    def _why(self, step: FilterStep, candidate: Candidate, *, as_up: bool) -> str:
        why = step.filter.why(candidate, self.place, self.service.regions)
        return f"taken as {why}" if as_up and step.filter.name == "up" else why

    def _why_dropped(self, step: FilterStep, candidate: Candidate, *, as_up: bool) -> str:
        """Returns a text that says why a filter dropped a candidate.

        A filter that chooses drops all candidates that are not of the best rank.
        """
        if step.filter.choose is not None and step.after and candidate.rank != step.after[0].rank:
            return "behind the best"
        return self._why(step, candidate, as_up=as_up)


def _disabled(zone: ZonePlan, name: Labels) -> tuple[tuple[EndpointId, str], ...]:
    """Returns the disabled endpoints of the service at a name, or at the wildcard for it, each with a text."""
    names = {labels(service.name): service for service in zone.zone.all_services if service.disabled}
    wild = next((up for up in (name[cut:] for cut in range(1, len(name))) if up in zone.nodes), ())
    match = names.get(name) or (None if name in zone.nodes else names.get((b"*", *wild)))
    return (
        () if match is None else tuple((endpoint.id, str(match.disabled_by(endpoint))) for endpoint in match.disabled)
    )


def _checks(steered: SteeredService, status: Status) -> tuple[tuple[EndpointId, CheckStatus], ...]:
    checks = []
    for endpoint in steered.service.endpoints:
        check = steered.service.check_of(endpoint)
        if check is not None and check in status.checks:
            checks.append((endpoint.id, status.checks[check]))
    return tuple(checks)


def question_of(name: Name, rtype: RdataType, client: Address) -> bytes:
    """Returns the query of a resolver that sends the whole address of this client as client subnet."""
    width = 32 if isinstance(client, IPv4Address) else 128
    subnet = dns.edns.ECSOption(str(client), width, 0)
    return dns.message.make_query(name, rtype, use_edns=0, options=[subnet], id=0).to_wire()


def _answered(plan: Plan, wire: bytes, client: Address) -> tuple[dns.message.Message | None, tuple[Visit, ...]]:
    """Returns the answer of the reference engine from a plan, and its visits; None when it gives no answer."""
    engine, trace = ReferenceEngine(), Trace()
    engine.swap(plan)
    answered = engine.respond(wire, client, Transport.TCP, coin=0, trace=trace)
    reply = None if answered is None else dns.message.from_wire(answered.wire, continue_on_error=True)
    return reply, trace.visits


def lines_of(reply: dns.message.Message | None) -> tuple[str, ...]:
    """Returns an answer as lines: the RCODE, then the records in presentation format; none where there is none."""
    if reply is None:
        return ()
    sections = (reply.answer, reply.authority)
    records = [line for section in sections for rrset in section for line in rrset.to_text().splitlines()]
    unshown = [f"; a record that cannot be shown here: {error.exception}" for error in reply.errors]
    return (dns.rcode.to_text(reply.rcode()), *records, *unshown)


def _negative(reply: dns.message.Message | None, soa: Soa) -> str:
    authority = () if reply is None else reply.authority
    ttl_s = next((rrset.ttl for rrset in authority if rrset.rdtype == RdataType.SOA), None)
    if ttl_s is None:
        return ""
    if ttl_s < soa.negative_ttl_s:
        return f"{ttl_s} s, the ttl of the service: the zone's soa says more, {soa.negative_ttl_s} s"
    return f"{ttl_s} s, the less of minimum ({soa.minimum_s} s) and ttl ({soa.ttl_s} s) of the zone's soa"
