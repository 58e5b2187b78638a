"""The records of a file -> RRsets; what one record alone can get wrong.

In come names, types and values as text, out go RRsets of a draft zone. It must not look at what else is at the name:
that is gtm/zone/rules/names.py.
"""

from collections.abc import Mapping

from dns.name import Name
from dns.rdata import Rdata
from dns.rdatatype import RdataType

from gtm.config.document import Path
from gtm.dns.rdata import compose_rdata, parse_rdata, parse_type
from gtm.errors import TextInvalid
from gtm.zone.draft import ProblemList, RecordDraft, ZoneDraft
from gtm.zone.names import no_doubled_zone, owner_name
from gtm.zone.schema import RecordEntry

MAX_RRSET_BYTES = 65_000
"""An RRset larger than this fits no answer: a message has 65535 bytes (RFC 1035 4.2.2), question and header too."""

_DNSSEC = frozenset({RdataType.RRSIG, RdataType.NSEC, RdataType.NSEC3, RdataType.NSEC3PARAM, RdataType.DNSKEY})


def read_records(
    records: Mapping[str, Mapping[str, RecordEntry]], zone_ttl: int, draft: ZoneDraft, report: ProblemList
) -> None:
    """Adds each valid record of the zone file to the draft, and a problem to the report for each invalid one."""
    keys: dict[Name, str] = {}
    for key, by_type in records.items():
        if report.is_full:
            report.found.stop(report.document.file)
            return
        path: Path = ("records", key)
        try:
            name = owner_name(key, draft.origin)
        except TextInvalid as invalid:
            report.add(path, str(invalid), at_key=True)
            continue
        first = keys.setdefault(name, key)
        if first != key:
            message = f'"{key}" is the same name as "{first}" on line {report.document.line(("records", first))}'
            report.add(path, message, at_key=True)
        for type_text, entry in by_type.items():
            _read_record(name, type_text, entry, (*path, type_text), zone_ttl=zone_ttl, draft=draft, report=report)


def _read_record(
    name: Name, type_text: str, entry: RecordEntry, path: Path, *, zone_ttl: int, draft: ZoneDraft, report: ProblemList
) -> None:
    try:
        rtype = parse_type(type_text)
        check_type(name, rtype, draft.origin)
    except TextInvalid as invalid:
        draft.unclear.add(name)
        report.add(path, str(invalid), at_key=True)
        return
    rdatas, is_whole = _read_values(rtype, entry.values, path, draft=draft, report=report)
    if not is_whole:
        draft.unclear.add(name)
    present = draft.records.setdefault(name, {})
    if rtype in present:
        line = report.document.line(present[rtype].path)
        report.add(path, f"{type_text} is the same type as {present[rtype].path[-1]} on line {line}", at_key=True)
    elif rdatas:
        ttl = zone_ttl if entry.ttl is None else entry.ttl
        present[rtype] = RecordDraft(path, name, rtype, ttl, rdatas)


def check_type(name: Name, rtype: RdataType, origin: Name) -> None:
    """Raises TextInvalid for a record type that this name of a zone file cannot have."""
    if rtype == RdataType.SOA:
        raise TextInvalid("the SOA is made from nameservers and hostmaster; remove this record")
    if rtype == RdataType.NS and name == origin:
        raise TextInvalid("the NS records of the zone itself are made from nameservers; name the servers there")
    if rtype == RdataType.DNAME:
        raise TextInvalid("DNAME is not supported")
    if rtype in _DNSSEC:
        raise TextInvalid(f"{rtype.name} is made by whoever signs the zone; it cannot be a record here")


def _read_values(
    rtype: RdataType, values: list[str], path: Path, *, draft: ZoneDraft, report: ProblemList
) -> tuple[tuple[Rdata, ...], bool]:
    """Returns the valid values of a record, each once, and whether all its values were valid."""
    firsts: dict[Rdata, int] = {}
    is_whole = True
    for index, text in enumerate(values):
        if report.is_full:
            is_whole = False
            break
        here = (*path, "values", index)
        try:
            rdata = parse_rdata(rtype, text, draft.origin)
            check_target(rdata, text, draft.origin)
        except TextInvalid as invalid:
            report.add(here, str(invalid))
            is_whole = False
            continue
        # RFC 2181 5: an RRset has no two equal values; whoever meets one suppresses it
        if rdata in firsts:
            line = report.document.line((*path, "values", firsts[rdata]))
            report.warn(here, f'duplicate value "{text}", left out; the first one is on line {line}')
        firsts.setdefault(rdata, index)
    size_bytes = sum(12 + len(compose_rdata(rdata)) for rdata in firsts)
    if size_bytes > MAX_RRSET_BYTES:
        report.add(
            path, f"the record has {size_bytes} bytes; no answer can hold more than {MAX_RRSET_BYTES}", at_key=True
        )
    return tuple(firsts), is_whole


def check_target(rdata: Rdata, text: str, origin: Name) -> None:
    """Raises TextInvalid if the target in a value ends with the zone's name twice, as after a forgotten final dot."""
    target = getattr(rdata, "target", None) or getattr(rdata, "exchange", None)
    if isinstance(target, Name):
        no_doubled_zone(target, text.rsplit(maxsplit=1)[-1], origin)
