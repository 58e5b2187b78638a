"""What a push of zone files changed is counted, so that an alert can tell of it."""

import asyncio
from pathlib import Path

from gtm.counters import Counters
from gtm.health.belief import Belief
from tests.fakes import world
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
