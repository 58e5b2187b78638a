"""One zone file -> a valid Zone, or every mistake in it at once.

    text --document--> tree with positions --validate--> entries --services, records--> draft --rules--> Zone
    records file --master--> packed records --overlap-------------------------------------^

In come the text of a file, its name for messages, what the shared file defines, and the filters that exist; out goes
a Zone that needs no further check. It must not open files, and raises nothing but ZoneInvalid.
"""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, replace

from dns.name import Name, root

from gtm.config.document import Document, Mapping, Path, Scalar
from gtm.config.reader import parse_document
from gtm.dns.rdata import compose_rdata
from gtm.dns.text import parse_name
from gtm.errors import Problem, Problems, TextInvalid, ZoneInvalid
from gtm.ids import SHARED_SCOPE
from gtm.zone import services
from gtm.zone.draft import ProblemList, ServiceDraft, ZoneDraft
from gtm.zone.enabled import disabled_regions, enabled_only, warn_of_disabled
from gtm.zone.grammar import ZONE_FILE
from gtm.zone.model import Monitor, Region, RRset, Zone
from gtm.zone.monitor_parts import with_parts
from gtm.zone.names import owner_name
from gtm.zone.records import read_records
from gtm.zone.records_file.overlap import take_bulk, targets
from gtm.zone.records_file.parse import MasterFile, read_master
from gtm.zone.references import ReferenceContext
from gtm.zone.rules import names as rules
from gtm.zone.rules.check_rates import no_target_is_asked_too_often
from gtm.zone.rules.region_places import warn_of_places
from gtm.zone.rules.sizes import services_ask_for_what_can_be_checked, services_share_their_regions
from gtm.zone.safety import check_safety
from gtm.zone.schema import SharedEntry, ZoneEntry
from gtm.zone.steering import Vocabulary
from gtm.zone.validate import Validated, validate


@dataclass(frozen=True, slots=True)
class Shared:
    """Regions and monitors of the shared file (_shared.yaml); in a zone, its own of the same name win."""

    regions: tuple[Region, ...] = ()
    monitors: tuple[Monitor, ...] = ()


NO_SHARED = Shared()


Fetch = Callable[[str], MasterFile]
"""The name of a records file -> its content; raises TextInvalid where it cannot be read."""


class _Master:
    """A records file. Its state is the content of the files that it includes."""

    def __init__(self, file: MasterFile) -> None:
        self.file = file
        self.included: dict[str, bytes] = {}
        self.size_bytes = 0
        """The size of all the text that was read, counted as often as it is included or generated."""

    def include(self, name: str) -> bytes:
        """Returns the content of an included file, and reads it at the first call only. Raises TextInvalid."""
        if name not in self.included:
            self.included[name] = self.file.include(name)
        return self.included[name]


def _no_files(name: str) -> MasterFile:
    raise TextInvalid(f"{name} is not here: this text is read without the folder of its file")


def parse(
    text: str, file: str, shared: Shared, vocabulary: Vocabulary, fetch: Fetch = _no_files, *, is_limited: bool = True
) -> Zone:
    """Returns the zone of a zone file; raises ZoneInvalid with all problems of the file and of its records file.

    Without `is_limited` the limits on checks, requests and sets of regions are not applied.
    """
    document = parse_document(text, file, ZONE_FILE)
    validated = validate(ZoneEntry, document, _scope(document, shared, vocabulary))
    report = ProblemList(document, Problems(validated.problems))
    if validated.entry is None:
        raise ZoneInvalid(report.problems)
    entry = validated.entry
    draft = ZoneDraft(entry.zone, tuple(entry.nameservers))
    _warn_of_repeated_nameservers(draft, report)
    _read_services(validated, entry, shared, draft, report)
    regions = (*shared.regions, *_own_regions(entry))
    warn_of_places({region.name: region for region in regions}, draft, report)
    warn_of_disabled(disabled_regions(regions), draft, report)
    read_records(entry.records, entry.ttl, draft, report)
    _mark_unclear(validated.cuts, draft)
    master = _read_records_file(entry, draft, report, fetch)
    if is_limited:
        _limit(draft, vocabulary, report)
    if not report.is_full:
        rules.check(draft, report)
    if report.problems:
        raise ZoneInvalid(report.problems)
    return _zone(text, entry, shared, draft, file=file, master=master, warnings=report.warnings.all)


