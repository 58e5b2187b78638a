"""How often one target is asked because of one zone: a limit, so that a zone file makes no flood of all the probes.

What comes in is a draft zone whose number of checks is within its limit (sizes.py); out goes at most one problem in its
report. Counted is what one probe asks one address or name for in a second, on all ports together, at the worst:

    rounds        one reading in each interval
    rechecks      an endpoint that is read as bad, but never often enough to be down, is read up to `fall` times in each
                  interval, and no more often than `recheck` says
    a reading     asks once, and once more for each redirect that it may follow, or each echo request

A second try, which `dns` and `grpc` make where the first was refused or lost, is not counted, and of a name with
several addresses each is asked once. A monitor asks a target once, however many services have it. What waits for others
(`push`) or asks nobody (`calculated`) is not counted; the parts of a calculated one are.
"""

from collections import defaultdict
from collections.abc import Iterable
from ipaddress import IPv6Address

from dns.name import Name

from gtm.zone.draft import ProblemList, ZoneDraft
from gtm.zone.model import Endpoint, Monitor, MonitorKey

MAX_REQUESTS_PER_S = 100
"""Of one zone, to one target, by each probe. A monitor with the default pace makes 0.6: 166 of them may look at one
address, such as that of a proxy with many services behind it."""

_ROUNDING = 1e-6
"""Rates are sums of fractions."""


def no_target_is_asked_too_often(draft: ZoneDraft, report: ProblemList) -> None:
    """Adds a problem at the service with which a target is asked too often."""
    rates = _Rates()
    for service in draft.services.values():
        monitor = service.service.monitor
        target = None if monitor is None else rates.add(monitor, service.service.endpoints)
        if target is not None:
            message = (
                f"up to here each probe would ask {target} more than {MAX_REQUESTS_PER_S} times a second, rechecks "
                "included; give its monitors longer intervals, or have services share a monitor"
            )
            report.add((*service.path, "monitor"), message)
            return


def requests_per_s(monitor: Monitor) -> float:
    """Returns the requests per second that one probe sends to a target for this monitor alone, at the worst.

    Its parts are not counted.
    """
    if not monitor.type.asks:
        return 0.0
    readings_per_s = 1 / monitor.interval_s
    if monitor.recheck_s < monitor.interval_s:
        bad = max(
            2, monitor.fall
        )  # one reading alone takes nothing down where there are rechecks (gtm/checks/policy.py)
        readings_per_s = min(bad / monitor.interval_s, 1 / monitor.recheck_s)
    return readings_per_s * monitor.settings.requests_per_check


class _Rates:
    """Adds up what targets are asked. Its state is that."""

    def __init__(self) -> None:
        self._parts: dict[MonitorKey, tuple[tuple[MonitorKey, float], ...]] = {}
        self._asked_by: defaultdict[MonitorKey, set[str]] = defaultdict(set)
        self._rates: defaultdict[str, float] = defaultdict(float)

    def add(self, monitor: Monitor, endpoints: Iterable[Endpoint]) -> str | None:
        """Adds what a monitor asks of endpoints; returns a target that is asked too often."""
        parts = self._parts_of(monitor)
        for target in map(_target, endpoints):
            for key, rate in parts:
                if target not in self._asked_by[key]:
                    self._asked_by[key].add(target)
                    self._rates[target] += rate
            if self._rates[target] > MAX_REQUESTS_PER_S + _ROUNDING:
                return target
        return None

    def _parts_of(self, monitor: Monitor) -> tuple[tuple[MonitorKey, float], ...]:
        """Returns those that ask, of a monitor and what it is calculated from, each with its rate."""
        if monitor.key not in self._parts:
            asking = (part for part in monitor.all_parts() if part.type.asks)
            self._parts[monitor.key] = tuple((each.key, requests_per_s(each)) for each in asking)
        return self._parts[monitor.key]


def _target(endpoint: Endpoint) -> str:
    """Returns whom an endpoint is: names are the same in any case, and an IPv4 address in one of IPv6 is itself."""
    answer = endpoint.answer
    if isinstance(answer, Name):
        return endpoint.target.lower()
    mapped = answer.ipv4_mapped if isinstance(answer, IPv6Address) else None
    return str(mapped or answer)
