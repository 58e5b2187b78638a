"""The file that a reading is processing, and how another thread ends the reading there.

A thread of Python cannot be stopped while it waits for something, or holds a lock; but where it only computes, as a
parser does, an exception can be raised in it. So the reading notes when it parses; outside of
parsing it ends at its next step. After a reading was given up, every step of it raises ReadingGivenUp.

The time of a file is the CPU time of that thread, for a busy machine is no fault of a file.
"""

import ctypes
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace

MOST_WAITS = 6
"""The most times to wait for one file on a busy machine, each for the file's time limit: other files wait meanwhile."""


class ReadingGivenUp(BaseException):
    """Ends a reading that was given up. It is a BaseException, so that no handler of errors in a file catches it."""


@dataclass(frozen=True, slots=True)
class ReadingStep:
    """The file that a reading is processing, and its time limit."""

    file: str
    limit_s: float
    """The CPU time, in seconds, that reading the file may take."""
    began_s: float
    """The CPU time of the thread, in seconds, when the file was begun."""


class ReadingProgress:
    """The file that a reading is processing, and whether the reading was given up.

    Its state is shared by two threads.
    """

    def __init__(self) -> None:
        self.step: ReadingStep | None = None
        self.fingerprint = ""
        """The fingerprint of that file's text; empty until it is known."""
        self._thread = 0
        self._clock: int | None = None
        self._is_parsing = False
        """Whether the thread is parsing: then it holds no lock, and may be ended at any step."""
        self._lock = threading.Lock()
        """Protects the state of this object."""
        self._is_given_up = False
        self._waits = 0

    def begin(self) -> None:
        """Stores the current thread as the thread of the reading."""
        self._thread = threading.get_ident()
        has_clock = hasattr(time, "pthread_getcpuclockid")
        self._clock = time.pthread_getcpuclockid(self._thread) if has_clock else None
        self._waits = 0

    def enter(self, file: str, limit_s: float) -> None:
        """Notes that the reading begins a file that may take `limit_s` seconds. Raises ReadingGivenUp."""
        with self._going_on():
            self.step, self.fingerprint = ReadingStep(file, limit_s, time.thread_time()), ""

    def allow(self, limit_s: float) -> None:
        """Raises the current file's time limit to `limit_s` seconds, because it is larger than expected.

        Raises ReadingGivenUp.
        """
        with self._going_on():
            if self.step is not None and limit_s > self.step.limit_s:
                self.step = replace(self.step, limit_s=limit_s)

    @contextmanager
    def leaving(self) -> Iterator[None]:
        """Runs the block that stores a file's result, then notes that the reading is at no file.

        Raises ReadingGivenUp, without running the block, if the reading was given up.
        """
        with self._going_on():
            self._is_parsing = False
            yield
            self.step = None

    def parse(self, *, on: bool) -> None:
        """Notes whether the reading is parsing from now on. Raises ReadingGivenUp."""
        with self._going_on():
            self._is_parsing = on

    def give_up(self) -> ReadingStep | None:
        """Ends the reading, and returns the step that it was at; None when it was at no file."""
        with self._lock:
            self._is_given_up = True
            if self._is_parsing:
                _stop(self._thread)
            return self.step

    def goes_on(self) -> bool:
        """Returns whether to wait longer: a busy machine gave the file less CPU time than its limit.

        Each call counts as one wait; after MOST_WAITS it returns False.
        """
        step = self.step
        self._waits += 1
        if self._clock is None or self._waits >= MOST_WAITS:
            return False
        try:
            worked_s = time.clock_gettime(self._clock)
        except OSError:  # the thread has ended
            return False
        return step is None or worked_s - step.began_s < step.limit_s

    @contextmanager
    def _going_on(self) -> Iterator[None]:
        with self._lock:
            if self._is_given_up:
                raise ReadingGivenUp
            yield


def _stop(thread: int) -> None:
    """Raises ReadingGivenUp in a thread, at its next step in Python."""
    ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(thread), ctypes.py_object(ReadingGivenUp))
