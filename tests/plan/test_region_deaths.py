import random
import time

import pytest

from gtm.checks.model import checks
from gtm.ids import ServiceId
from gtm.plan.faults import fallen
from gtm.plan.model import SteeredService
from gtm.plan.region_deaths import at_least, felling_regions
from gtm.zone.model import Zone
from tests.fakes import world


def zone_of(dice: random.Random) -> Zone:
    """A zone of services in random regions, each calculated from some of those before it."""
    text = f"{world.HEAD}\n"
    rows = []
    for number in range(8):
        others = [f"service s{each}.gtm.example.com" for each in dice.sample(range(number), min(number, 3))]
        rule = dice.choice(["all: [{}]", "any: [{}]", "at_least: {{count: 2, of: [{}]}}"])
        parts = ", ".join(others)
        monitor = "web"
        if len(others) > 1 and "at_least" not in rule:
            monitor = f"m{number}"
            text += f"  m{number}: {{type: calculated, {rule.format(parts)}}}\n"
        ends = ", ".join(
            f"{{region: {dice.choice(['us-east', 'eu-west', 'ap-southeast'])}, address: 192.0.2.{8 * number + each}}}"
            for each in range(1, dice.randint(2, 4))
        )
        rows.append(f"  s{number}: {{monitor: {monitor}, steer: nearest, endpoints: [{ends}]}}\n")
    return world.zone(f"{text}services:\n{''.join(rows)}records:{world.NS1}")


@pytest.mark.parametrize("seed", range(20))
def test_it_is_what_falls_when_each_region_dies(seed: int) -> None:
    zone = zone_of(random.Random(seed))
    services = world.plan(zone).services
    watched = {check.id: check for check in checks((zone,))}
    found = felling_regions(services)
    for region in {end.region for service in zone.services for end in service.endpoints}:
        targets = {end.target for service in zone.services for end in service.endpoints if end.region == region}
        assert {check for check, felling in found.items() if region in felling} == (
            fallen(frozenset(targets), watched) & found.keys()
        )


@pytest.mark.parametrize("count", [-1, 0, 1, 2, 3, 7, 20, 21])
def test_bits_are_counted(count: int) -> None:
    dice = random.Random(count)
    numbers = [dice.getrandbits(200) for _ in range(20)]
    found = at_least(count, numbers, everywhere=(1 << 200) - 1)
    assert [found >> bit & 1 for bit in range(200)] == [
        sum(number >> bit & 1 for number in numbers) >= count for bit in range(200)
    ]


def many(size: int) -> dict[ServiceId, SteeredService]:
    """So many services in a region each, and as many that are calculated from one of them."""
    regions = "".join(f"  r{each}: {{at: [1.0, 1.0]}}\n" for each in range(size))
    monitors = "".join(
        f"  m{each}: {{type: calculated, all: [service s{each}.gtm.example.com]}}\n" for each in range(size)
    )
    head = world.HEAD.replace("regions:\n", f"regions:\n{regions}", 1)
    end = "endpoints: [{{region: r{0}, address: 10.{1}.{2}.{3}}}]"
    services = "".join(
        f"  s{each}: {{monitor: web, steer: weighted, {end.format(each, 1, each >> 8, each & 255)}}}\n"
        f"  t{each}: {{monitor: m{each}, steer: weighted, {end.format(0, 2, each >> 8, each & 255)}}}\n"
        for each in range(size)
    )
    return dict(world.plan(world.zone(f"{head}{monitors}services:\n{services}records:{world.NS1}")).services)


@pytest.mark.slow
def test_it_takes_as_long_as_there_are_checks_and_not_times_the_regions() -> None:
    services = many(1_500)
    began = time.thread_time()
    found = felling_regions(services)
    assert time.thread_time() - began < 1.0, "region by region it is 15 s"
    assert len(found) == 3_000
    assert set(found.values()) == {frozenset({f"r{each}"}) for each in range(1_500)}
