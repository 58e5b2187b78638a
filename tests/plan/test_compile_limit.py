import pytest

from gtm.errors import ZoneTooCostly
from gtm.health.consensus.status import NO_STATUS
from gtm.plan.cells import Spaces
from gtm.plan.compile import compile_plan
from gtm.plan.compile_limit import CELLS, CELLS_LIMIT_S, DECISIONS, DECISIONS_LIMIT_S, Effort, boundless
from gtm.plan.model import EMPTY_PLAN, Plan
from gtm.steer.vocabulary import STEERING
from gtm.zone.model import Zone
from gtm.zone.parse import NO_SHARED, parse
from tests.fakes import world
from tests.node.present import SMALL


def zone(name: str) -> Zone:
    return parse(SMALL.replace("gtm.example.com", name), f"{name}.yaml", NO_SHARED, STEERING)


ONE, TWO = zone("one.test"), zone("two.test")
GEOGRAPHY = world.geography()


class Work:
    """A clock of work, on which every look takes so long."""

    def __init__(self, step_s: float) -> None:
        self._step_s = step_s
        self._now = 0.0

    def __call__(self) -> float:
        self._now += self._step_s
        return self._now


def compiled(*zones: Zone, effort: Effort | None = None, spaces: Spaces | None = None) -> Plan:
    return compile_plan(
        zones,
        serials={each.origin.to_text(): 1 for each in zones},
        geography=GEOGRAPHY,
        vocabulary=STEERING,
        status=NO_STATUS,
        before=EMPTY_PLAN,
        spaces=spaces,
        effort=effort,
    )


def test_a_zone_whose_plan_takes_too_long_is_named() -> None:
    with pytest.raises(ZoneTooCostly) as raised:
        compiled(ONE, TWO, effort=Effort(Work(2 * CELLS_LIMIT_S), frozenset({TWO.file})))
    assert raised.value.file == TWO.file


def test_only_the_time_of_that_zone_counts_and_each_part_has_its_own() -> None:
    files = frozenset({ONE.file, TWO.file})
    compiled(ONE, TWO, effort=Effort(Work(DECISIONS_LIMIT_S / 10), files))
    with pytest.raises(ZoneTooCostly):
        compiled(ONE, TWO, effort=Effort(Work(DECISIONS_LIMIT_S), files))
    compiled(ONE, TWO, effort=Effort(Work(DECISIONS_LIMIT_S), files, times=10))


def test_a_zone_that_serves_has_no_limit() -> None:
    compiled(ONE, TWO, effort=Effort(Work(1e9), frozenset()))
    compiled(ONE, TWO, effort=boundless())


def test_the_work_of_a_zone_adds_up() -> None:
    now = [0.0]
    effort = Effort(lambda: now[0], frozenset({ONE.file}))
    for _ in range(2):
        effort.at(ONE, 10.0, work=DECISIONS)
        now[0] += 6.0
        effort.at(TWO, 10.0, work=DECISIONS)
        now[0] += 100.0
        effort.check()
    effort.at(ONE, 10.0, work=DECISIONS)
    with pytest.raises(ZoneTooCostly):
        effort.check()


@pytest.mark.parametrize(("step_s", "limit_s", "work"), [(100.0, 60, CELLS), (25.0, 10, DECISIONS)])
def test_the_message_has_the_time_the_limit_and_what_takes_so_long(step_s: float, limit_s: int, work: str) -> None:
    with pytest.raises(ZoneTooCostly) as raised:
        compiled(ONE, effort=Effort(Work(step_s), frozenset({ONE.file})))
    assert str(raised.value) == f"its plan took {step_s:g} s of work so far, and {limit_s} s are the limit: {work}"


def space_of(plan: Plan) -> object:
    return next(iter(plan.services.values())).space


def test_cells_are_kept_from_plan_to_plan_while_geo_data_stay() -> None:
    spaces = Spaces()
    first = compiled(ONE, spaces=spaces)
    changed = parse(
        SMALL.replace("gtm.example.com", "one.test").replace("192.0.2.2", "192.0.2.9"), "o", NO_SHARED, STEERING
    )
    assert space_of(compiled(changed, TWO, spaces=spaces)) is space_of(first)
    compiled(spaces=spaces)
    assert space_of(compiled(ONE, spaces=spaces)) is not space_of(first), "what nobody uses is forgotten"


def test_chains_that_part_places_alike_share_the_map() -> None:
    text = SMALL.replace("gtm.example.com", "one.test")
    other = parse(
        text.replace("one.test", "two.test").replace("steer: nearest", "steer: [up, nearest]"), "t", NO_SHARED, STEERING
    )
    found = [service.space for service in compiled(ONE, other).services.values()]
    assert found[0] is not found[1]
    assert found[0].networks is found[1].networks
