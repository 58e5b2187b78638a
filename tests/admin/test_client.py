"""What a command says when a node cannot be asked: what failed, in words that lead on."""

import gzip
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from pathlib import Path

import pytest

from gtm.admin.client import ask_reload, fetch_status
from gtm.errors import Unreachable
from tests.fakes.certificates import Authority


@contextmanager
def listener(converse: Callable[[socket.socket], None]) -> Iterator[int]:
    """Yields the port of a listener that does this with each connection: aiohttp asks again where it was hung up on."""

    def serve() -> None:
        while not ending.is_set():
            with listening.accept()[0] as accepted:
                converse(accepted)

    ending = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as listening:
        thread = threading.Thread(target=serve, name="listener")
        thread.start()
        try:
            yield listening.getsockname()[1]
        finally:
            ending.set()
            socket.create_connection(listening.getsockname()).close()
            thread.join(20)
    assert not thread.is_alive()


def tls_listener(folder: Path) -> AbstractContextManager[int]:
    """A listener that speaks TLS, under a root that nobody else trusts."""
    context = Authority(folder).context("127.0.0.1")

    def speak(accepted: socket.socket) -> None:
        with suppress(OSError), context.wrap_socket(accepted, server_side=True) as speaking:
            speaking.recv(1)

    return listener(speak)


def answering(head: bytes, *, again: bytes = b"", seen: list[bytes] | None = None) -> AbstractContextManager[int]:
    """A listener that answers so, and then says the same again and again until it is hung up on."""

    def answer(accepted: socket.socket) -> None:
        asked = accepted.recv(65_536)
        if seen is not None and asked:
            seen.append(asked)
        with suppress(OSError):
            accepted.sendall(head)
            while again:
                accepted.sendall(again)

    return listener(answer)


def hanging_up() -> AbstractContextManager[int]:
    """A listener that ends each connection at once, as a full one with TLS does."""
    return listener(lambda _: None)


def test_an_answer_without_end_is_not_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gtm.admin.client.MAX_ANSWER", 100_000)
    with answering(b"HTTP/1.1 200 OK\r\n\r\n", again=b" " * 10_000) as port, pytest.raises(Unreachable) as raised:
        fetch_status(f"127.0.0.1:{port}")
    assert "is no node: /v1/status has more than 100000 bytes" in str(raised.value)


def test_an_answer_is_not_unpacked() -> None:
    packed = gzip.compress(b'{"error": "unpacked"}')
    head = b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(packed)
    with answering(head + packed) as port, pytest.raises(Unreachable) as raised:
        fetch_status(f"127.0.0.1:{port}")
    assert "answered /v1/status with HTTP 200" in str(raised.value)
    assert "unpacked" not in str(raised.value)


@pytest.mark.parametrize("status", [302, 307])
def test_no_redirect_is_followed(status: int) -> None:
    seen: list[bytes] = []
    inside = answering(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", seen=seen)
    with inside as elsewhere:
        lead = b"HTTP/1.1 %d Go\r\nLocation: http://127.0.0.1:%d/\r\nContent-Length: 0\r\n\r\n" % (status, elsewhere)
        with answering(lead) as port, pytest.raises(Unreachable) as raised:
            ask_reload(f"127.0.0.1:{port}")
    assert f"with HTTP {status}" in str(raised.value)
    assert not seen


def test_a_listener_that_hangs_up_in_a_handshake_is_not_asked_whether_it_speaks_tls() -> None:
    with hanging_up() as port, pytest.raises(Unreachable) as raised:
        fetch_status(f"https://127.0.0.1:{port}")
    assert "it hung up without an answer (a full listener does; try again)" in str(raised.value)


def test_a_certificate_that_is_not_trusted_is_named(tmp_path: Path) -> None:
    with tls_listener(tmp_path) as port, pytest.raises(Unreachable) as raised:
        fetch_status(f"https://127.0.0.1:{port}")
    assert "its certificate is refused: unable to get local issuer certificate" in str(raised.value)
    assert "say SSL_CERT_FILE=ca.pem before the command" in str(raised.value)


def test_plain_http_to_a_listener_with_tls_is_told_as_such(tmp_path: Path) -> None:
    with tls_listener(tmp_path) as port, pytest.raises(Unreachable) as raised:
        fetch_status(f"127.0.0.1:{port}")
    words = f"the node at 127.0.0.1:{port} cannot be asked: it speaks TLS; ask it with --admin https://127.0.0.1:{port}"
    assert str(raised.value) == words


def test_a_listener_that_hangs_up_on_plain_http_is_not_said_to_speak_tls() -> None:
    with hanging_up() as port, pytest.raises(Unreachable) as raised:
        fetch_status(f"127.0.0.1:{port}")
    assert "it hung up without an answer (a full listener does; try again)" in str(raised.value)
