"""DNS over UDP: datagrams of one socket -> responder -> datagrams back, until cancelled.

On a wildcard socket the answer leaves from the address that was asked (IP_PKTINFO): a client drops what comes from
another one. Nothing here waits: what the kernel does not take at once is dropped, as the network may do anyway.
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
"""Datagrams that one wake-up handles before the event loop gets its turn."""
_ANCILLARY_BYTES = socket.CMSG_SPACE(20)
"""For one in6_pktinfo, the larger of the two."""


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
        # a full buffer, or an asker behind a port that cannot be sent to
        counters.add("udp_send_errors")


def client_address(source: Any) -> Address:
    """Returns the address of a socket name, without the zone of a link-local one."""
    return ipaddress.ip_address(str(source[0]).partition("%")[0])
