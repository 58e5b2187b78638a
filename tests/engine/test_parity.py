"""Both engines give the same bytes: random plans, random and damaged queries, flips of health in between.

GTM_PARITY=1000000 compares a million answers instead of the 100,000 of every run.
"""

import os
from random import Random

import pytest

from gtm.engine.protocol import Transport
from gtm.engine.reference import ReferenceEngine
from gtm.plan.apply import apply
from tests.engine import draw
from tests.engine.test_mutated import mutated
from tests.fakes import world
from tests.fakes.engines import ENGINES

COMPARISONS = int(os.environ.get("GTM_PARITY", "100000"))
SEED = int(os.environ.get("GTM_SEED", "1"))
PARTS = 4
QUERIES_PER_STATUS = 250
STATUSES_PER_PLAN = 4


@pytest.mark.slow
@pytest.mark.timeout(0)
@pytest.mark.parametrize("part", range(PARTS))
@pytest.mark.parametrize("name", [name for name in ENGINES if name != "reference"])
def test_the_engines_give_the_same_bytes(name: str, part: int) -> None:
    dice = Random(f"{SEED}/{part}")
    compared = 0
    while compared < COMPARISONS // PARTS:
        compared += _compare_one_plan(name, dice)


def _compare_one_plan(name: str, dice: Random) -> int:
    reference, other = ReferenceEngine(), ENGINES[name]()
    zones = draw.zones(dice)
    plan = world.plan(*zones, beliefs=draw.beliefs(dice, zones), geography=draw.geography(dice))
    names = draw.names(plan)
    for _ in range(STATUSES_PER_PLAN):
        reference.swap(plan)
        other.swap(plan)
        for _ in range(QUERIES_PER_STATUS):
            wire = draw.query(dice, names)
            if dice.random() < 0.3:
                wire = mutated(wire, dice)
            arguments = (wire, draw.client(dice), dice.choice(list(Transport)), dice.getrandbits(64))
            assert other.respond(*arguments) == reference.respond(*arguments), (wire.hex(), *arguments[1:], zones[0])
        status = draw.promising(dice, world.status(draw.beliefs(dice, zones), *zones))
        checks = [check for check in sorted(plan.watchers) if dice.random() < 0.7]
        plan = apply(plan, status, checks, retimed=plan.watchers) or plan
    return STATUSES_PER_PLAN * QUERIES_PER_STATUS
