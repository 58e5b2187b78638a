import re
import socket
from collections.abc import Iterator

import pytest

from gtm.errors import ListenFailed
from gtm.serve.listen import ListenAddress, Listener, open_listeners, parse_listen
from tests.fakes.cluster import loopback_address


@pytest.fixture
def taken() -> Iterator[Listener]:
    [listener] = open_listeners([parse_listen("127.0.0.1:0")])
    yield listener
    listener.close()


@pytest.mark.parametrize("text", ["127.0.0.1:5300", "0.0.0.0:53", "[::1]:5300", "[::]:53", "[fe80::1]:1"])
def test_an_address_is_written_as_it_is_read(text: str) -> None:
    assert str(parse_listen(text)) == text


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("127.0.0.1", '"127.0.0.1" is not ADDRESS:PORT, such as 127.0.0.1:5300 or [::1]:5300'),
        ("127.0.0.1:", '"127.0.0.1:" is not ADDRESS:PORT, such as 127.0.0.1:5300 or [::1]:5300'),
        ("127.0.0.1:dns", '"127.0.0.1:dns" is not ADDRESS:PORT, such as 127.0.0.1:5300 or [::1]:5300'),
        ("127.0.0.1:65536", '"127.0.0.1:65536" is not ADDRESS:PORT, such as 127.0.0.1:5300 or [::1]:5300'),
        ("127.0.0.1:-1", '"127.0.0.1:-1" is not ADDRESS:PORT, such as 127.0.0.1:5300 or [::1]:5300'),
        ("::1:5300", '"::1:5300": write an IPv6 address in brackets: [::1]:5300'),
        ("localhost:5300", '"localhost:5300": "localhost" is not an IP address'),
        (":5300", '":5300": "" is not an IP address'),
        ("[]:5300", '"[]:5300": "" is not an IP address'),
    ],
)
def test_what_is_no_address_is_told_in_words(text: str, words: str) -> None:
    with pytest.raises(ValueError, match=re.escape(words)) as caught:
        parse_listen(text)
    assert str(caught.value) == words


@pytest.mark.parametrize("text", ["127.0.0.1:0", "[::1]:0"])
def test_udp_and_tcp_have_the_same_port(text: str) -> None:
    [listener] = open_listeners([parse_listen(text)])
    try:
        assert listener.at.port
        assert listener.udp.getsockname()[1] == listener.tcp.getsockname()[1] == listener.at.port
        assert not listener.udp.getblocking()
        assert not listener.tcp.getblocking()
    finally:
        listener.close()


def test_a_wildcard_of_each_family_can_have_one_port() -> None:
    [four] = open_listeners([parse_listen("0.0.0.0:0")])
    try:
        [six] = open_listeners([parse_listen(f"[::]:{four.at.port}")])
        six.close()
    finally:
        four.close()


def test_a_port_in_use_is_said_with_who_to_ask(taken: Listener) -> None:
    with pytest.raises(ListenFailed) as caught:
        open_listeners([taken.at])
    port = taken.at.port
    assert str(caught.value) == (
        f"cannot listen on 127.0.0.1:{port} (UDP): Address already in use; another server has it: "
        f"`ss -lnp 'sport = :{port}'` says which"
    )


def test_a_port_in_use_by_tcp_alone_is_said_so_and_the_udp_socket_is_closed() -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        at = ListenAddress(parse_listen("127.0.0.1:0").address, other.getsockname()[1])
        with pytest.raises(ListenFailed, match=r"\(TCP\): Address already in use"):
            open_listeners([at])
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as again:
            again.bind(("127.0.0.1", at.port))


def test_an_address_of_another_machine_is_said_so(taken: Listener) -> None:
    with pytest.raises(
        ListenFailed, match=r"cannot listen on 192\.0\.2\.1:5300 \(UDP\): Cannot assign requested address"
    ):
        open_listeners([parse_listen("192.0.2.1:5300")])


def test_all_are_closed_when_one_fails(taken: Listener) -> None:
    free = parse_listen(f"{loopback_address()}:5300")
    with pytest.raises(ListenFailed):
        open_listeners([free, taken.at])
    [again] = open_listeners([free])
    again.close()
