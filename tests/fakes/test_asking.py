import socket
from collections.abc import Iterator

import dns.flags
import dns.message
import dns.rcode
import dns.rrset
import pytest

from tests.fakes.asking import Stream, stream_over
from tests.fakes.cluster import within

LIMIT_S = 10.0
CLIENTS = ("192.0.2.0", None)


@pytest.fixture
def ends() -> Iterator[tuple[socket.socket, socket.socket]]:
    """Yields two ends of one wire; the stream closes its own."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
    theirs.settimeout(LIMIT_S)
    with theirs:
        yield ours, theirs


def reply(theirs: socket.socket, *addresses: str, rcode: dns.rcode.Rcode = dns.rcode.NOERROR) -> None:
    """Answers the next query."""
    query = dns.message.from_wire(theirs.recv(4096))
    response = dns.message.make_response(query)
    response.set_rcode(rcode)
    if addresses:
        response.answer.append(dns.rrset.from_text(query.question[0].name, 5, "IN", "A", *addresses))
    theirs.send(response.to_wire())


def answered(asking: Stream, count: int) -> None:
    """Waits for so many answers."""
    within(LIMIT_S, lambda: len(asking.answers) >= count)


def test_a_stream_sorts_its_answers_by_client(ends: tuple[socket.socket, socket.socket]) -> None:
    ours, theirs = ends
    with stream_over(ours, CLIENTS, per_second=1000, limit_s=0.05) as asking:
        for address in ("192.0.2.1", "192.0.2.2", "192.0.2.3", "192.0.2.4"):
            reply(theirs, address)
        answered(asking, 4)
        assert asking.last("192.0.2.0") == ("192.0.2.3",)
        assert asking.last(None) == ("192.0.2.4",)
        assert [answer.client for answer in asking.naming("192.0.2.2")] == [None]


@pytest.mark.parametrize(
    ("addresses", "rcode"),
    [((), dns.rcode.NOERROR), ((), dns.rcode.NXDOMAIN), (("192.0.2.1",), dns.rcode.SERVFAIL)],
    ids=["empty", "nxdomain", "servfail"],
)
def test_a_stream_counts_what_no_client_can_use_as_a_failure(
    ends: tuple[socket.socket, socket.socket], addresses: tuple[str, ...], rcode: dns.rcode.Rcode
) -> None:
    ours, theirs = ends
    with stream_over(ours, CLIENTS, per_second=1000, limit_s=0.05) as asking:
        reply(theirs, "192.0.2.9")
        reply(theirs, *addresses, rcode=rcode)
        answered(asking, 2)
        assert [answer.is_good for answer in asking.answers] == [True, False]
        assert len(asking.failures) == 1


def test_a_stream_counts_silence_as_a_failure(ends: tuple[socket.socket, socket.socket]) -> None:
    ours, _theirs = ends
    with stream_over(ours, CLIENTS, per_second=1000, limit_s=0.05) as asking:
        within(LIMIT_S, lambda: asking.sent >= 3)
    assert len(asking.failures) == asking.sent
    assert asking.failures[1].startswith("no answer to client None")


def test_a_stream_that_is_refused_goes_on(ends: tuple[socket.socket, socket.socket]) -> None:
    ours, theirs = ends
    theirs.close()
    with stream_over(ours, CLIENTS, per_second=1000, limit_s=0.05) as asking:
        within(LIMIT_S, lambda: asking.sent >= 3)
    assert len(asking.failures) == asking.sent
    assert "refused" in asking.failures[0]
