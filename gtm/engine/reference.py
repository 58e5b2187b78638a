"""The reference engine: plan + query bytes + client + coin -> answer bytes, in Python, written to be read.

    wire -> dns.query.parse -> refusals -> lookup.find -> _Answering -> dns.reply.compose -> wire

It must not know of policy, health or distance: whatever depends on them is decided in the plan.
"""

from dataclasses import dataclass, replace

from dns.rcode import Rcode
from dns.rdataclass import RdataClass
from dns.rdatatype import RdataType

from gtm.dns import query as queries
from gtm.dns.name import Labels, folded, from_wire
from gtm.dns.options.client_subnet import subnet_of
from gtm.dns.query import Query, Question
from gtm.dns.reply import TCP_LIMIT, Record, Reply, compose, udp_limit
from gtm.engine.choose import choose
from gtm.engine.lookup import Referral, find, zone_of
from gtm.engine.protocol import Answered, Transport
from gtm.engine.trace import Trace
from gtm.geo.cellmap import Hit
from gtm.ids import Address, ServiceId
from gtm.plan.model import EMPTY_PLAN, Node, Plan, StaticRRset, ZonePlan
from gtm.plan.outcome import Outcome
from gtm.steer.decide import ALL_DOWN

MAX_ALIASES = 8
"""The most CNAMEs of one zone that are followed for one answer; a resolver queries the rest itself."""

REFUSED_TYPES = frozenset({RdataType.AXFR, RdataType.IXFR, RdataType.MAILA, RdataType.MAILB})
"""Query types that get REFUSED: zone transfers are not offered, and the mail types are obsolete."""

ANY_RDATA = b"\x07RFC8482\x00"
"""The HINFO that answers ANY (RFC 8482 4.2)."""

ALL_DOWN_WORDS = "no endpoint is up; answering as configured for that"


class ReferenceEngine:
    """Answers queries from a plan. Its only state is that plan."""

    name = "reference"

    def __init__(self) -> None:
        self._plan = EMPTY_PLAN

    def swap(self, plan: Plan) -> None:
        """Answers all queries from this plan, from the next query on."""
        self._plan = plan

    def respond(
        self, wire: bytes, client: Address, transport: Transport, coin: int, *, trace: Trace | None = None
    ) -> Answered | None:
        """Returns the answer to a message; None for a message that must get no answer. It never raises.

        With a `trace`, the names and services on the way to the answer are added to it.
        """
        query = queries.parse(wire)
        if query is None:
            return None
        limit = TCP_LIMIT if transport is Transport.TCP else udp_limit(query.edns)
        reply = answer(self._plan, query, client, coin, trace)
        return Answered(compose(query, reply, limit), reply.rcode)


def answer(plan: Plan, query: Query, client: Address, coin: int, trace: Trace | None = None) -> Reply:
    """Returns the reply to a parsed query, from a plan. With a `trace`, it adds the names on the way to it."""
    question = query.question
    if query.rcode != Rcode.NOERROR or question is None:
        return Reply(query.rcode)
    if question.rclass != RdataClass.IN or question.rtype in REFUSED_TYPES:
        return Reply(Rcode.REFUSED)
    zone = zone_of(plan, folded(question.name), question.rtype)
    if zone is None:
        return Reply(Rcode.REFUSED)
    answering = _Answering(plan, zone, question, _asker(query, client), coin)
    if trace is not None:
        answering.trace = trace
    return answering.reply()


def _asker(query: Query, client: Address) -> "Asker":
    """Returns the source of the query: the client subnet when the resolver sends one, else the resolver."""
    subnet = subnet_of(query.edns.options) if query.edns else None
    if subnet is None:
        return Asker(client, client, scoped=None)
    return Asker(subnet.client or client, client, scoped=subnet.client is not None)


