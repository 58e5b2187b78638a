"""One program, run by a thread of its own: it is started, waited for, and its process group is killed.

What comes in: a command, and where it prints to. What goes out: how it ended. Starting takes as long as its disk or
mount does, for the kernel reads a program while it starts it: so all the event loop does is to kill it.
No process of the program is left once it ended or was killed. If it is killed while it is being started, it is killed
as soon as it exists.
"""

import os
import signal
import threading
from collections.abc import Mapping
from contextlib import suppress

from gtm.probe.spawn import spawned


class Program:
    """Runs a program once. It has state: whether the program was started, has ended, or was killed."""

    def __init__(self, command: tuple[str, ...], output: int, *, environment: Mapping[str, str]) -> None:
        """Prepares a program. `output` is the descriptor that it prints to, of which this object makes a copy."""
        self._command = command
        self._output = os.dup(output)
        self._environment = environment
        self._lock = threading.Lock()
        """Protects the fields that follow."""
        self._number: int | None = None
        """The process id until the program was waited for: until then no other process or group gets this id."""
        self._has_begun = False
        self._is_unwanted = False

    def run(self) -> int:
        """Runs the program and returns its exit status, negative for a signal that ended it.

        Raises OSError if it cannot be started. It blocks, so it is called in a thread.
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
        """Kills all processes of the program, now or as soon as it is started; does nothing after its end."""
        with self._lock:
            if not self._has_begun and not self._is_unwanted:
                os.close(self._output)
            self._is_unwanted = True
            self._kill()

    def _kill(self) -> None:
        if self._number is not None:
            with suppress(ProcessLookupError):
                os.killpg(self._number, signal.SIGKILL)
