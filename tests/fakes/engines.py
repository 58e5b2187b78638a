"""The engines that every test of an engine runs on; another implementation is one more entry of the table.

The Rust engine is left out where it was not built, but not in CI: there that is an error, unless GTM_WITHOUT_RUST is
set, as in the job that tests an installation without cargo.
"""

import os
from collections.abc import Callable
from functools import cache

import pytest

from gtm.engine.protocol import Engine
from gtm.engine.reference import ReferenceEngine
from gtm.plan.model import Plan
from tests.fakes import world

ENGINES: dict[str, Callable[[], Engine]] = {"reference": ReferenceEngine}
try:
    from gtm.engine.native import NativeEngine
except ImportError:
    if os.environ.get("CI") and not os.environ.get("GTM_WITHOUT_RUST"):
        raise
else:
    ENGINES["rust"] = NativeEngine


@pytest.fixture(params=ENGINES)
def engine(request: pytest.FixtureRequest) -> Engine:
    """An engine without a plan."""
    return ENGINES[request.param]()


@pytest.fixture
def serving(engine: Engine) -> Engine:
    """An engine that serves the world with everything up."""
    kept = _kept(type(engine))
    kept.swap(_all_up())  # it has that plan, unless the test before gave it another
    return kept


@cache
def _kept(kind: type[Engine]) -> Engine:
    """Returns one engine of a kind: to build the tables of a plan takes longer than most tests."""
    return kind()


@cache
def _all_up() -> Plan:
    """A plan never changes, and compiling it takes longer than most tests."""
    return world.plan(world.zone(), beliefs={}, geography=world.geography())
