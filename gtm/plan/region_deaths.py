"""Which checks are down when one region dies, worked out for all regions at once.

What comes in: services, and the checks of the zones. What goes out: for each check, the regions whose death takes it
down. A number has one bit for each region; bit r of a check's two numbers is its belief when region r is dead and
everything else is up. So each check is examined once, however many regions there are.

    up     a target outside the region        down   a target in it         neither   unknown
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from gtm.checks.calculated import needed_of
from gtm.checks.model import Check, Part, checks_of
from gtm.ids import CheckId, RegionName, ServiceId
from gtm.plan.model import SteeredService
from gtm.zone.model import Endpoint
from gtm.zone.monitors.kinds.calculated import CalculatedSettings


def felling_regions(services: Mapping[ServiceId, SteeredService]) -> dict[CheckId, frozenset[RegionName]]:
    """Returns, for each check of these services, the regions that take it down when that one region dies.

    A target may be in several regions, when they are two names of one place.
    """
    places: defaultdict[str, set[RegionName]] = defaultdict(set)
    for service in services.values():
        for endpoint in service.service.endpoints:
            places[endpoint.target].add(endpoint.region)
    watched = {check: end.target for service in services.values() for check, end in _watched_ends(service)}
    regions = {check: frozenset(places[target]) for check, target in watched.items()}
    asked = {check for service in services.values() if service.service.awaits for check, _ in _watched_ends(service)}
    if not asked:
        return regions
    return {**regions, **_felling_calculated(services, asked, places)}


def _felling_calculated(
    services: Mapping[ServiceId, SteeredService], asked: set[CheckId], places: Mapping[str, set[RegionName]]
) -> dict[CheckId, frozenset[RegionName]]:
    """Returns the regions that take down each check in `asked`; these checks are calculated from other services.

    `places` has the regions of each target.
    """
    watched = {check.id: check for check in checks_of({name: pair.service for name, pair in services.items()})}
    regions = sorted({region for within in places.values() for region in within})
    bits = {region: 1 << number for number, region in enumerate(regions)}
    dead = {target: sum(bits[region] for region in within) for target, within in places.items()}
    felled = _Felled(watched, dead, everywhere=(1 << len(regions)) - 1)
    names: dict[int, frozenset[RegionName]] = {}
    for check in asked:
        down = felled.of(check).down
        if down not in names:
            names[down] = frozenset(region for region in regions if bits[region] & down)
    return {check: names[felled.of(check).down] for check in asked}


class _Believed(NamedTuple):
    """Two bit masks of regions: those with whose death a check is still up, and those with whose death it is down."""

    up: int
    down: int


class _Felled:
    """Computes the belief of every check for the death of each region. Its state is a cache of the results."""

    def __init__(self, watched: Mapping[CheckId, Check], dead: Mapping[str, int], *, everywhere: int) -> None:
        self._watched = watched
        self._dead = dead
        """By target, the bits of the regions that it is in."""
        self._everywhere = everywhere
        self._known: dict[CheckId, _Believed] = {}

    def of(self, asked: CheckId) -> _Believed:
        stack = [asked]  # services may wait for each other in a row of thousands: too deep for recursion
        while stack and asked not in self._known:  # it ends: no circles, for `checks` leaves them out
            check = self._watched[stack[-1]]
            missing = [
                part_check for part in check.parts for part_check in part.checks if part_check not in self._known
            ]
            if missing:
                stack += missing
            else:
                self._known[stack.pop()] = self._believed(check)
        return self._known[asked]

    def _believed(self, check: Check) -> _Believed:
        settings = check.monitor.settings
        if isinstance(settings, CalculatedSettings):
            parts = [self._part(part) for part in check.parts]
            return self._combined(parts, needed=needed_of(settings, len(parts)))
        dead = self._dead.get(check.target, 0)
        return _Believed(self._everywhere & ~dead, dead)

    def _part(self, part: Part) -> _Believed:
        """Returns the belief of a part, by the rule of belief_of() in gtm/checks/calculated.py."""
        if part.is_unchecked:
            return _Believed(self._everywhere, 0)
        if not part.checks:
            return _Believed(0, 0)
        return self._combined([self._known[check] for check in part.checks], needed=1)

    def _combined(self, believed: Sequence[_Believed], *, needed: int) -> _Believed:
        """Returns the belief of several together, by the rule of combined() in gtm/checks/combine.py."""
        up = at_least(needed, [each.up for each in believed], everywhere=self._everywhere)
        too_many = len(believed) - needed + 1
        down = at_least(too_many, [each.down for each in believed], everywhere=self._everywhere)
        return _Believed(up, down & ~up)


def at_least(count: int, numbers: Sequence[int], *, everywhere: int) -> int:
    """Returns the bits that are set in at least `count` of the numbers; `everywhere` has all bits set."""
    if count <= 0:
        return everywhere
    if count > len(numbers):
        return 0
    greater, equal = 0, everywhere
    for place, plane in reversed(list(enumerate(_sums(numbers)))):
        if count >> place & 1:
            equal &= plane
        else:
            greater |= equal & plane
            equal &= ~plane
    return greater | equal


def _sums(numbers: Iterable[int]) -> list[int]:
    """Returns, for each bit, in how many of the numbers it is set; as binary digits, the lowest first.

    Item 0 of the result has the lowest digit of the counts of all bits, item 1 the next digit, and so on.
    """
    planes: list[int] = []
    for total, number in enumerate(numbers, 1):
        if total >> len(planes):
            planes.append(0)
        carry = number
        for place, plane in enumerate(planes):
            planes[place], carry = plane ^ carry, plane & carry
            if not carry:
                break
    return planes


def _watched_ends(steered: SteeredService) -> Iterator[tuple[CheckId, Endpoint]]:
    for check, endpoint in zip(steered.checks, steered.service.endpoints, strict=True):
        if check is not None:
            yield check, endpoint