def _warn_of_repeated_nameservers(draft: ZoneDraft, report: ProblemList) -> None:
    for index, server in enumerate(draft.nameservers):
        first = draft.nameservers.index(server)
        if first < index:  # RFC 2181 5: an RRset has no two equal values
            line = report.document.line(("nameservers", first))
            report.warn(
                ("nameservers", index), f'duplicate value "{server}", left out; the first one is on line {line}'
            )


def _limit(draft: ZoneDraft, vocabulary: Vocabulary, report: ProblemList) -> None:
    """Adds a problem for a zone that needs too many checks, too many requests to one target, or too large a plan."""
    if services_ask_for_what_can_be_checked(draft, report):
        no_target_is_asked_too_often(draft, report)
    services_share_their_regions(draft, vocabulary, report)


def parse_shared(text: str, file: str) -> Shared:
    """Returns the regions and monitors of the shared file (_shared.yaml); raises ZoneInvalid with all its problems."""
    document = parse_document(text, file, ZONE_FILE)
    validated = validate(SharedEntry, document, None)
    if validated.entry is None or validated.problems:
        raise ZoneInvalid(validated.problems)
    own = {name: services.monitor(SHARED_SCOPE, name, each) for name, each in validated.entry.monitors.items()}
    monitors, wrong = with_parts(own)
    if wrong:
        raise ZoneInvalid(_wrong_parts(wrong, ProblemList(document)).problems)
    regions = tuple(services.region(name, each) for name, each in validated.entry.regions.items())
    return Shared(regions, tuple(monitors.values()))


def _wrong_parts(wrong: dict[str, str], report: ProblemList) -> ProblemList:
    """Returns the report, to which it adds a problem for each monitor in `wrong`: name -> message."""
    for which, message in wrong.items():
        report.add(("monitors", which), message, at_key=True)
    return report


def _scope(document: Document, shared: Shared, vocabulary: Vocabulary) -> ReferenceContext:
    """Returns the names to which values of the zone file may refer.

    A definition with a mistake counts as defined, so that its mistake is reported once and not at each reference.
    """
    return ReferenceContext(
        origin=_origin(document),
        regions=frozenset(region.name for region in shared.regions) | _keys(document, "regions"),
        monitors=frozenset(monitor.name for monitor in shared.monitors) | _keys(document, "monitors"),
        vocabulary=vocabulary,
    )


def _keys(document: Document, section: str) -> frozenset[str]:
    _, node = document.root.entries.get(section, (None, None))
    return frozenset(node.entries if isinstance(node, Mapping) else ())


def _origin(document: Document) -> Name:
    """Returns the name of the zone; the root if it is missing or wrong, so that names in the file can still be read."""
    _, node = document.root.entries.get("zone", (None, None))
    try:
        return parse_name(node.text.removesuffix(".")) if isinstance(node, Scalar) else root
    except TextInvalid:
        return root


def _read_services(
    validated: Validated[ZoneEntry], entry: ZoneEntry, shared: Shared, draft: ZoneDraft, report: ProblemList
) -> None:
    monitors, wrong = with_parts(_monitors(entry, shared))
    _wrong_parts(wrong, report)
    for key, each in entry.services.items():
        if report.is_full:
            report.found.stop(report.document.file)
            return
        path: Path = ("services", key)
        try:
            name = owner_name(key, draft.origin)
        except TextInvalid as invalid:
            report.add(path, str(invalid), at_key=True)
            continue
        service = services.service(name, each, entry, monitors=monitors)
        services.check_service(service, path, report, whole=validated.is_whole(path))
        if validated.is_whole(path):
            check_safety(service, each.safety, each.min_healthy, path, report)
        if name in draft.services:
            first = draft.services[name].path
            message = f'"{key}" is the same name as "{first[-1]}" on line {report.document.line(first)}'
            report.add(path, message, at_key=True)
        else:
            draft.services[name] = ServiceDraft(path, service)


