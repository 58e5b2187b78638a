"""Records and exceptions -> lines of the log, and of standard error: none of them can be forged.

What comes in: log records and exceptions, whose messages may hold what others wrote. What goes out: a record is one
line; the lines of its traceback, and of messages in it, are below it and indented, so that each line that begins at the
margin is a record of this program. What does not print is escaped (gtm/escape.py).
"""

import logging
import sys
import threading
import time
import traceback
from types import TracebackType

from gtm.escape import escaped

MAX_RECORD = 8_000
"""Characters of one record: journald cuts lines at 48 kB, and syslog at 8 kB (RFC 5424 6.1 asks for 2 kB)."""
MAX_TRACEBACK_LINES = 400
MARGIN = "    "

_FORMAT = "%(asctime)s.%(msecs)03dZ %(levelname)s %(message)s"


class LineFormatter(logging.Formatter):
    """Makes one line of a record, and indented ones of its traceback."""

    converter = staticmethod(time.gmtime)

    def __init__(self) -> None:
        super().__init__(_FORMAT, "%Y-%m-%dT%H:%M:%S")

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802  # logging's own name
        """Returns the first line of a record."""
        return escaped(super().formatMessage(record), limit=MAX_RECORD)

    def formatException(self, ei: object) -> str:  # noqa: N802  # logging's own name
        """Returns the lines of a traceback."""
        return indented(super().formatException(ei))  # type: ignore[arg-type]

    def formatStack(self, stack_info: str) -> str:  # noqa: N802  # logging's own name
        """Returns the lines of a stack."""
        return indented(stack_info)


def indented(text: str) -> str:
    """Returns lines that cannot be taken for records; of very many the first and the last."""
    lines = text.split("\n")
    if len(lines) > MAX_TRACEBACK_LINES:
        half = MAX_TRACEBACK_LINES // 2
        lines = [*lines[:half], f"... ({len(lines) - 2 * half} lines)", *lines[-half:]]
    return "\n".join(MARGIN + escaped(line, limit=MAX_RECORD) for line in lines)


def log_to_stderr() -> None:
    """Sends the log of this process to standard error, and what Python itself would write there into the log."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(LineFormatter())
    logging.basicConfig(level=logging.INFO, handlers=[handler])
    logging.getLogger("aiohttp").setLevel(logging.WARNING)
    logging.captureWarnings(capture=True)
    threading.excepthook = _log_thread
    sys.unraisablehook = _log_unraisable


def print_traceback(error: BaseException) -> None:
    """Prints the traceback of a mistake of this program to standard error."""
    sys.stderr.write(f"gtm failed by a mistake of its own:\n{indented(''.join(traceback.format_exception(error)))}\n")


def _log_thread(failed: threading.ExceptHookArgs) -> None:
    if failed.exc_type is SystemExit:
        return  # as Python's own hook
    name = "" if failed.thread is None else failed.thread.name
    logging.getLogger(__name__).error(
        "thread %s ended by a mistake of this program", name, exc_info=_info(failed.exc_value, failed.exc_traceback)
    )


def _log_unraisable(failed: "sys.UnraisableHookArgs") -> None:
    words = failed.err_msg or "an exception that nobody can be told of"
    info = _info(failed.exc_value, failed.exc_traceback)
    logging.getLogger(__name__).error("%s", words, exc_info=info)


def _info(
    error: BaseException | None, trace: TracebackType | None
) -> tuple[type[BaseException], BaseException, TracebackType | None] | None:
    return None if error is None else (type(error), error, trace)
