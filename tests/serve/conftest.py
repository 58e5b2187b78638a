import pytest

from gtm.engine.protocol import Engine
from gtm.engine.reference import ReferenceEngine
from tests.fakes import world


@pytest.fixture(scope="session")
def engine() -> Engine:
    engine = ReferenceEngine()
    engine.swap(world.plan(world.zone(), beliefs={}, geography=world.geography()))
    return engine
