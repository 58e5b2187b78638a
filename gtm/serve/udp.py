"""DNS over UDP: datagrams of one socket -> responder -> datagrams back, until cancelled.

On a wildcard socket the answer is sent from the address that the query came to (IP_PKTINFO): a client drops an answer
from another address. Nothing here waits: an answer that the kernel does not take at once is dropped.
"""

import asyncio
import ipaddress
import socket
from typing import Any

from gtm.counters import Counters
from gtm.engine.protocol import Transport
from gtm.ids import Address
from gtm.serve.responder import Responder

MAX_DATAGRAM = 65_535
BATCH = 64
"""The most datagrams that are answered in one turn of the event loop."""
_ANCILLARY_BYTES = socket.CMSG_SPACE(20)
"""Space for one in6_pktinfo, which is larger than an in_pktinfo."""


async def serve_udp(sock: socket.socket, responder: Responder, counters: Counters) -> None:
    """Answers the queries of a bound, non-blocking socket until it is cancelled."""
    loop = asyncio.get_running_loop()
    loop.add_reader(sock, _answer_batch, sock, responder, counters)
    try:
        await asyncio.Event().wait()
    finally:
        loop.remove_reader(sock)


def _answer_batch(sock: socket.socket, responder: Responder, counters: Counters) -> None:
    for _ in range(BATCH):
        try:
            wire, ancillary, _flags, source = sock.recvmsg(MAX_DATAGRAM, _ANCILLARY_BYTES)
        except BlockingIOError:
            return
        except OSError:
            counters.add("udp_receive_errors")
            return
        answer = responder.respond(wire, client_address(source), Transport.UDP)
        if answer is not None:
            _send(sock, answer, ancillary, source, counters=counters)


def _send(sock: socket.socket, answer: bytes, ancillary: Any, source: Any, *, counters: Counters) -> None:
    try:
        sock.sendmsg([answer], ancillary, 0, source)
    except OSError:
        # a full buffer, or a client's port that cannot be sent to
        counters.add("udp_send_errors")


def client_address(source: Any) -> Address:
    """Returns the IP address of a socket name such as (`192.0.2.1`, 53), without the zone of a link-local address."""
    return ipaddress.ip_address(str(source[0]).partition("%")[0])
