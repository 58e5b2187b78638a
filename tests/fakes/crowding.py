"""A program of its own: crowds the admin API of a node, by connections that cost a client nothing.

    handshakes    connections that send half of the first message of TLS, and no more
    heads         a byte of a head of HTTP now and then
    readers       requests for /v1/status whose answers nobody reads

`crowding.py ADDRESS PORT KIND` keeps as many as COUNT of them open, until it is killed: one that was closed at the
other end is opened anew. It uses nothing of gtm, so that it can run anywhere.
"""

import contextlib
import resource
import selectors
import socket
import sys
import time

COUNT = 3_000
AT_ONCE = 25
"""New ones between two pauses."""
PAUSE_S = 0.05

BEGINNINGS = {
    "handshakes": b"\x16\x03\x01\x02\x00\x01",
    "heads": b"GET /livez HTTP/1.1\r\nHost: ",
    "readers": b"GET /v1/status HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n" * 20,
}


def crowd(address: str, port: int, kind: str) -> None:
    """Goes on until it is killed."""
    _soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    selector, count = selectors.DefaultSelector(), 0
    while True:
        for _ in range(AT_ONCE):
            if count < COUNT:
                count += _opened(selector, address, port, BEGINNINGS[kind])
        for key, _ready in selector.select(0):
            assert isinstance(key.fileobj, socket.socket)
            if _has_ended(key.fileobj, reads=kind != "readers"):
                selector.unregister(key.fileobj)
                key.fileobj.close()
                count -= 1
        time.sleep(PAUSE_S)


def _opened(selector: selectors.BaseSelector, address: str, port: int, beginning: bytes) -> int:
    opened = socket.socket()
    try:
        opened.settimeout(0.2)
        opened.connect((address, port))
        opened.sendall(beginning)
    except OSError:
        opened.close()
        return 0
    opened.setblocking(False)  # noqa: FBT003  # the method is the name
    selector.register(opened, selectors.EVENT_READ)
    return 1


def _has_ended(opened: socket.socket, *, reads: bool) -> bool:
    with contextlib.suppress(BlockingIOError):
        try:
            return opened.recv(4096, 0 if reads else socket.MSG_PEEK) == b""
        except ConnectionError:
            return True
    return False


if __name__ == "__main__":
    crowd(sys.argv[1], int(sys.argv[2]), sys.argv[3])
