import pytest

from gtm.engine.protocol import Engine
from gtm.engine.reference import ReferenceEngine
from gtm.plan.model import Plan
from tests.fakes import world
from tests.fakes.engines import ENGINES
from tests.serve.running import Native


@pytest.fixture(scope="session")
def plan() -> Plan:
    return world.plan(world.zone(), beliefs={}, geography=world.geography())


@pytest.fixture(scope="session")
def engine(plan: Plan) -> Engine:
    engine = ReferenceEngine()
    engine.swap(plan)
    return engine


@pytest.fixture(params=ENGINES)
def serving(request: pytest.FixtureRequest, plan: Plan) -> Engine:
    """An engine for `running`: one that has sockets of its own is served by them, another by asyncio."""
    engine = ENGINES[request.param]()
    engine.swap(plan)
    return engine


@pytest.fixture
def native(plan: Plan) -> Native:
    """The engine with sockets of its own."""
    module = pytest.importorskip("gtm.engine.native")
    engine: Native = module.NativeEngine()
    engine.swap(plan)
    return engine
