"""The Rust engine under load: plans that change, clients that do not read, packets that are damaged."""

import random
import socket
import struct
import threading
from collections import Counter
from contextlib import suppress
from dataclasses import replace

import dns.message
import dns.query
import pytest

from tests.engine.test_mutated import MUTATIONS, mutated, seeds
from tests.fakes import world
from tests.fakes.world import query, values
from tests.serve.running import LIMITS, WAIT_S, Native, asker, framed, receive, running

BURST = 50


@pytest.mark.slow
def test_swaps_under_load_lose_no_query_and_mix_no_plans(native: Native) -> None:
    """Every answer is wholly of one plan: each has one address, asked for by its own name."""
    plans = [
        world.plan(world.services(service(address)), beliefs={}, geography=world.geography())
        for address in ("192.0.2.1", "192.0.2.2")
    ]
    native.swap(plans[0])
    over = threading.Event()
    swaps = 0

    def swap() -> None:
        nonlocal swaps
        while not over.is_set():
            swaps += 1
            native.swap(plans[swaps % 2])

    seen: Counter[str] = Counter()
    with running(native) as server, asker(server.port) as sock:
        swapping = threading.Thread(target=swap)
        swapping.start()
        try:
            for _ in range(100):
                for number in range(BURST):
                    sock.send(query("x", message_id=number).to_wire())
                answers = [dns.message.from_wire(sock.recv(65_535)) for _ in range(BURST)]
                assert {answer.id for answer in answers} == set(range(BURST))
                seen.update(",".join(values(answer.answer)) for answer in answers)
        finally:
            over.set()
            swapping.join()
        assert server.counters.count("dns_zone_responses", zone="gtm.example.com") == 100 * BURST
    assert set(seen) == {"192.0.2.1", "192.0.2.2"}
    assert swaps >= 100


def service(address: str) -> str:
    return f"  x: {{steer: nearest, endpoints: [{{region: us-east, address: {address}}}]}}\n"


@pytest.mark.slow
def test_a_client_that_does_not_read_is_held_back_and_let_go(native: Native) -> None:
    """What it sends waits in the kernel, not in memory; others are served meanwhile."""
    stream = framed([query("big", "TXT").to_wire()]) * 1_000_000
    with running(native, limits=replace(LIMITS, idle_s=1.0), threads=1) as server, server.connect() as greedy:
        greedy.settimeout(0.2)
        with pytest.raises(TimeoutError):
            greedy.sendall(stream)
        assert dns.query.tcp(query("mail"), server.host, WAIT_S, server.port).answer
        greedy.settimeout(WAIT_S)
        with pytest.raises(ConnectionError):
            greedy.sendall(stream)


@pytest.mark.slow
def test_a_pipeline_longer_than_all_buffers_comes_back_whole_and_in_order(native: Native) -> None:
    """The client reads only once it has said all: the answers fill the buffers of both ends before."""
    with running(native) as server, server.connect() as sock:
        count = 3000
        wires = [query("big", "TXT", message_id=number).to_wire() for number in range(count)]
        sending = threading.Thread(target=sock.sendall, args=(framed(wires),))
        sending.start()
        found = [struct.unpack("!H", receive(sock)[:2])[0] for _ in range(count)]
        sending.join()
    assert found == list(range(count))


@pytest.mark.slow
def test_damaged_datagrams_do_not_stop_the_next_good_query(native: Native) -> None:
    dice = random.Random(1)
    good, wires = query("mail", message_id=65_535).to_wire(), seeds()
    with running(native) as server, asker(server.port) as sock:
        for number in range(MUTATIONS):
            sock.send(mutated(dice.choice(wires), dice))
            if number % BURST == 0:
                sock.send(good)
                while sock.recv(65_535)[:2] != good[:2]:
                    pass
        assert dns.query.udp(query("mail"), server.host, WAIT_S, server.port).answer


@pytest.mark.slow
def test_damaged_streams_do_not_stop_the_next_good_query(native: Native) -> None:
    dice = random.Random(2)
    wires = seeds()
    with running(native) as server:
        for _ in range(MUTATIONS // BURST):
            stream = framed([mutated(dice.choice(wires), dice) for _ in range(BURST)])
            if dice.random() < 0.5:
                stream = mutated(stream, dice)
            with server.connect() as sock, suppress(ConnectionError):  # it may close before all is said
                sock.sendall(stream)
                sock.shutdown(socket.SHUT_WR)
                while receive(sock):
                    pass
        assert dns.query.tcp(query("mail"), server.host, WAIT_S, server.port).answer
