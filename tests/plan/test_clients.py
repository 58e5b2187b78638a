"""Who gets what, within the work that is allowed."""

from gtm.health.belief import Belief
from gtm.health.consensus.status import CheckStatus, Status
from gtm.ids import RegionName, ServiceId
from gtm.plan.clients import Clients
from gtm.plan.decisions import decisions
from gtm.plan.shape_decisions import Shapes
from tests.fakes import world

PLAN = world.plan(world.zone(), geography=world.geography())
API = PLAN.services[ServiceId("api.gtm.example.com")]
EU, US, AP = RegionName("eu-west"), RegionName("us-east"), RegionName("ap-southeast")
CELLS = range(len(API.space.cells))
STATUS = Status({check: CheckStatus(Belief.UP, 0.0) for check in API.checks if check is not None})
DECIDED = decisions(API, STATUS, None, Shapes())


def test_each_cell_is_a_client_of_a_region_that_it_would_get() -> None:
    clients = Clients()
    found = {region: clients.of(API, region) for region in (EU, US, AP)}
    assert sorted({cell for cells in found.values() for cell in cells or ()}) == list(CELLS)
    for region, cells in found.items():
        assert cells
        for cell in CELLS:
            gets = {answer.region for outcome in DECIDED.in_cell(cell).outcomes.values() for answer in outcome.answers}
            assert (region in gets) is (cell in cells)


def test_what_cells_are_answered_with_is_told_by_how_many_they_are() -> None:
    answered = Clients().answers(API, DECIDED)
    assert answered is not None
    assert set(answered.regions) == {EU, US, AP}
    assert answered.failed == ()


def test_equal_services_are_looked_at_once() -> None:
    work = len(CELLS) * len(API.checks)
    clients = Clients(work)
    assert clients.of(API, EU) is not None
    for _ in range(10):
        assert clients.of(API, EU) is not None
    assert clients.of(API, US) is None, "no work is left for another walk over the cells"


def test_what_takes_too_long_is_not_found_out() -> None:
    clients = Clients(len(CELLS) * len(API.checks) - 1)
    assert clients.of(API, EU) is None
    assert not clients.is_known(API, DECIDED)
    assert clients.answers(API, DECIDED) is not None, "to read what is decided takes less"
    assert clients.is_known(API, DECIDED)
    assert Clients(0).answers(API, DECIDED) is None
