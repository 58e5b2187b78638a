"""What asyncio complains of to its event loop: as ever, but a shortage of descriptors once a minute.

asyncio's servers (DNS over TCP of the reference engine) log a traceback for every connection that they cannot take.
"""

import asyncio
import logging
from typing import Any

from gtm.admin.refusal_log import RefusalLog

EXHAUSTED = "socket.accept() out of system resource"
"""asyncio's words, in selector_events.py."""

log = logging.getLogger(__name__)


def complain_sparingly(loop: asyncio.AbstractEventLoop) -> None:
    """Sets what an event loop does about complaints."""
    told = RefusalLog(log, "times more a connection could not be taken", lines=1)

    def complain(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        if context.get("message") == EXHAUSTED:
            told.tell(f"a connection cannot be taken: {context.get('exception')}; it is tried again every second")
        else:
            loop.default_exception_handler(context)

    loop.set_exception_handler(complain)
