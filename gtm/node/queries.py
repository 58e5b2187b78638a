"""The query river: sockets -> engine -> sockets.

Sockets are opened before anything else, so that a port in use ends the start at once; queries are answered once there
is a plan. What arrives before that waits in the kernel.
"""

import asyncio

from gtm.counters import Counters
from gtm.serve.descriptors import connections_each, raise_limit
from gtm.serve.listen import Listener
from gtm.serve.responder import Responder
from gtm.serve.tcp import serve_tcp
from gtm.serve.udp import serve_udp


async def serve_queries(listeners: tuple[Listener, ...], responder: Responder, counters: Counters) -> None:
    """Answers queries on every listener until cancelled."""
    most = connections_each(raise_limit(), listeners=len(listeners))
    async with asyncio.TaskGroup() as group:
        for listener in listeners:
            group.create_task(serve_udp(listener.udp, responder, counters), name=f"udp {listener.at}")
            over_tcp = serve_tcp(listener.tcp, responder, counters, max_connections=most)
            group.create_task(over_tcp, name=f"tcp {listener.at}")
