"""What every test gets: no network but loopback, and a clear word when an optional program is missing.

    @pytest.mark.tool("dig")    skipped where dig is not installed; where CI is set (.ci/run sets it), it fails
                                instead, so that nothing goes untested because a machine lacks a program

The time limit of a test is pytest-timeout's, in pyproject.toml; hypothesis sets none for an example, which
may take long on a busy machine. Where CI is set, hypothesis draws the same examples in every run (its profile `ci`),
and they change with the source of a test: `CI=true .venv/bin/pytest TEST` repeats what CI saw.
"""

import os
import shutil
from collections.abc import Iterator

import pytest
from hypothesis import settings

from tests.test_house.loopback import LoopbackOnly

settings.register_profile("no-deadline", deadline=None)
settings.load_profile("no-deadline")

_LOOPBACK = pytest.StashKey[LoopbackOnly]()


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skips or fails a test whose program is missing."""
    wanted = [str(name) for mark in item.iter_markers("tool") for name in mark.args]
    missing = [name for name in wanted if shutil.which(name) is None]
    if not missing:
        return
    message = f"not installed: {', '.join(missing)}"
    if os.environ.get("CI"):
        pytest.fail(f"{message} (.ci/run must install it)", pytrace=False)
    pytest.skip(message)


def pytest_configure(config: pytest.Config) -> None:
    """Keeps every test of this process, and its collection, on loopback."""
    config.stash[_LOOPBACK] = LoopbackOnly()
    config.stash[_LOOPBACK].install()


def pytest_unconfigure(config: pytest.Config) -> None:
    """Gives the network back."""
    config.stash[_LOOPBACK].remove()


@pytest.fixture(autouse=True)
def no_network_beyond_loopback(pytestconfig: pytest.Config) -> Iterator[LoopbackOnly]:
    """Fails a test that tried to reach another machine, even where the code under test swallowed the refusal."""
    guard = pytestconfig.stash[_LOOPBACK]
    guard.strays.clear()
    yield guard
    if guard.strays:
        pytest.fail(f"tried to leave loopback: {'; '.join(guard.strays)}", pytrace=False)
