"""The limits on the size of a zone: how many checks it asks for, and how many maps of places its plan needs.

    counted     for each target of each monitor: itself, and its parts if it is calculated, at any depth,
      part        a monitor       1
                  a service       as many as it has endpoints; 10 where it is of another zone

In comes a draft zone; out goes at most one problem of each kind in its report. What is counted is kept in memory, and
walked through at every change.

For services that look at the place of clients, the places of the geo data are divided anew for each set of regions.
Each such map takes some tenths of a second and some megabytes: so there is a limit on different sets.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping

from gtm.ids import ServiceId
from gtm.zone.draft import ProblemList, ZoneDraft
from gtm.zone.model import HealthView, Monitor, MonitorKey
from gtm.zone.monitors.kinds.calculated import CalculatedSettings
from gtm.zone.steering import Vocabulary

MAX_CHECKS = 250_000
"""Of one zone. 50,000 endpoints with a monitor each are 50,000; and a file has no room for many more."""
_FOREIGN = 10
"""A service of another zone has so many endpoints, more or less; this file is read without it."""


MAX_REGION_SETS = 32
"""Of one zone: services with the same chain in the same regions have one together. With the shipped geo data so many
take 4 to 16 s, and 1.5 GB while they are made; 64 took 3 GB, and the event loop for 1.5 s."""


def services_share_their_regions(draft: ZoneDraft, vocabulary: Vocabulary, report: ProblemList) -> None:
    """Adds a problem at the service at which there are too many sets of regions."""
    looks = {steer: vocabulary.looks(steer) for steer in {each.service.steer for each in draft.services.values()}}
    regions_seen = set()
    for each in draft.services.values():
        service = each.service
        regions = frozenset(endpoint.region for endpoint in service.endpoints)
        if looks[service.steer] and len(regions) > 1:  # of one region there is one cell
            is_local = service.health_view is HealthView.LOCAL and service.monitor is not None
            regions_seen.add((service.steer.chain, regions, is_local))
        if len(regions_seen) > MAX_REGION_SETS:
            message = (
                f"up to here services that look at the place of clients have more than {MAX_REGION_SETS} different "
                "sets of regions, each with a chain; clients are told apart for each of them: use fewer, or split "
                "the zone"
            )
            report.add((*each.path, "endpoints"), message)
            return


def services_ask_for_what_can_be_checked(draft: ZoneDraft, report: ProblemList) -> bool:
    """Adds a problem at the service at which the zone asks for too much; returns whether there is none."""
    counting = _Counting({service.service.id: len(service.service.endpoints) for service in draft.services.values()})
    for service in draft.services.values():
        if service.service.monitor is not None:
            counting.add(service.service.monitor, [end.target for end in service.service.endpoints])
        if counting.left < 0:
            message = (
                f"up to here the zone asks for more than {MAX_CHECKS} checks, with all that they are calculated from; "
                "combine less in its monitors, or split the zone"
            )
            report.add((*service.path, "monitor"), message)
            return False
    return True


class _Counting:
    """Counts until it is too much: it walks no further than that. Its state is what was counted."""

    def __init__(self, endpoints: Mapping[ServiceId, int]) -> None:
        self._endpoints = endpoints
        self._weights: dict[MonitorKey, int] = {}
        self._counted: defaultdict[MonitorKey, set[str]] = defaultdict(set)
        self.left = MAX_CHECKS

    def add(self, monitor: Monitor, targets: Iterable[str]) -> None:
        weight, counted = self._weight(monitor), self._counted[monitor.key]
        for target in targets:
            if target not in counted and self.left >= 0:
                counted.add(target)
                self.left -= weight

    def _weight(self, monitor: Monitor) -> int:
        if monitor.key not in self._weights:
            weight = 0
            for part in monitor.all_parts():
                weight += 1 + self._parts(part)
                if weight > self.left:
                    break
            self._weights[monitor.key] = weight
        return self._weights[monitor.key]

    def _parts(self, monitor: Monitor) -> int:
        if not isinstance(monitor.settings, CalculatedSettings):
            return 0
        services = monitor.settings.services
        return len(monitor.parts) + sum(self._endpoints.get(ServiceId(name), _FOREIGN) for name in services)
