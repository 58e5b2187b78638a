"""What must hold between the names of a zone (RFC 1034 3.6.2 and 4.2, RFC 2181 10), one function for each rule.

In comes a draft zone, out go problems in its report. The rules do not depend on each other, and are silent about
names of which something could not be read.
"""

from collections.abc import Callable

from dns.name import Name
from dns.rdatatype import RdataType
from dns.rdtypes.ANY.NS import NS

from gtm.zone.draft import ProblemList, RecordDraft, ZoneDraft
from gtm.zone.graph import way_text
from gtm.zone.rules.cname_loops import alias_graph, loops
from gtm.zone.rules.service_cycles import services_do_not_wait_for_themselves, services_wait_for_what_is_there

_ADDRESSES = frozenset({RdataType.A, RdataType.AAAA})
_STEERED = frozenset({RdataType.A, RdataType.AAAA, RdataType.CNAME})

_ONE_LABEL = 2
"""Of an absolute name that is one word: the other is the root's."""


def check(draft: ZoneDraft, report: ProblemList) -> None:
    """Adds a problem for everything that breaks a rule."""
    for rule in RULES:
        rule(draft, report)


def services_own_their_names(draft: ZoneDraft, report: ProblemList) -> None:
    """A service owns A, AAAA and CNAME of its name; one with targets is an alias and owns all (RFC 1034 3.6.2)."""
    for service in draft.services.values():
        key = service.path[-1]
        for record in draft.records.get(service.name, {}).values():
            if record.rtype in _STEERED:
                message = f'"{key}" is a service, which answers {record.path[-1]} itself'
            elif service.targets:
                message = f'"{key}" is a service with targets, an alias; no other record can stand beside it'
            else:
                continue
            report.add_to(record, message)
        if service.name == draft.origin and service.targets:
            index = next(i for i, end in enumerate(service.service.endpoints) if isinstance(end.answer, Name))
            message = "a service at the zone itself cannot have targets: beside SOA and NS there is no CNAME"
            report.add((*service.path, "endpoints", index, "target"), message)


def aliases_stand_alone(draft: ZoneDraft, report: ProblemList) -> None:
    """A CNAME is the only record of its name, has one value, and is not at the apex (RFC 1034 3.6.2, RFC 2181 10.1)."""
    for record in draft.all_records():
        if record.rtype != RdataType.CNAME:
            continue
        others = [other.path[-1] for other in draft.records[record.name].values() if other is not record]
        if record.name == draft.origin:
            report.add_to(record, "the zone itself cannot be an alias: it has SOA and NS; use a service or addresses")
        elif others:
            report.add_to(record, f"a CNAME stands alone, but {record.path[1]} also has {others[0]}")
        if len(record.rdatas) > 1:
            report.add_to(record, f"a CNAME has one value, not {len(record.rdatas)}")


def delegations_own_what_is_below(draft: ZoneDraft, report: ProblemList) -> None:
    """At and below a delegation there is only NS, DS and glue (RFC 1034 4.2.1, RFC 4035 2.4)."""
    cuts = {record.name: record for record in _delegations(draft)}
    glue = {_ns_target(rdata) for record in cuts.values() for rdata in record.rdatas}
    for record in draft.all_records():
        cut = _cut_above(record.name, cuts, draft.origin)
        is_glue = record.rtype in _ADDRESSES and record.name in glue
        belongs = cut is not None and cut.name == record.name and record.rtype in {RdataType.NS, RdataType.DS}
        if cut is not None and not is_glue and not belongs:
            where = "at" if cut.name == record.name else "below"
            message = (
                f"this is {where} the delegation on {report.where(cut)}; only addresses of its nameservers can be here"
            )
            report.add_to(record, message)
        elif cut is None and record.rtype == RdataType.DS and record.name not in draft.unclear:
            report.add_to(record, "a DS needs a delegation: there is no NS at this name")
    for service in draft.services.values():
        cut = _cut_above(service.name, cuts, draft.origin)
        if cut is not None:
            message = f"this is in what the delegation on {report.where(cut)} gave away"
            report.add(service.path, message, at_key=True)


def delegations_are_not_wildcards(draft: ZoneDraft, report: ProblemList) -> None:
    """RFC 4592 4.2: the meaning of a wildcard NS is undefined."""
    for record in _delegations(draft):
        if record.name.is_wild():
            report.add_to(record, "a wildcard cannot be a delegation (RFC 4592 4.2)")


def nameservers_have_addresses(draft: ZoneDraft, report: ProblemList) -> None:
    """A nameserver inside the zone is found only by an address in the zone (RFC 1034 4.2.1)."""
    for index, server in enumerate(draft.nameservers):
        if server.is_subdomain(draft.origin) and not draft.has_address(server):
            report.add(("nameservers", index), _no_address(server, draft))
    for record in _delegations(draft):
        for index, rdata in enumerate(record.rdatas):
            server = _ns_target(rdata)
            if server.is_subdomain(draft.origin) and not draft.has_address(server):
                report.add_to(record, _no_address(server, draft), (*record.path, "values", index))


def nameservers_are_absolute(draft: ZoneDraft, report: ProblemList) -> None:
    """No top-level domain is a nameserver: one label alone was meant to be relative."""
    for index, server in enumerate(draft.nameservers):
        if len(server.labels) == _ONE_LABEL and server != draft.origin:
            meant = Name((*server.labels[:-1], *draft.origin.labels)).to_text(omit_final_dot=True)
            report.add(("nameservers", index), f"nameservers are absolute names; write {meant} if you mean that name")


def aliases_end(draft: ZoneDraft, report: ProblemList) -> None:
    """No chain of aliases and of services with targets comes back to where it was (RFC 1034 3.6.2)."""
    for loop in loops(alias_graph(draft)):
        if report.is_full:
            return  # there may be as many as the file has pairs of names
        names = way_text((*loop, loop[0]), lambda name: name.relativize(draft.origin).to_text())
        message = f"these aliases form a loop: {names}"
        record = draft.record(loop[0], RdataType.CNAME)
        if record is not None:
            report.add_to(record, message, record.path)
        else:
            report.add(draft.services[loop[0]].path, message, at_key=True)


Rule = Callable[[ZoneDraft, ProblemList], None]
RULES: tuple[Rule, ...] = (
    services_own_their_names,
    aliases_stand_alone,
    delegations_own_what_is_below,
    delegations_are_not_wildcards,
    nameservers_have_addresses,
    nameservers_are_absolute,
    aliases_end,
    services_wait_for_what_is_there,
    services_do_not_wait_for_themselves,
)


def _delegations(draft: ZoneDraft) -> list[RecordDraft]:
    return [record for record in draft.all_records() if record.rtype == RdataType.NS and record.name != draft.origin]


def _cut_above(name: Name, cuts: dict[Name, RecordDraft], origin: Name) -> RecordDraft | None:
    """Returns the highest delegation at or above a name."""
    cut = None
    while name != origin:
        cut = cuts.get(name, cut)
        name = name.parent()
    return cut


def _ns_target(rdata: object) -> Name:
    assert isinstance(rdata, NS)
    return rdata.target


def _no_address(server: Name, draft: ZoneDraft) -> str:
    name = server.relativize(draft.origin).to_text()
    return f"this nameserver is in the zone and has no address; add the record {name}: {{A: ...}}"
