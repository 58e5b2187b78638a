"""Records and exceptions -> lines of the log, and of standard error: none of them can be forged.

What comes in: log records and exceptions, whose messages may hold what others wrote. What goes out: a record is one
line; the lines of its traceback, and of messages in it, are below it and indented, so that each line that begins at the
margin is a record of this program. What does not print is escaped (gtm/escape.py).
"""

import logging
import sys
import time
import traceback

from gtm.escape import escaped

MAX_RECORD = 8_000
"""Characters of one record: journald cuts lines at 48 kB, and syslog at 8 kB (RFC 5424 6.1 asks for 2 kB)."""
MAX_TRACEBACK_LINES = 400
MARGIN = "    "

_FORMAT = "%(asctime)s.%(msecs)03dZ %(levelname)s %(message)s"


class LineFormatter(logging.Formatter):
    """Formats a log record as one line, and its traceback as indented lines."""

    converter = staticmethod(time.gmtime)

    def __init__(self, *, with_priority: bool = False) -> None:
        super().__init__(_FORMAT, "%Y-%m-%dT%H:%M:%S")
        self._with_priority = with_priority

    def format(self, record: logging.LogRecord) -> str:
        """Returns all lines of a record."""
        lines = super().format(record)
        if not self._with_priority:
            return lines
        prefix = f"<{_priority(record.levelno)}>"
        return prefix + lines.replace("\n", f"\n{prefix}")  # the journal takes each line by itself

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802  # logging's own name
        """Returns the first line of a record."""
        return escaped(super().formatMessage(record), limit=MAX_RECORD)

    def formatException(self, ei: object) -> str:  # noqa: N802  # logging's own name
        """Returns the lines of a traceback."""
        return indented(super().formatException(ei))  # type: ignore[arg-type]

    def formatStack(self, stack_info: str) -> str:  # noqa: N802  # logging's own name
        """Returns the lines of a stack."""
        return indented(stack_info)


def _priority(level: int) -> int:
    """Returns the priority of syslog (RFC 5424 6.2.1) for a level."""
    return next((priority for least, priority in _PRIORITIES if level >= least), DEBUG_PRIORITY)


DEBUG_PRIORITY = 7
_PRIORITIES = ((logging.CRITICAL, 2), (logging.ERROR, 3), (logging.WARNING, 4), (logging.INFO, 6))


def indented(text: str) -> str:
    """Returns the lines of a text indented, so that none looks like a record; of many only the first and the last."""
    lines = text.split("\n")
    if len(lines) > MAX_TRACEBACK_LINES:
        half = MAX_TRACEBACK_LINES // 2
        lines = [*lines[:half], f"... ({len(lines) - 2 * half} lines)", *lines[-half:]]
    return "\n".join(MARGIN + escaped(line, limit=MAX_RECORD) for line in lines)


def print_traceback(error: BaseException) -> None:
    """Prints the traceback of a mistake of this program to standard error."""
    sys.stderr.write(f"gtm failed by a mistake of its own:\n{indented(''.join(traceback.format_exception(error)))}\n")
