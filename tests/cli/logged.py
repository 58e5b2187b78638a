"""The log of a node in a test's own process: what its standard error gets."""

import logging
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from io import StringIO
from typing import TextIO, TypeVar

from gtm.cli.log import log_to_stderr
from gtm.node.config.log_options import DEFAULT_LOG, LogChoice

_Stream = TypeVar("_Stream", bound=TextIO)


@contextmanager
def logged(choice: LogChoice = DEFAULT_LOG) -> Iterator[StringIO]:
    """Has this process log as a node does, into memory."""
    with logged_to(StringIO(), choice) as stream:
        yield stream


@contextmanager
def logged_to(stream: _Stream, choice: LogChoice = DEFAULT_LOG) -> Iterator[_Stream]:
    """Has this process log as a node does, into a stream."""
    root, names = logging.getLogger(), ("", "gtm", "aiohttp")
    handlers, levels = root.handlers[:], [logging.getLogger(name).level for name in names]
    hooks = threading.excepthook, sys.unraisablehook, sys.stderr
    root.handlers.clear()
    sys.stderr = stream
    try:
        log_to_stderr(choice)
        yield stream
    finally:
        threading.excepthook, sys.unraisablehook, sys.stderr = hooks
        logging.captureWarnings(capture=False)
        root.handlers[:] = handlers
        for name, level in zip(names, levels, strict=True):
            logging.getLogger(name).setLevel(level)
