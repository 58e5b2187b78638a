"""The exception handler of the event loop: logs a shortage of file descriptors at most once a minute.

In come the errors that asyncio reports to the event loop. All other errors go to the default handler of asyncio.
Without this, servers of asyncio (DNS over TCP of the reference engine) log a traceback for every connection that they
cannot accept.
"""

import asyncio
import logging
from typing import Any

from gtm.admin.refusal_log import RefusalLog

EXHAUSTED = "socket.accept() out of system resource"
"""The message of asyncio (selector_events.py) when it cannot accept a connection for lack of file descriptors."""

log = logging.getLogger(__name__)


def complain_sparingly(loop: asyncio.AbstractEventLoop) -> None:
    """Sets the exception handler of an event loop to the one that this module describes."""
    told = RefusalLog(log, "times more a connection could not be taken", lines=1)

    def complain(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        """Logs a shortage of file descriptors; passes any other error to the default handler."""
        if context.get("message") == EXHAUSTED:
            told.tell(f"a connection cannot be taken: {context.get('exception')}; it is tried again every second")
        else:
            loop.default_exception_handler(context)

    loop.set_exception_handler(complain)