@dataclass(frozen=True, slots=True)
class Asker:
    """The addresses of a query that decide the client's cell."""

    address: Address
    resolver: Address
    """The source address of the query; it decides when `address` is in no known network."""
    scoped: bool | None
    """True: the answer's scope is that of the network that decides. False: the scope is 0, because the client does not
    want to be located (RFC 7871 7.1.2). None: the query has no client subnet."""

    def hit(self, plan: Plan, service: ServiceId) -> Hit:
        """Returns the cell of this asker for a service, with the prefix length of the network that decides."""
        return plan.services[service].space.networks.lookup(self.address, self.resolver)


class _Answering:
    """Builds the reply to one question: it starts at the question's name, and follows aliases inside the zone."""

    trace: Trace | None = None
    """The trace to fill, if any. It is a class attribute, because an argument would cost time on every query."""

    def __init__(self, plan: Plan, zone: ZonePlan, question: Question, asker: Asker, coin: int) -> None:
        self._plan = plan
        self._zone = zone
        self._question = question
        self._asker = asker
        self._coin = coin
        self._owner = question.name
        self._answer: list[Record] = []
        self._scope = 0
        self._all_down = False

    def reply(self) -> Reply:
        """Returns the reply, with an extended error (RFC 8914) if a service on the way has all endpoints down."""
        reply = self._followed()
        return replace(reply, extended_error=ALL_DOWN_WORDS) if self._all_down else reply

    def _followed(self) -> Reply:
        for _ in range(MAX_ALIASES):
            match = find(self._zone, folded(self._owner), self._question.rtype)
            if match is None:
                return self._negative(Rcode.NXDOMAIN, self._zone.soa.ttl)
            if isinstance(match, Referral):
                return self._referral(match)
            step = self._at(match.node)
            if step is not None:
                return step
        return self._finished()

    def _at(self, node: Node) -> Reply | None:
        """Returns the reply of a node; None when the node is an alias within the zone, which is followed next."""
        if self.trace is not None:
            self.trace.meet(folded(self._owner), node.service)
        rtype = self._question.rtype
        if rtype == RdataType.ANY and (node.rrsets or node.service):
            if not self._is_alias(node):
                return self._any(node)
            rtype = RdataType.CNAME  # RFC 8482 4.2: HINFO is for names without one
        if node.service is not None:
            steered = self._steered(node.service, rtype)
            if steered is not None:
                return self._take(steered, rtype)
        static = node.rrsets.get(rtype)
        if static is not None:
            self._add(rtype, static)
            return self._finished()
        alias = node.rrsets.get(RdataType.CNAME)
        if alias is None:
            return self._negative(Rcode.NOERROR, self._zone.soa.ttl)
        self._add(RdataType.CNAME, alias)
        if self.trace is not None:
            self.trace.follow(folded(from_wire(alias.rdatas[0])))
        return self._follow(alias.rdatas[0])

    def _is_alias(self, node: Node) -> bool:
        return RdataType.CNAME in node.rrsets or (
            node.service is not None and self._plan.services[node.service].aliases_only
        )

    def _steered(self, service: ServiceId, rtype: int) -> Outcome | None:
        """Returns the outcome for the asker's cell; None when the service does not answer this type."""
        hit = self._asker.hit(self._plan, service)
        outcomes = self._plan.decisions[service].in_cell(hit.cell).outcomes
        outcome = outcomes.get(rtype)
        if outcome is None and self._plan.services[service].aliases_only:
            outcome = outcomes[RdataType.CNAME]
        if outcome is not None:
            self._scope = max(self._scope, hit.prefix_length)
            self._all_down |= outcome.state in ALL_DOWN
            if self.trace is not None:
                self.trace.steer(hit, outcome)
        return outcome

    def _take(self, outcome: Outcome, rtype: int) -> Reply | None:
        """Returns the reply of an outcome; None when it is an alias within the zone, which is followed next."""
        if outcome.rcode != Rcode.NOERROR:
            return Reply(outcome.rcode, scope=self._reply_scope())
        chosen, self._coin = choose(outcome, self._coin)
        if not chosen:
            return self._negative(Rcode.NOERROR, min(outcome.ttl, self._zone.soa.ttl))
        self._answer += [Record(self._owner, record.rtype, outcome.ttl, record.rdata) for record in chosen]
        if chosen[0].rtype == RdataType.CNAME and rtype != RdataType.CNAME:
            return self._follow(chosen[0].rdata)
        return self._finished()

    def _follow(self, target: bytes) -> Reply | None:
        """Returns None, and sets the next name, if an alias's target is in this zone; else the finished reply."""
        name = from_wire(target)
        if zone_of(self._plan, folded(name), self._question.rtype) is not self._zone:
            return self._finished()
        self._owner = name
        return None

    def _any(self, node: Node) -> Reply:
        ttl = min((rrset.ttl for rrset in node.rrsets.values()), default=self._zone.soa.ttl)
        self._answer.append(Record(self._owner, RdataType.HINFO, ttl, ANY_RDATA))
        return self._finished()

    def _add(self, rtype: int, rrset: StaticRRset) -> None:
        self._answer += [Record(self._owner, rtype, rrset.ttl, rdata) for rdata in rrset.rdatas]

    def _finished(self) -> Reply:
        return Reply(Rcode.NOERROR, authoritative=True, answer=tuple(self._answer), scope=self._reply_scope())

    def _negative(self, rcode: int, ttl: int) -> Reply:
        """Returns a negative reply with the SOA (RFC 2308 2); the RCODE is about the last alias (RFC 6604 3)."""
        soa = Record(self._origin(), RdataType.SOA, ttl, self._zone.soa.rdatas[0])
        return Reply(rcode, authoritative=True, answer=tuple(self._answer), authority=(soa,), scope=self._reply_scope())

    def _referral(self, referral: Referral) -> Reply:
        """Returns a referral with its glue (RFC 1034 4.3.2 step 3b), after the aliases that lead to it.

        AA is set if there are such aliases, because it is about the first of them (RFC 1035 4.1.1).
        """
        cut = self._owner[len(self._owner) - len(referral.name) :]
        rrset = referral.node.rrsets[RdataType.NS]
        names = [from_wire(rdata) for rdata in rrset.rdatas]
        within = [name for name in names if folded(name)[-len(cut) :] == referral.name]
        glue = self._glue(within)
        return Reply(
            Rcode.NOERROR,
            authoritative=bool(self._answer),
            answer=tuple(self._answer),
            authority=tuple(Record(cut, RdataType.NS, rrset.ttl, rdata) for rdata in rrset.rdatas),
            glue=tuple(record for referral in glue for record in referral),  # RFC 9471 3.1: else TC
            additional=self._glue([name for name in names if name not in within]),  # 3.2: as far as there is room
            scope=self._reply_scope(),
        )

    def _glue(self, names: list[Labels]) -> tuple[tuple[Record, ...], ...]:
        return tuple(
            tuple(Record(name, rtype, rrset.ttl, rdata) for rdata in rrset.rdatas)
            for name in names
            for rtype, rrset in self._addresses(name)
        )

    def _addresses(self, name: Labels) -> list[tuple[int, StaticRRset]]:
        node = self._zone.nodes.get(folded(name))
        if node is None:
            return []
        return [(rtype, node.rrsets[rtype]) for rtype in (RdataType.A, RdataType.AAAA) if rtype in node.rrsets]

    def _origin(self) -> Labels:
        """Returns the zone's origin, with upper and lower case as in the question if that name is below it."""
        asked = self._question.name[len(self._question.name) - len(self._zone.origin) :]
        return asked if folded(asked) == self._zone.origin else self._zone.origin

    def _reply_scope(self) -> int | None:
        if self._asker.scoped is None:
            return None
        return self._scope if self._asker.scoped else 0
