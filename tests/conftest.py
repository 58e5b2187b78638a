"""What every test gets: no network but loopback, and a clear word when an optional program is missing.

    @pytest.mark.tool("dig")    skipped where dig is not installed; where CI is set (.ci/run sets it), it fails
                                instead, so that nothing goes untested because a machine lacks a program

The time limit of a test is pytest-timeout's, in pyproject.toml; hypothesis sets none for an example, which
may take long on a busy machine. Where CI is set, hypothesis draws the same examples in every run (its profile `ci`),
and they change with the source of a test: `CI=true .venv/bin/pytest TEST` repeats what CI saw.

Where the path of the folder for temporary files is long, SHORT_FOLDER is used: else sockets in it have longer names
than the system takes. Without IPv6 on loopback no test is run, for many would fail and none say why.
"""

import gc
import os
import shutil
import signal
import socket
import tempfile
from collections.abc import Generator, Iterator

import pytest
from hypothesis import settings

from tests.test_house.loopback import LoopbackOnly

settings.register_profile("no-deadline", deadline=None)
settings.load_profile("no-deadline")
if examples := os.environ.get("HYPOTHESIS_EXAMPLES"):  # `make lowest`: fewer, where a second run draws them all
    settings.register_profile("few", max_examples=int(examples), derandomize=True, database=None)
    settings.load_profile("few")

SHORT_FOLDER = "/tmp"

MOST_OF_TMPDIR = 24
"""Octets. The sockets of nodes are some 80 below it, and the name of a socket has 107 at most (unix(7))."""

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


def shorten_temporary_folder() -> None:
    """Has this process and its workers use SHORT_FOLDER where the folder for temporary files has a long path."""
    if len(os.fsencode(tempfile.gettempdir())) > MOST_OF_TMPDIR:
        os.environ["TMPDIR"] = tempfile.tempdir = SHORT_FOLDER


def missing_loopback() -> str:
    """Returns what helps where this machine has no IPv6 on loopback; empty where it has."""
    try:
        with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as tried:
            tried.bind(("::1", 0))
    except OSError as error:
        return f"no IPv6 on loopback (::1: {error.strerror}): sysctl net.ipv6.conf.lo.disable_ipv6=0"
    return ""


def pytest_configure(config: pytest.Config) -> None:
    """Keeps every test of this process, and its collection, on loopback."""
    shorten_temporary_folder()
    # a shell has what it starts in the background ignore the one, and nohup the other: so would all that tests start
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGHUP, signal.SIG_DFL)
    if missing := missing_loopback():
        raise pytest.UsageError(missing)
    config.stash[_LOOPBACK] = LoopbackOnly()
    config.stash[_LOOPBACK].install()


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """Has Python look for no garbage while tests are collected: that takes a third of the time.

    Nothing is frozen (gc.freeze): Hypothesis looks for the referrers of its random numbers, and warns of none.
    """
    gc.disable()
    try:
        return (yield)
    finally:
        gc.enable()


def pytest_unconfigure(config: pytest.Config) -> None:
    """Gives the network back."""
    if _LOOPBACK in config.stash:
        config.stash[_LOOPBACK].remove()


@pytest.fixture(autouse=True)
def no_network_beyond_loopback(pytestconfig: pytest.Config) -> Iterator[LoopbackOnly]:
    """Fails a test that tried to reach another machine, even where the code under test swallowed the refusal."""
    guard = pytestconfig.stash[_LOOPBACK]
    guard.strays.clear()
    yield guard
    if guard.strays:
        pytest.fail(f"tried to leave loopback: {'; '.join(guard.strays)}", pytrace=False)
