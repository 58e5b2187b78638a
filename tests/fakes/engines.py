"""The engines that every test of an engine runs on; a second implementation is one more entry of the table."""

from collections.abc import Callable, Mapping

import pytest

from gtm.engine.native import RustEngine
from gtm.engine.protocol import Engine
from gtm.engine.reference import ReferenceEngine
from tests.fakes import world

ENGINES: Mapping[str, Callable[[], Engine]] = {"reference": ReferenceEngine, "rust": RustEngine}


@pytest.fixture(params=ENGINES)
def engine(request: pytest.FixtureRequest) -> Engine:
    """An engine without a plan."""
    return ENGINES[request.param]()


@pytest.fixture
def serving(engine: Engine) -> Engine:
    """An engine that serves the world with everything up."""
    engine.swap(world.plan(world.zone(), beliefs={}, geography=world.geography()))
    return engine
