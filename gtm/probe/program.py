"""One program, run by a thread of its own: it is started, waited for, and its process group is killed.

What comes in: a command, and where it prints to. What goes out: how it ended. To start it takes as long as its disk or
mount does, for the kernel reads a program while it starts it: so the event loop does nothing but to have it killed.
Nothing of a program is left once it ended, or once somebody has had it killed; where it is still being started then, it
is killed as soon as it is there.
"""

import os
import signal
import threading
from collections.abc import Mapping
from contextlib import suppress

from gtm.probe.spawn import spawned


class Program:
    """Runs a program once. It has state: how far it is."""

    def __init__(self, command: tuple[str, ...], output: int, *, environment: Mapping[str, str]) -> None:
        """Takes a descriptor of its own of where the program is to print to."""
        self._command = command
        self._output = os.dup(output)
        self._environment = environment
        self._lock = threading.Lock()
        """Over all that follows."""
        self._number: int | None = None
        """Its process id, until it is waited for: so long it is no other's, and so is that of its group."""
        self._has_begun = False
        self._is_unwanted = False

    def run(self) -> int:
        """Returns its exit status, negative for the signal that ended it. Raises OSError where it cannot be started.

        It blocks, so it is for a thread.
        """
        with self._lock:
            self._has_begun = True
            if self._is_unwanted:
                return -signal.SIGKILL
        try:
            number = spawned(self._command, self._output, environment=self._environment)
        finally:
            os.close(self._output)
        with self._lock:
            self._number = number
            if self._is_unwanted:
                self._kill()
        os.waitid(os.P_PID, number, os.WEXITED | os.WNOWAIT)
        with self._lock:
            self._kill()
            self._number = None
            return os.waitstatus_to_exitcode(os.waitpid(number, 0)[1])

    def kill(self) -> None:
        """Kills whatever there is of it, now or as soon as it is there; of a program that is over nothing is left."""
        with self._lock:
            if not self._has_begun and not self._is_unwanted:
                os.close(self._output)
            self._is_unwanted = True
            self._kill()

    def _kill(self) -> None:
        if self._number is not None:
            with suppress(ProcessLookupError):
                os.killpg(self._number, signal.SIGKILL)