def _own_regions(entry: ZoneEntry) -> tuple[Region, ...]:
    return tuple(services.region(name, each) for name, each in entry.regions.items())


def _monitors(entry: ZoneEntry, shared: Shared) -> dict[str, Monitor]:
    scope = entry.zone.to_text(omit_final_dot=True).lower()
    own = {name: services.monitor(scope, name, each) for name, each in entry.monitors.items()}
    return {**{str(monitor.name): monitor for monitor in shared.monitors}, **own}


def _read_records_file(entry: ZoneEntry, draft: ZoneDraft, report: ProblemList, fetch: Fetch) -> _Master | None:
    if not entry.records_file:
        return None
    try:
        master = _Master(fetch(entry.records_file))
        records = read_master(replace(master.file, include=master.include), draft.origin, entry.ttl)
        master.size_bytes = records.size_bytes
        report.warnings.extend(records.warnings)
        take_bulk(records, draft, report)
    except TextInvalid as invalid:
        report.add(("records_file",), str(invalid))
    except ZoneInvalid as invalid:
        report.found.extend(invalid.problems)
    else:
        return master
    draft.unclear.update((*draft.nameservers, *targets(draft)))  # their addresses may be in that file
    return None


def _mark_unclear(cuts: frozenset[Path], draft: ZoneDraft) -> None:
    """Adds the names with a part that was cut to `draft.unclear`: no problem is reported for what they lack."""
    for cut in cuts:
        if cut[:1] in (("services",), ("records",)) and len(cut) > 1:
            try:
                draft.unclear.add(parse_name(str(cut[1]), draft.origin))
            except TextInvalid:
                continue  # it has its own problem


def _zone(
    text: str,
    entry: ZoneEntry,
    shared: Shared,
    draft: ZoneDraft,
    *,
    file: str,
    master: _Master | None,
    warnings: tuple[Problem, ...],
) -> Zone:
    own = _own_regions(entry)
    disabled = disabled_regions((*shared.regions, *own))
    wanted = tuple(enabled_only(each.service, disabled) for each in draft.services.values())
    used = {endpoint.region for service in wanted for endpoint in (*service.endpoints, *service.disabled)}
    own_names = {region.name for region in own}
    borrowed = tuple(region for region in shared.regions if region.name in used - own_names)
    monitors = {service.monitor for service in wanted if service.monitor and service.monitor.scope == SHARED_SCOPE}
    taken: tuple[Region | Monitor, ...] = (*borrowed, *sorted(monitors, key=lambda monitor: monitor.name))
    return Zone(
        file=file,
        origin=entry.zone,
        ttl=entry.ttl,
        nameservers=tuple(dict.fromkeys(draft.nameservers)),
        hostmaster=entry.hostmaster,
        soa=entry.soa.value,
        regions=(*(region for region in own if region.name in used), *borrowed),
        services=tuple(service for service in wanted if service.endpoints),
        records=tuple(
            RRset(record.name, record.rtype, record.ttl, tuple(map(compose_rdata, record.rdatas)))
            for record in draft.all_records()
            if not record.file
        ),
        digest=_digest(text, taken, master),
        bulk=draft.bulk,
        records_file=entry.records_file,
        records_bytes=0 if master is None else master.size_bytes,
        warnings=warnings,
        disabled_services=tuple(service for service in wanted if not service.endpoints),
        shared_regions=frozenset(region.name for region in borrowed),
    )


def _digest(text: str, taken: tuple[Region | Monitor, ...], master: _Master | None) -> str:
    fingerprint = hashlib.sha256(text.encode("utf-8", "surrogatepass"))
    for each in taken:
        fingerprint.update(b"\0" + repr(each).encode())
    if master is not None:
        for content in (master.file.content, *(master.included[name] for name in sorted(master.included))):
            fingerprint.update(b"\0" + hashlib.sha256(content).digest())
    return fingerprint.hexdigest()
