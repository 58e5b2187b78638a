"""A scene: the same incident over a zone with the default rules, and over the same with all of them off.

Nothing that clients get may be worse with rules: no endpoint is busier than it is without them, or than a dead region
makes it; and nobody waits longer for an address that answers. Where a rule is meant to cost such seconds, the test
says how many at the most.

    dead       really: nothing, and clients get nothing either. Its check finds it out, within an interval
    renamed    only the check is wrong: clients get what they want
"""

from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from math import fsum
from random import Random

import pytest

from gtm.checks.model import checks
from gtm.plan.safety.correlated import HOLD_S
from gtm.zone.model import Zone
from tests.scenes.shares import NOT_FOUND, TICK_S, TIMEOUT, Failed, Key, Moment, Stage, most, region_of, zone_of
from tests.scenes.shares import service_text as text

pytestmark = pytest.mark.slow

BEGINS, INTERVAL_S = 10.0, 5.0
RULES_OFF = "    safety: {at_least: 1, max_share_removed_per_minute: 100, correlated_failure: false}\n"
POLICIES = ("nearest", "weighted", "failover", "multivalue")
NAMES = ("api", "shop", "mail")
SITES = [(regions, each) for regions in range(1, 5) for each in range(1, 5)]

Is = Callable[[str, float], bool]
"""Whether something is so of an address at a time."""


@dataclass(frozen=True)
class Incident:
    """What happens, really."""

    is_dead: Is
    until: float
    is_renamed: Is = lambda _target, _now: False
    why: Failed = TIMEOUT
    """What the checks of the dead say."""


def number_of(target: str) -> int:
    """Which of its region's endpoints an address is."""
    return int(target.rsplit(":", maxsplit=1)[-1]) - 1 if ":" in target else int(target.rpartition(".")[2]) % 10


def a_region_dies(_regions: int) -> Incident:
    return Incident(lambda one, now: region_of(one) == 0 and BEGINS <= now < 300.0, 330.0)


def half_a_region_dies(_regions: int) -> Incident:
    return Incident(lambda one, now: region_of(one) == 0 and number_of(one) % 2 == 0 and BEGINS <= now < 300.0, 330.0)


def everything_dies_and_one_region_is_back_first(_regions: int) -> Incident:
    return Incident(lambda one, now: BEGINS <= now < (300.0 if region_of(one) == 0 else 600.0), 630.0)


def everything_dies_and_is_back_bit_by_bit(_regions: int) -> Incident:
    return Incident(lambda one, now: BEGINS <= now < 200.0 + 60.0 * region_of(one) + 15.0 * number_of(one), 500.0)


def regions_die_one_after_the_other(_regions: int) -> Incident:
    """Each when the one before it is back for a minute."""
    return Incident(lambda one, now: 0 <= now - BEGINS - 240.0 * region_of(one) < 180.0, 1100.0)


def the_path_is_renamed(_regions: int) -> Incident:
    return Incident(never, 700.0, lambda _one, now: BEGINS <= now < 600.0)


def the_path_is_renamed_region_by_region(regions: int) -> Incident:
    return Incident(never, 900.0, lambda one, now: BEGINS + 300.0 / regions * region_of(one) <= now < 700.0)


def the_path_is_renamed_endpoint_by_endpoint(_regions: int) -> Incident:
    """And mended in the same order."""

    def is_renamed(target: str, now: float) -> bool:
        begins = BEGINS + 4.0 * (4 * region_of(target) + number_of(target))
        return begins <= now < begins + 400.0

    return Incident(never, 600.0, is_renamed)


def one_endpoint_flaps(_regions: int) -> Incident:
    return Incident(
        lambda one, now: region_of(one) == number_of(one) == 0 and 0 < now < 260.0 and now % 33.0 > 12.0, 300.0
    )


def a_region_flaps(_regions: int) -> Incident:
    return Incident(lambda one, now: region_of(one) == 0 and 0 < now < 350.0 and now % 45.0 > 20.0, 400.0)


def never(_target: str, _now: float) -> bool:
    return False


INCIDENTS: Mapping[str, Callable[[int], Incident]] = {
    one.__name__: one
    for one in (
        a_region_dies,
        half_a_region_dies,
        everything_dies_and_one_region_is_back_first,
        everything_dies_and_is_back_bit_by_bit,
        regions_die_one_after_the_other,
        the_path_is_renamed,
        the_path_is_renamed_region_by_region,
        the_path_is_renamed_endpoint_by_endpoint,
        one_endpoint_flaps,
        a_region_flaps,
    )
}


@dataclass(frozen=True)
class Site:
    """A zone, with and without rules."""

    regions: int
    each: int
    services: int = 1
    steer: str = "nearest"
    families: tuple[int, ...] = (4,)
    more: str = ""

    @property
    def zones(self) -> tuple[Zone, Zone]:
        return self._zone(self.more), self._zone(RULES_OFF + self.more)

    def _zone(self, more: str) -> Zone:
        weight = (lambda number: 1 + number) if self.steer == "weighted" else (lambda _number: 1)
        one = partial(
            text,
            regions=self.regions,
            each=self.each,
            steer=self.steer,
            families=self.families,
            weight=weight,
            more=more,
        )
        return zone_of(
            "".join(one(name, number) for number, name in enumerate(("api", "shop", "mail")[: self.services]))
        )

    def late(self, seed: int) -> Mapping[str, float]:
        """How much later than the first each endpoint is found out: within an interval."""
        targets = [check.target for check in checks((self.zones[0],))]
        chance = Random(seed)
        return {target: chance.randrange(int(INTERVAL_S / TICK_S)) * TICK_S for target in targets}


