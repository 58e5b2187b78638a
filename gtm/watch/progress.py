"""Which file a reading is at, and how it is ended there by another thread.

A thread of Python cannot be stopped while it waits for something, or holds a lock; but where it only computes, as a
parser does, an exception can be raised in it. So the reading says when it parses, and the rest is refused at its next
step. What it still does after it was given up counts for nothing: every step of it raises GivenUp.

How long a file takes is measured by the clock of the work of that thread, for a busy machine is no fault of a file.
"""

import ctypes
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace

MOST_WAITS = 6
"""So many times the limit of a file a reading may take on a machine that gives it no time: others wait for it."""


class ReadingGivenUp(BaseException):
    """Ends a reading that was given up; no handler of errors in a file may take it for one."""


@dataclass(frozen=True, slots=True)
class ReadingStep:
    """What a reading is at."""

    file: str
    limit_s: float
    """What reading it may take."""
    began_s: float
    """On the clock of the thread's work."""


class ReadingProgress:
    """The file that a reading is at, and whether it was given up. It has state, for two threads."""

    def __init__(self) -> None:
        self.step: ReadingStep | None = None
        self.fingerprint = ""
        """Of the text of that file, once it is known."""
        self._thread = 0
        self._clock: int | None = None
        self._is_parsing = False
        """Then it holds no lock, and may be ended at any step."""
        self._lock = threading.Lock()
        """Over all of this."""
        self._is_given_up = False
        self._waits = 0

    def begin(self) -> None:
        """Notes that the reading goes on in this thread."""
        self._thread = threading.get_ident()
        has_clock = hasattr(time, "pthread_getcpuclockid")
        self._clock = time.pthread_getcpuclockid(self._thread) if has_clock else None
        self._waits = 0

    def enter(self, file: str, limit_s: float) -> None:
        """Notes that the reading is at a file now. Raises GivenUp."""
        with self._going_on():
            self.step, self.fingerprint = ReadingStep(file, limit_s, time.thread_time()), ""

    def allow(self, limit_s: float) -> None:
        """Lets the file take so long, for it turned out to be larger. Raises GivenUp."""
        with self._going_on():
            if self.step is not None and limit_s > self.step.limit_s:
                self.step = replace(self.step, limit_s=limit_s)

    @contextmanager
    def leaving(self) -> Iterator[None]:
        """Keeps what came of a file, and notes that the reading is at none. Raises GivenUp instead."""
        with self._going_on():
            self._is_parsing = False
            yield
            self.step = None

    def parse(self, *, on: bool) -> None:
        """Notes that the reading parses from now on, or does something else. Raises GivenUp."""
        with self._going_on():
            self._is_parsing = on

    def give_up(self) -> ReadingStep | None:
        """Ends the reading, and returns what it is at."""
        with self._lock:
            self._is_given_up = True
            if self._is_parsing:
                _stop(self._thread)
            return self.step

    def goes_on(self) -> bool:
        """Returns whether to wait longer: the machine is busy, and gave the file less time than it may have."""
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
    """Raises GivenUp in a thread, at the next step that it takes in Python: it would go on for nobody."""
    ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(thread), ctypes.py_object(ReadingGivenUp))
