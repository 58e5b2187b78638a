"""The check of monitors `exec`: a program that ends with 0.

What comes in: a check. What goes out: an outcome. Only programs that the node file lists are run (decision 0043), by
their absolute path, without a shell, with next to no environment, and each in a process group of its own, so that
nothing of it is left when it ends or when its time is up:

    unread    the node file does not list the program for this zone, it cannot be started, or a signal ended it: this
              machine's fault
    status    it ended with another number than 0; the detail is the last line that it printed
    ok        it ended with 0
"""

import asyncio
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from gtm.checks.model import Check
from gtm.errors import FileUnreadable
from gtm.files import FileReader
from gtm.health.verdict.reading import Reason
from gtm.ids import Address
from gtm.probe.failures import PASSED, CheckOutcome
from gtm.probe.instruments import Instruments, target_address
from gtm.probe.program import Program
from gtm.probe.turns import MAX_CHECKS_AT_ONCE
from gtm.threads import Pool
from gtm.zone.monitors.kinds.exec import ExecSettings

MAX_OUTPUT_BYTES = 4096
"""Bytes of a program's output that are stored, from its start; the rest is read and dropped."""

ENVIRONMENT = {"PATH": "/usr/local/bin:/usr/bin:/bin", "LANG": "C.UTF-8"}
"""The environment of programs. It has nothing of this process's environment, which may hold secrets."""

_FILES = FileReader("programs")
_THREADS = Pool("programs", threads=MAX_CHECKS_AT_ONCE)


async def check_exec(check: Check, settings: ExecSettings, instruments: Instruments) -> CheckOutcome:
    """Returns the outcome of running the monitor's program. Raises NotPermitted if the node file does not list it."""
    instruments.permits.program(settings.command[0], check.monitor.scope)
    address = target_address(check, instruments)
    return await run(filled_in(settings.command, address, check.monitor.port))


def filled_in(command: tuple[str, ...], address: Address, port: int) -> tuple[str, ...]:
    """Returns the command with address and port filled into its arguments; the program's path stays as it is."""
    program, *arguments = command
    return program, *(word.replace("{address}", str(address)).replace("{port}", str(port)) for word in arguments)


async def run(command: tuple[str, ...]) -> CheckOutcome:
    """Returns the outcome of a program. It has no time limit, and kills the program when cancelled."""
    with _output() as (output, its_end):
        program = Program(command, its_end, environment=ENVIRONMENT)
        try:
            await _FILES.soon(_FILES.look, Path(command[0]))
            code = await _THREADS.run(program.run)
        except FileUnreadable as error:  # to start it would take a thread for as long as its disk hangs
            return CheckOutcome(Reason.UNREAD, f"{command[0]} cannot be run: {error.reason}")
        except OSError as error:
            return CheckOutcome(Reason.UNREAD, f"{command[0]} cannot be run: {os.strerror(error.errno or 0)}")
        finally:
            program.kill()
        output.read()
        return outcome_of_exit(code, output.kept)


def outcome_of_exit(code: int, output: bytes) -> CheckOutcome:
    """Returns the outcome of a program's exit code and output; a negative code is the signal that ended it."""
    if code < 0:
        return CheckOutcome(Reason.UNREAD, f"the program was ended by signal {-code}")
    if code == 0:
        return PASSED
    lines = output.decode("utf-8", "replace").strip().splitlines()
    return CheckOutcome(Reason.STATUS, f"exit {code}: {lines[-1].strip()}" if lines else f"exit {code}")


class _Output:
    """The output of a program. It has state: the first bytes of it, and the pipe."""

    def __init__(self, pipe: int) -> None:
        self._pipe = pipe
        self.kept = b""

    def read(self) -> None:
        """Reads what is in the pipe now."""
        # a program that prints without end must not block other checks: the next call reads the rest
        for _ in range(16):
            try:
                part = os.read(self._pipe, 65_536)
            except BlockingIOError:
                return
            self.kept += part[: MAX_OUTPUT_BYTES - len(self.kept)]


@contextmanager
def _output() -> Iterator[tuple[_Output, int]]:
    """Yields the output object of a program, and the descriptor of the pipe that the program writes to.

    asyncio's own pipes would wait until every process that has them open has ended, which may be never.
    """
    loop = asyncio.get_running_loop()
    ours, its = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)
    os.set_blocking(its, True)
    output = _Output(ours)
    loop.add_reader(ours, output.read)
    try:
        yield output, its
    finally:
        loop.remove_reader(ours)
        os.close(ours)
        os.close(its)
