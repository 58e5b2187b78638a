"""What a push of zone files changed is counted, so that an alert can tell of it."""

import asyncio
from pathlib import Path

from gtm.counters import Counters
from gtm.health.belief import Belief
from gtm.ids import Generation
from gtm.metrics.snapshot import Push
from gtm.node.events.zone_changes import ONE_PUSH_S, Applied, last_push
from gtm.zone.changes import Fate
from gtm.zone.model import Zone
from tests.fakes import world
from tests.fakes.clock import FakeClock
from tests.node.present import GEO, SMALL, believing, catalogue, make_planner

ZONE = world.zone(SMALL)
OTHER = world.zone(SMALL.replace("192.0.2.2", "192.0.2.3"))


def test_zones_that_come_go_and_change_are_counted_but_not_those_of_a_start(tmp_path: Path) -> None:
    counters = Counters()
    planner = make_planner(tmp_path, counters=counters)
    more = world.zone(SMALL.replace("gtm.example.com", "gtm.example.net"))

    def counted() -> dict[str, int]:
        found = counters.snapshot()
        return {fate: found.get(f'zone_changes{{change="{fate}"}}', 0) for fate in ("added", "changed", "removed")}

    async def story() -> None:
        await planner.take_geo(GEO)
        await planner.take_zones(catalogue(ZONE))
        assert counted() == {"added": 0, "changed": 0, "removed": 0}
        await planner.take_zones(catalogue(OTHER, more))
        assert counted() == {"added": 1, "changed": 1, "removed": 0}
        planner.take_status(believing(OTHER, _1=Belief.DOWN))
        await planner.take_zones(catalogue(OTHER))
        assert counted() == {"added": 1, "changed": 1, "removed": 1}

    asyncio.run(story())


def test_the_last_push_is_told_with_its_zones_but_no_start(tmp_path: Path) -> None:
    clock = FakeClock()
    planner = make_planner(tmp_path, wall=clock.wall)
    more = world.zone(SMALL.replace("gtm.example.com", "gtm.example.net"))

    async def take(*zones: Zone) -> Push:
        clock.advance(ONE_PUSH_S + 1)
        await planner.take_zones(catalogue(*zones))
        return last_push(planner.applied)

    async def story() -> None:
        await planner.take_geo(GEO)
        assert await take(ZONE) == Push() == Push(0.0, "")
        assert await take(OTHER) == Push(clock.wall(), "gtm.example.com changed")
        planner.take_status(believing(OTHER, _1=Belief.DOWN))
        assert await take(OTHER, more) == Push(clock.wall(), "gtm.example.net added")
        assert await take(OTHER) == Push(clock.wall(), "gtm.example.net removed")
        first = clock.wall()
        assert await take(OTHER) == Push(first, "gtm.example.net removed"), "nothing new"

    asyncio.run(story())


def test_files_that_come_one_after_the_other_are_one_push() -> None:
    def pushed(at: float, **fates: Fate) -> Applied:
        return Applied(Generation(1), at, (), fates)

    early, first = pushed(0.0, z=Fate.ADDED), pushed(100.0, b=Fate.CHANGED)
    second = pushed(150.0, a=Fate.REMOVED, b=Fate.REMOVED)
    assert last_push([]) == Push()
    assert last_push([early, first, second]) == Push(150.0, "a removed, b removed")
    many = pushed(151.0, **{f"z{number}": Fate.CHANGED for number in range(8)})
    assert last_push([first, many]) == Push(151.0, "b changed, z0 changed, z1 changed and 6 more")
