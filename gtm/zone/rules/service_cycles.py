"""The rules for services that wait for each other through calculated monitors.

In comes a draft zone; out go problems in its report, each at the monitor of the service that waits. It must not judge
services of other zones: one that does not exist there is unknown (`checks` in gtm/checks/model.py).
"""

from dns.name import Name
from dns.name import from_text as name_from_text
from dns.rdatatype import RdataType

from gtm.config.suggestions import suggestion
from gtm.ids import ServiceId
from gtm.zone.cycles import circular, way_back
from gtm.zone.draft import ProblemList, ZoneDraft
from gtm.zone.graph import way_text
from gtm.zone.model import awaited_by


def services_wait_for_what_is_there(draft: ZoneDraft, report: ProblemList) -> None:
    """A service of this zone that another waits for is one; what lies below a delegation may be anybody's."""
    awaits = awaited_by([service.service for service in draft.services.values()])
    missing = {
        name
        for name in dict.fromkeys(name for names in awaits.values() for name in names)
        if name not in awaits and _is_ours(name_from_text(name), draft)
    }
    for each, names in zip(draft.services.values(), awaits.values(), strict=True):
        for awaited in filter(missing.__contains__, names):
            near = "" if report.is_full else suggestion(awaited, awaits)
            message = f'its monitor waits for the service "{awaited}", which this zone does not have{near}'
            report.add((*each.path, "monitor"), message)


def services_do_not_wait_for_themselves(draft: ZoneDraft, report: ProblemList) -> None:
    """Services that wait for each other would never come up again; each circle is told once."""
    awaits = awaited_by([each.service for each in draft.services.values()])
    by_id = dict(zip(awaits, draft.services.values(), strict=True))
    circles = circular(awaits)
    told: set[ServiceId] = set()
    for service in awaits:
        if service in told or service not in circles or report.is_full:
            continue
        way = way_back(service, awaits, circles)
        told.update(way)
        message = f"its monitor waits for the service itself: {way_text(way)}"
        report.add((*by_id[service].path, "monitor"), message)


def _is_ours(name: Name, draft: ZoneDraft) -> bool:
    if not name.is_subdomain(draft.origin) or name in draft.unclear:
        return False
    below = name
    while below != draft.origin:
        if draft.record(below, RdataType.NS) is not None:
            return False
        below = below.parent()
    return True
