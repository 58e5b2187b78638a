"""The keys `safety` and `min_healthy`: the limits on automatic changes, of a zone and of its services.

    of a service    the service's own, else the zone's, else the default
    at_least        1     no more regions than the service has
    max_share..     25    a service with a share of its own is counted by itself
    correlated..    true
    min_healthy     none  no more endpoints than the service has in the region

In come entries; out go values of gtm/zone/model.py, and problems of a service whose own values cannot be kept.
"""

from collections import Counter
from collections.abc import Mapping
from typing import Annotated

from pydantic import Field

from gtm.config.document import Path
from gtm.config.entry import Entry
from gtm.config.fields import whole, whole_schema
from gtm.ids import RegionName
from gtm.zone import references
from gtm.zone.draft import ProblemList
from gtm.zone.model import DEFAULT_SAFETY, Safety, Service

MAX_COUNT = 1_000
"""The largest number of regions or endpoints in these keys; more is a mistake."""


class SafetyEntry(Entry):
    """What automatics may not do."""

    at_least: Annotated[
        int | None,
        whole(1, MAX_COUNT),
        whole_schema(1, MAX_COUNT),
        Field(description="So many regions of a service stay in the answers while something of it is up; 1"),
    ] = None
    max_share_removed_per_minute: Annotated[
        int | None,
        whole(1, 100),
        whole_schema(1, 100),
        Field(description="Percent that checks may take out in a minute; 25, and 100 for no limit"),
    ] = None
    correlated_failure: Annotated[
        bool | None, Field(description="Whether failures everywhere at once are blamed on the probes; true")
    ] = None


MinHealthy = Annotated[
    dict[references.RegionReference, Annotated[int, whole(1, MAX_COUNT), whole_schema(1, MAX_COUNT)]],
    Field(description="By region: with fewer endpoints up, the region is skipped where another has enough"),
]


def safety_of(own: SafetyEntry, zone: SafetyEntry) -> Safety:
    """Returns the safety rules of a service: of each the service's own, else the zone's, else the default."""
    at_least = own.at_least or zone.at_least or DEFAULT_SAFETY.at_least
    percent = own.max_share_removed_per_minute or zone.max_share_removed_per_minute
    values = [rules.correlated_failure for rules in (own, zone) if rules.correlated_failure is not None]
    return Safety(
        at_least,
        DEFAULT_SAFETY.max_share if percent is None else percent / 100,
        correlated_failure=[*values, DEFAULT_SAFETY.correlated_failure][0],
        is_apart=own.max_share_removed_per_minute is not None,
    )


def min_healthy_of(
    own: Mapping[str, int], zone: Mapping[str, int], regular: Counter[RegionName]
) -> tuple[tuple[RegionName, int], ...]:
    """Returns the `min_healthy` of a service by region: its own, else the zone's, in the order of `regular`.

    `regular` has the number of endpoints in each region that are not a last resort; no minimum is larger.
    """
    wanted = {**zone, **own}
    return tuple((name, min(wanted[name], count)) for name, count in regular.items() if name in wanted)


def check_safety(
    service: Service, own: SafetyEntry, own_min: Mapping[str, int], path: Path, report: ProblemList
) -> None:
    """Adds a problem for each own `at_least` or `min_healthy` that is more than the service has."""
    regular = Counter(endpoint.region for endpoint in service.endpoints if not endpoint.last_resort)
    if own.at_least is not None and own.at_least > len(regular):
        message = f"at_least {own.at_least} regions, but the service has {len(regular)}"
        report.add((*path, "safety", "at_least"), message)
    for name, least in own_min.items():
        count = regular[RegionName(name)]
        if least > count:
            message = f"min_healthy {least}, but the service has {count} endpoints in {name}"
            report.add((*path, "min_healthy", name), message)
