from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gtm.admin.clients import client_of, is_loopback
from gtm.admin.connection_limit import BUSY_S, ConnectionLimit, Limits, limits_for

LIMITS = Limits(whole=4, each=2, local=3)


@dataclass(eq=False)
class FakeGuest:
    client: str
    dropped: list[str] = field(default_factory=list)

    def drop(self, reason: str) -> None:
        self.dropped.append(reason)


class Time:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def come(crowd: ConnectionLimit, client: str, *, is_busy: bool = False) -> FakeGuest | None:
    """One more of a client, if it gets in."""
    if not crowd.has_room_for(client):
        return None
    guest = FakeGuest(client)
    crowd.wait(guest)
    if is_busy:
        crowd.work(guest)
    return guest


@pytest.mark.parametrize(
    ("address", "client"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2::1", "2001:db8:1:2::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        (None, ""),
        ("", ""),
        ("no address", ""),
    ],
)
def test_a_client_is_an_ipv4_address_or_a_network_of_ipv6(address: str | None, client: str) -> None:
    assert client_of(address) == client


def test_this_machine_is_told_from_others() -> None:
    assert [is_loopback(client_of(one)) for one in ("127.0.0.1", "127.9.9.9", "::1", "::ffff:127.0.0.1")] == [True] * 4
    assert not any(is_loopback(client_of(one)) for one in ("192.0.2.1", "2001:db8::1", "fe80::1", None))


def test_a_client_that_is_over_its_limit_loses_its_own_oldest_that_waits() -> None:
    crowd = ConnectionLimit(LIMITS, now=Time())
    other = come(crowd, "192.0.2.9")
    first, second = come(crowd, "192.0.2.1"), come(crowd, "192.0.2.1")
    third = come(crowd, "192.0.2.1")
    assert other
    assert first
    assert second
    assert third
    assert [one.dropped for one in (other, first, second, third)] == [[], ["room"], [], []]
    assert len(crowd) == 3


def test_who_is_busy_makes_no_room_until_it_is_so_for_long() -> None:
    time = Time()
    crowd = ConnectionLimit(LIMITS, now=time)
    first, second = (come(crowd, "192.0.2.1", is_busy=True) for _ in range(2))
    assert first
    assert second
    assert come(crowd, "192.0.2.1") is None
    time.now += BUSY_S
    assert come(crowd, "192.0.2.1")
    assert (first.dropped, second.dropped) == (["room"], [])


def test_in_a_full_house_the_client_with_most_makes_room_and_not_one_with_less() -> None:
    crowd = ConnectionLimit(LIMITS, now=Time())
    single = come(crowd, "192.0.2.9")
    greedy = [come(crowd, "127.0.0.1") for _ in range(3)]
    assert come(crowd, "192.0.2.5")
    assert single
    assert not single.dropped
    assert [one and one.dropped for one in greedy] == [["room"], [], []]


@pytest.mark.parametrize("is_busy", [False, True])
def test_of_clients_with_as_many_who_waits_longest_makes_room_and_not_who_was_here_first(*, is_busy: bool) -> None:
    time = Time()
    crowd = ConnectionLimit(LIMITS, now=time)
    peer = come(crowd, "192.0.2.1", is_busy=is_busy)
    others = [come(crowd, f"192.0.2.{number}", is_busy=is_busy) for number in (2, 3, 4)]
    time.now += BUSY_S
    assert peer
    crowd.wait(peer)
    if is_busy:
        crowd.work(peer)
    assert come(crowd, "192.0.2.5")
    assert [one and one.dropped for one in (peer, *others)] == [[], ["room"], [], []]


def test_in_a_full_house_being_busy_protects_nobody_who_has_two_more_than_the_newcomer() -> None:
    time = Time()
    crowd = ConnectionLimit(LIMITS, now=time)
    poll = come(crowd, "192.0.2.9", is_busy=True)
    time.now += BUSY_S
    greedy = [come(crowd, "127.0.0.1", is_busy=True) for _ in range(3)]
    assert poll
    assert come(crowd, "192.0.2.1", is_busy=True), "none against three"
    assert [one and one.dropped for one in (poll, *greedy)] == [[], ["room"], [], []]
    crowd.leave(poll)
    assert come(crowd, "192.0.2.9", is_busy=True)
    assert come(crowd, "192.0.2.1", is_busy=True) is None, "one against two"


def test_what_is_gone_leaves_its_place() -> None:
    crowd = ConnectionLimit(LIMITS, now=Time())
    guests = [come(crowd, "192.0.2.1", is_busy=True) for _ in range(2)]
    assert guests[0]
    crowd.leave(guests[0])
    crowd.leave(guests[0])
    assert len(crowd) == 1
    assert come(crowd, "192.0.2.1")


def test_all_peers_may_be_behind_one_address() -> None:
    limits = limits_for(356, peers=100)
    assert (limits.whole, limits.each, limits.local) == (356, 132, 278)
    assert limits_for(64, peers=100) == Limits(64, 64, 64)


_clients = st.sampled_from(["127.0.0.1", "192.0.2.1", "192.0.2.2", "2001:db8::/64", ""])


@pytest.mark.slow
@given(st.lists(st.tuples(_clients, st.booleans(), st.integers(0, 10)), max_size=60))
def test_there_are_never_too_many_of_anybody(comings: list[tuple[str, bool, int]]) -> None:
    time = Time()
    crowd, inside = ConnectionLimit(LIMITS, now=time), list[FakeGuest]()
    for client, is_busy, passed in comings:
        time.now += passed
        guest = come(crowd, client, is_busy=is_busy)
        inside = [one for one in [*inside, *([guest] if guest else [])] if not one.dropped]
        assert len(crowd) == len(inside) <= LIMITS.whole
        for one in {one.client for one in inside}:
            assert sum(other.client == one for other in inside) <= LIMITS.of(one)
