"""Services as they are written -> as they serve: without what the file disables.

    endpoint  enabled: false    one endpoint of one service
    region    enabled: false    every endpoint in it, of every service
    service   enabled: false    all of its endpoints

A zone is validated with everything in it, so that enabling something again cannot make a mistake of it. What is
disabled is then as if it were not there: nobody checks it, answers it, or counts it. `min_healthy` still asks for what
it says: it is what a region needs to carry its clients, whoever is absent. Where no regular endpoint is left for a
type, the endpoints of last resort are what is left, and serve as any other.

In come values of gtm/zone/model.py, out go such; and warnings for what a file that disables much may not mean.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import replace

from dns.name import Name
from dns.rdatatype import RdataType

from gtm.ids import RegionName
from gtm.zone.draft import ProblemList, ServiceDraft, ZoneDraft
from gtm.zone.model import Endpoint, Region, Service


def disabled_regions(regions: Iterable[Region]) -> frozenset[RegionName]:
    """Returns the names of the disabled regions; of two regions with the same name the last one counts."""
    by_name = {region.name: region for region in regions}
    return frozenset(name for name, region in by_name.items() if not region.enabled)


def enabled_only(service: Service, regions: frozenset[RegionName]) -> Service:
    """Returns a service whose disabled endpoints are in `disabled` and not in `endpoints`.

    `regions` are the disabled regions: the endpoints in them are disabled too.
    """
    left: list[Endpoint] = []
    disabled: list[Endpoint] = []
    for endpoint in service.endpoints:
        is_enabled = service.enabled and endpoint.enabled and endpoint.region not in regions
        (left if is_enabled else disabled).append(endpoint)
    if not disabled:
        return service
    return replace(service, endpoints=_with_regular_ones(left), disabled=tuple(disabled))


def _with_regular_ones(endpoints: Sequence[Endpoint]) -> tuple[Endpoint, ...]:
    """Returns the endpoints; one of last resort becomes a regular one where no regular one can answer its type."""
    regular = {endpoint.rtype for endpoint in endpoints if not endpoint.last_resort}

    def has_others(endpoint: Endpoint) -> bool:
        return bool(regular if isinstance(endpoint.answer, Name) else regular & {endpoint.rtype, RdataType.CNAME})

    return tuple(
        replace(enabled_endpoint, last_resort=False)
        if enabled_endpoint.last_resort and not has_others(enabled_endpoint)
        else enabled_endpoint
        for enabled_endpoint in endpoints
    )


def warn_of_disabled(regions: frozenset[RegionName], draft: ZoneDraft, report: ProblemList) -> None:
    """Adds a warning for each service that has no enabled endpoint left because of what the file disables.

    Adds another for each region that has fewer enabled endpoints than `min_healthy` wants. `regions` are the disabled
    regions.
    """
    for service in draft.services.values():
        left = enabled_only(service.service, regions)
        if not (left.disabled and left.enabled) or service.name in draft.unclear:
            continue
        if not left.endpoints:
            message = "nothing of this service is enabled: its answers are empty (NODATA) until something is"
            report.warn((*service.path, "endpoints"), message)
        else:
            _warn_of_skipped(service, left, report)


def _warn_of_skipped(each: ServiceDraft, left: Service, report: ProblemList) -> None:
    enabled = Counter(endpoint.region for endpoint in left.endpoints if not endpoint.last_resort)
    for name, least in left.min_healthy:
        if 0 < enabled[name] < least:
            message = (
                f"min_healthy asks for {least} endpoints up in {name}, of which {enabled[name]} are enabled: the "
                "region is skipped while another has enough; disable the region, or ask for fewer"
            )
            report.warn((*each.path, "endpoints"), message)
