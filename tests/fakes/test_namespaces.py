import _socket
import os
import socket
from pathlib import Path

import pytest

from tests.fakes.cluster import within
from tests.fakes.namespaces import NETNS_FOLDER, inside, network, udp_socket

pytestmark = [
    pytest.mark.slow,
    pytest.mark.tool("ip"),
    pytest.mark.skipif(os.geteuid() != 0, reason="only root makes network namespaces"),
]

LIMIT_S = 10.0
PORT = 5301


def bound() -> socket.socket:
    """Returns a socket that waits for datagrams, in the namespace of this thread."""
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.bind(("0.0.0.0", PORT))
    sock.settimeout(0.05)
    return sock


def hears(receiver: socket.socket, word: bytes) -> bool:
    """Returns whether a word has arrived."""
    try:
        return receiver.recv(100) == word
    except TimeoutError:
        return False


def test_a_cut_cable_swallows_packets_until_it_is_mended() -> None:
    with network({"one": ("10.72.0.1/24",), "two": ("10.72.0.2/24",)}) as made:
        receiver = inside(made.namespace("two"), bound)
        sender = inside(made.namespace("one"), lambda: socket.socket(socket.AF_INET, socket.SOCK_DGRAM))

        def send(word: bytes) -> bool:
            # the guard of the tests watches `socket.socket`; it cannot know that this one leads nowhere
            _socket.socket.sendto(sender, word, ("10.72.0.2", PORT))
            return hears(receiver, word)

        with receiver, sender:
            within(LIMIT_S, lambda: send(b"before"))
            made.cut("two")
            assert not any(send(b"meanwhile") for _ in range(5))
            made.mend("two")
            within(LIMIT_S, lambda: send(b"after"))


def test_sockets_stay_in_their_namespace_and_namespaces_go_with_their_block() -> None:
    with network({"one": (), "two": ()}) as made:
        with inside(made.namespace("one"), bound), inside(made.namespace("two"), bound) as receiver:
            with udp_socket(made.namespace("two"), ("127.0.0.1", PORT)) as sender:
                sender.send(b"hello")
            assert hears(receiver, b"hello")
        assert len(list(NETNS_FOLDER.glob(f"{made.prefix}-*"))) == 3
    assert not list(NETNS_FOLDER.glob(f"{made.prefix}-*"))


def test_what_fails_inside_fails_outside_too() -> None:
    with network({"one": ()}) as made, pytest.raises(FileNotFoundError):
        inside(made.namespace("one"), Path("/nowhere").stat)