@dataclass(frozen=True)
class Played:
    """What clients got."""

    moments: list[Moment]
    most: Mapping[Key, float]
    dead_s: Mapping[tuple[str, int, str], float]
    """By service, type and client: seconds for which it got dead addresses, each by its share of the answer."""


def played(zone: Zone, incident: Incident, late: Mapping[str, float]) -> Played:
    def why(target: str, now: float) -> Failed | None:
        then = now - late[target]
        if incident.is_dead(target, then):
            return incident.why
        return NOT_FOUND if incident.is_renamed(target, then) else None

    moments = Stage(zone).play(why, until=incident.until)
    dead_s: defaultdict[tuple[str, int, str], float] = defaultdict(float)
    ends = [one.at for one in moments[1:]] + [incident.until]
    for moment, end in zip(moments, ends, strict=True):
        for cell, gets in moment.cells.items():
            dead = fsum(share for name, share in gets.items() if incident.is_dead(name.partition("/")[2], moment.at))
            dead_s[cell] += dead * (end - moment.at)
    return Played(moments, most(moments), dead_s)


def busiest_by_a_dead_region(site: Site, late: Mapping[str, float]) -> Mapping[Key, float]:
    """The largest share that each endpoint has, without rules, when one region dies, whichever."""
    found: dict[Key, float] = {}
    for place in range(site.regions):
        dies = Incident(lambda one, now, place=place: region_of(one) == place and now >= BEGINS, 40.0)  # type: ignore[misc]
        for key, share in played(site.zones[1], dies, late).most.items():
            found[key] = max(share, found.get(key, 0.0))
    return found


def require_no_worse(site: Site, incident: Incident, *, seed: int, costs_s: float = 0.0) -> float:
    """Returns what it costs the client that it costs the most, in seconds of dead answers."""
    late = site.late(seed)
    with_rules, bare = (played(zone, incident, late) for zone in site.zones)
    limit = busiest_by_a_dead_region(site, late)
    for key, share in with_rules.most.items():
        assert share <= max(bare.most.get(key, 0.0), limit.get(key, 0.0)) + 1e-9, f"{key} is busier"
    for cell, seconds in with_rules.dead_s.items():
        assert seconds <= bare.dead_s[cell] + costs_s + 1e-6, f"{cell} gets dead answers for longer"
    assert with_rules.moments[-1].shares == with_rules.moments[0].shares, "all is as before in the end"
    assert with_rules.moments[-1].shares == bare.moments[-1].shares
    return max((seconds - bare.dead_s[cell] for cell, seconds in with_rules.dead_s.items()), default=0.0)


@pytest.mark.parametrize(("regions", "each"), SITES)
@pytest.mark.parametrize("name", INCIDENTS)
def test_no_incident_is_worse_than_without_rules(name: str, regions: int, each: int) -> None:
    steer = POLICIES[(regions + each + len(name)) % len(POLICIES)]
    require_no_worse(Site(regions, each, steer=steer), INCIDENTS[name](regions), seed=regions * each)


WIDER = (
    Site(2, 1, services=2),
    Site(3, 1, services=2, steer="weighted"),
    Site(2, 2, families=(4, 6)),
    Site(3, 1, families=(4, 6), steer="weighted"),
    Site(2, 1, services=2, families=(4, 6), steer="multivalue"),
)
"""Two services in one zone, both families, and both."""


@pytest.mark.parametrize("name", INCIDENTS)
def test_the_same_for_two_services_in_one_zone_and_for_both_families(name: str) -> None:
    number = [*INCIDENTS].index(name)
    site = WIDER[number * 3 % len(WIDER)]
    require_no_worse(site, INCIDENTS[name](site.regions), seed=number)


PERCENT_A_MINUTE = 25.0
"""`max_share_removed_per_minute`, by default."""


@pytest.mark.parametrize(("regions", "dead"), [(3, 2), (4, 2), (4, 3)])
@pytest.mark.parametrize("apart_s", [0.0, 30.0])
@pytest.mark.parametrize("why", [TIMEOUT, NOT_FOUND])
def test_what_several_regions_that_really_die_within_a_minute_cost(
    regions: int, dead: int, apart_s: float, why: Failed
) -> None:
    """One goes at once, each other one at the pace of the budget; in doubt, two minutes after that it begins."""
    paced_s = 60.0 * (dead - 1) * (100.0 / regions) / PERCENT_A_MINUTE
    doubted_s = HOLD_S if why is NOT_FOUND and 2 * dead > regions and apart_s < INTERVAL_S else 0.0
    incident = Incident(
        lambda one, now: region_of(one) < dead and BEGINS + apart_s * region_of(one) <= now < 400.0, 430.0, why=why
    )
    costs_s = require_no_worse(Site(regions, 1), incident, seed=1, costs_s=paced_s + doubted_s)
    assert abs(costs_s - (paced_s + doubted_s - (dead - 1) * apart_s)) <= INTERVAL_S
