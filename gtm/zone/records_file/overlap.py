"""The records of a records file that the rules of a zone must look at: few of a million.

    names that the zone file has too            two files must not define one name differently
    nameservers, and targets of delegations     they need addresses
    aliases and delegations                     they refer to other names
    everything below a delegation               the delegation limits what may be there

In comes a draft whose zone file was read, and the packed records; out goes the draft with these records in it.
"""

from collections.abc import Iterable, Iterator

from dns.name import Name
from dns.rdatatype import RdataType
from dns.rdatatype import to_text as type_to_text
from dns.rdtypes.ANY.NS import NS

from gtm.dns.name import relative_key
from gtm.dns.rdata import rdata_of
from gtm.zone.draft import ProblemList, RecordDraft, ZoneDraft
from gtm.zone.records_file.packed import BulkRRset, NameKey, labels_of
from gtm.zone.records_file.parse import Records


def take_bulk(records: Records, draft: ZoneDraft, report: ProblemList) -> None:
    """Gives the draft a records file, and adds a problem for each record that the zone file has too."""
    draft.bulk = bulk = records.bulk
    taking = _Taking(records, draft, report)
    taking.names((*draft.nameservers, *draft.services, *draft.records))
    taking.rows(bulk.notables())
    for cut in _cuts(draft):
        taking.rows(bulk.below(relative_key(cut.labels, draft.origin.labels)))
    taking.names(targets(draft))


class _Taking:
    """Takes names over, once each."""

    def __init__(self, records: Records, draft: ZoneDraft, report: ProblemList) -> None:
        self._bulk = records.bulk
        self._place = records.place
        self._draft = draft
        self._report = report
        self._taken: set[NameKey] = set()

    def names(self, names: Iterable[Name]) -> None:
        origin = self._draft.origin
        for key in [relative_key(name.labels, origin.labels) for name in names if name.is_subdomain(origin)]:
            self.rows([(key, self._bulk.find(key) or ())])

    def rows(self, rows: Iterable[tuple[NameKey, tuple[BulkRRset, ...]]]) -> None:
        for key, rrsets in rows:
            if key not in self._taken:
                self._taken.add(key)
                for rrset in rrsets:
                    self._take(Name((*labels_of(key), *self._draft.origin.labels)), rrset)

    def _take(self, name: Name, rrset: BulkRRset) -> None:
        rtype = RdataType.make(rrset.rtype)
        present = self._draft.records.setdefault(name, {})
        file, line = self._place(rrset.line)
        if rtype in present:
            message = f"{type_to_text(rtype)} of this name is on line {line} of {file} too"
            self._report.add_to(present[rtype], message)
            return
        owner = name.relativize(self._draft.origin).to_text()
        rdatas = tuple(rdata_of(rtype, rdata) for rdata in rrset.rdatas)
        path = ("records", owner, type_to_text(rtype))
        present[rtype] = RecordDraft(path, name, rtype, rrset.ttl, rdatas, file, line)


def _cuts(draft: ZoneDraft) -> list[Name]:
    return [name for name, by_type in draft.records.items() if RdataType.NS in by_type and name != draft.origin]


def targets(draft: ZoneDraft) -> Iterator[Name]:
    """Yields the nameservers of delegations."""
    for name in _cuts(draft):
        for rdata in draft.records[name][RdataType.NS].rdatas:
            if isinstance(rdata, NS):
                yield rdata.target
