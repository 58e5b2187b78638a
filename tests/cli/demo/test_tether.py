import os
import select
import signal
import subprocess
import sys

import pytest

from gtm.cli.demo import tether
from tests.cli.demo.programs import LIMIT_S, LIVES, alive

PARENT = """
import os, subprocess, sys
child = subprocess.Popen([sys.executable, {tether!r}, str(os.getpid()), sys.executable, "-c", {source!r}],
                         stdout=subprocess.PIPE, text=True)
child.stdout.readline()
print(child.pid, flush=True)
child.wait()
"""


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="the kernel is asked with prctl(2)")
def test_a_tied_process_dies_with_its_parent_even_when_that_is_killed() -> None:
    source = PARENT.format(tether=tether.__file__, source=LIVES)
    with subprocess.Popen([sys.executable, "-c", source], stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        child = int(parent.stdout.readline())
        assert alive(child)
        descriptor = os.pidfd_open(child)
        try:
            parent.send_signal(signal.SIGKILL)
            assert ended(descriptor)
        finally:
            os.close(descriptor)
    assert not alive(child)


def ended(descriptor: int) -> bool:
    """Returns whether the process of a descriptor ends within the limit."""

    poll = select.poll()
    poll.register(descriptor, select.POLLIN)
    return bool(poll.poll(LIMIT_S * 1000))


@pytest.mark.slow
def test_a_program_whose_parent_is_already_gone_does_not_start() -> None:
    not_our_parent = "1" if os.getpid() != 1 else "2"
    run = [sys.executable, tether.__file__, not_our_parent, sys.executable, "-c", "print('started')"]
    done = subprocess.run(run, capture_output=True, text=True, check=False, timeout=LIMIT_S)
    assert done.returncode == 1
    assert "is gone" in done.stderr
    assert done.stdout == ""


@pytest.mark.slow
def test_the_program_gets_its_arguments_as_they_are() -> None:
    source = "import sys; print(sys.argv[1:])"
    run = [sys.executable, tether.__file__, str(os.getpid()), sys.executable, "-c", source, "a b", "", "*"]
    done = subprocess.run(run, capture_output=True, text=True, check=True, timeout=LIMIT_S)
    assert done.stdout == "['a b', '', '*']\n"
