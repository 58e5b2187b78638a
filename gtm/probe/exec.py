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
"""How much of what a program prints is kept, from its start; the rest is read and forgotten."""

ENVIRONMENT = {"PATH": "/usr/local/bin:/usr/bin:/bin", "LANG": "C.UTF-8"}
"""Nothing of this process: its environment may hold secrets."""

_FILES = FileReader("programs")
_THREADS = Pool("programs", threads=MAX_CHECKS_AT_ONCE)


async def check_exec(check: Check, settings: ExecSettings, instruments: Instruments) -> CheckOutcome:
    """Returns the outcome of the program."""
    instruments.permits.program(settings.command[0], check.monitor.scope)
    address = target_address(check, instruments)
    return await run(filled_in(settings.command, address, check.monitor.port))


def filled_in(command: tuple[str, ...], address: Address, port: int) -> tuple[str, ...]:
    """Returns the command with the endpoint in its arguments; the program itself is taken as it stands."""
    program, *arguments = command
    return program, *(word.replace("{address}", str(address)).replace("{port}", str(port)) for word in arguments)


async def run(command: tuple[str, ...]) -> CheckOutcome:
    """Returns the outcome of a program; waits for ever, and kills it when cancelled."""
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
    """Returns the meaning of the end of a program; a negative code is the signal that ended it."""
    if code < 0:
        return CheckOutcome(Reason.UNREAD, f"the program was ended by signal {-code}")
    if code == 0:
        return PASSED
    lines = output.decode("utf-8", "replace").strip().splitlines()
    return CheckOutcome(Reason.STATUS, f"exit {code}: {lines[-1].strip()}" if lines else f"exit {code}")


class _Output:
    """What a program printed. It has state: the first of it, and the pipe."""

    def __init__(self, pipe: int) -> None:
        self._pipe = pipe
        self.kept = b""

    def read(self) -> None:
        """Takes what is in the pipe now."""
        # a program that prints without end must not hold up all else: the rest is for the next call
        for _ in range(16):
            try:
                part = os.read(self._pipe, 65_536)
            except BlockingIOError:
                return
            self.kept += part[: MAX_OUTPUT_BYTES - len(self.kept)]


@contextmanager
def _output() -> Iterator[tuple[_Output, int]]:
    """Gives what a program prints, and the end of the pipe that it is to print to.

    asyncio's own pipes would be waited for until every process that holds them is gone, which may be never.
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
