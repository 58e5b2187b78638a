"""Oddities in the places of a zone's regions: warnings.

In come the regions that a zone may use and its draft; out go warnings in its report: of regions that `nearest` cannot
tell apart, and of a country that does not exist. It must not look up `at: auto`: that takes geo data.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping

from gtm.geo.codes import meaning
from gtm.geo.place import Coordinates
from gtm.ids import RegionName
from gtm.zone.draft import ProblemList, ServiceDraft, ZoneDraft
from gtm.zone.model import Region

MOST_NAMES = 5
"""Of regions at one point that are told by name."""


def warn_of_places(regions: Mapping[RegionName, Region], draft: ZoneDraft, report: ProblemList) -> None:
    """Adds the warnings about the regions of services that are steered by `nearest`."""
    told: set[RegionName] = set()
    for service in draft.services.values():
        if any(spec.name == "nearest" for spec in service.service.steer.chain):
            names = dict.fromkeys(endpoint.region for endpoint in service.service.endpoints)
            used = [regions[name] for name in names if name in regions]
            for together, message in (*_of_no_country(used), *_at_one_point(used)):
                if not told.issuperset(region.name for region in together):
                    told.update(region.name for region in together)
                    _warn(together[-1], message, service, report)


def _of_no_country(regions: Iterable[Region]) -> Iterator[tuple[list[Region], str]]:
    """Yields each region whose country tells nothing, with what is odd about it."""
    for region in regions:
        if region.country and region.at is None and not any(meaning(region.country)):
            code = region.country
            yield [region], f'the country "{code}" is none of ISO 3166-1, and does not tell where this region is'


def _at_one_point(regions: Iterable[Region]) -> Iterator[tuple[list[Region], str]]:
    """Yields the regions that are at the same point, together, with what is odd about it."""
    sites: dict[tuple[Coordinates | str, int], list[Region]] = defaultdict(list)
    for region in regions:
        point = _point(region)
        if point is not None:
            sites[point, region.bias].append(region)
    yield from ((site, _words(site)) for site in sites.values() if len(site) > 1)


def _point(region: Region) -> Coordinates | str | None:
    """Returns the coordinates that stand for the point of a region; None for one that has none."""
    means = meaning(region.country)
    return region.at or means.country or region.continent or means.continent or None


def _words(regions: list[Region]) -> str:
    names = [f'"{region.name}"' for region in regions[:MOST_NAMES]]
    if len(regions) > MOST_NAMES:
        names.append(f"{len(regions) - MOST_NAMES} more")
    listed = f"{', '.join(names[:-1])} and {names[-1]}"
    unless = "" if regions[0].at is not None else ", unless the geo data knows where their endpoints are"
    return (
        f"the regions {listed} are at one point{unless}: steered by nearest, the clients of one place go to one of "
        "them, those of another to another; write `at` where they differ, or a `bias` to prefer one"
    )


def _warn(region: Region, message: str, service: ServiceDraft, report: ProblemList) -> None:
    """Adds a warning at a region of the file, or at the service where the region is of the shared file."""
    own = ("regions", region.name)
    path = own if report.document.at(own) is not None else service.path
    report.warn(path, message, at_key=True)
