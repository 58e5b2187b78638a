"""Where the log goes, in which form, and from which level on.

What comes in: a LogChoice. What goes out: this process logs to standard error; what Python itself or a library would
write there is a record too, in the same form: warnings, and what threads and finalizers fail with.
"""

import logging
import os
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import TextIO

import typer

from gtm.cli.json_lines import JsonFormatter
from gtm.cli.lines import LineFormatter
from gtm.errors import GtmError
from gtm.node.config.log_options import DEFAULT_LOG, LogChoice, LogFormat, LogLevel

log = logging.getLogger(__name__)

_LEVELS = {
    LogLevel.DEBUG: logging.DEBUG,
    LogLevel.INFO: logging.INFO,
    LogLevel.WARNING: logging.WARNING,
    LogLevel.ERROR: logging.ERROR,
}
_TALKATIVE = "aiohttp"
"""A library that has an INFO for each request."""


class StderrHandler(logging.StreamHandler[TextIO]):
    """The log handler of this program; its type tells it apart from the handlers of other code."""


def log_to_stderr(choice: LogChoice = DEFAULT_LOG) -> None:
    """Sends the log of this process to standard error; warnings and errors that Python prints go into the log, too."""
    level, root = _LEVELS[choice.level], logging.getLogger()
    handler = next((root_handler for root_handler in root.handlers if isinstance(root_handler, StderrHandler)), None)
    if handler is None and not root.handlers:  # whoever has handlers already wants the log elsewhere
        handler = StderrHandler(sys.stderr)
        root.addHandler(handler)
    if handler is not None:
        handler.setFormatter(_formatter(choice.format, sys.stderr))
        root.setLevel(max(level, logging.INFO))  # the details of others help nobody here
        logging.getLogger("gtm").setLevel(level)
    logging.getLogger(_TALKATIVE).setLevel(max(level, logging.WARNING))
    logging.captureWarnings(capture=True)
    threading.excepthook = _log_thread
    sys.unraisablehook = _log_unraisable


def _formatter(form: LogFormat, stream: TextIO) -> logging.Formatter:
    if form is LogFormat.JSON:
        return JsonFormatter()  # no priority before it: where nobody takes that off, it would be no JSON
    return LineFormatter(with_priority=is_journal(stream))


@contextmanager
def fatal_errors_logged(choice: LogChoice) -> Iterator[None]:
    """Logs an error that ends the process, where a machine reads the log; at a terminal it stays text for people.

    Raises typer.Exit instead of an error that was logged.
    """
    log_to_stderr(choice)
    try:
        yield
    except (typer.Exit, typer.BadParameter):
        raise
    except Exception as error:
        if not _is_read_by_machines():
            raise
        if isinstance(error, GtmError):
            for line in error.lines:
                log.critical("%s", line)
        else:
            log.critical("gtm failed by a mistake of its own", exc_info=error)
        raise typer.Exit(1) from error


def _is_read_by_machines() -> bool:
    formatters = [handler.formatter for handler in logging.getLogger().handlers if isinstance(handler, StderrHandler)]
    return any(isinstance(formatter, JsonFormatter) for formatter in formatters) or (
        bool(formatters) and is_journal(sys.stderr)
    )


def is_journal(stream: TextIO) -> bool:
    """Returns whether the journal of systemd reads a stream: JOURNAL_STREAM says which one that is (systemd.exec(5)).

    The variable alone is not enough: who was started by such a service may have another standard error.
    """
    try:
        status = os.fstat(stream.fileno())
    except (OSError, ValueError):
        return False
    return os.environ.get("JOURNAL_STREAM", "") == f"{status.st_dev}:{status.st_ino}"


def _log_thread(failed: threading.ExceptHookArgs) -> None:
    if failed.exc_type is SystemExit:
        return  # as Python's own hook
    name = "" if failed.thread is None else failed.thread.name
    log.error(
        "thread %s ended because of an internal error", name, exc_info=_info(failed.exc_value, failed.exc_traceback)
    )


def _log_unraisable(failed: "sys.UnraisableHookArgs") -> None:
    message = failed.err_msg or "an exception that nobody can be told of"
    info = _info(failed.exc_value, failed.exc_traceback)
    log.error("%s", message, exc_info=info)


def _info(
    error: BaseException | None, trace: TracebackType | None
) -> tuple[type[BaseException], BaseException, TracebackType | None] | None:
    return None if error is None else (type(error), error, trace)
