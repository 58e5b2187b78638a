"""Damaged packets: whatever the bytes, an engine does not raise, and what it answers is a sound message.

GTM_MUTATIONS=1000000 runs a million instead of the 20,000 of every run.
"""

import os
import random
import struct
from collections.abc import Callable
from itertools import pairwise

import dns.edns
import dns.exception
import dns.message
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gtm.engine.protocol import Engine, Transport
from gtm.engine.reference import ReferenceEngine
from tests.fakes import world

MUTATIONS = int(os.environ.get("GTM_MUTATIONS", "20000"))
SEED = int(os.environ.get("GTM_SEED", "1"))

HEADER = 12
INTERESTING = bytes((0, 1, 2, 12, 0x3F, 0x40, 0x7F, 0x80, 0xBF, 0xC0, 0xFE, 0xFF))


def seeds() -> list[bytes]:
    """Valid queries of every kind that this server understands."""
    names = [
        "api",
        "API",
        "www",
        "x.wild",
        "ent",
        "x.sub",
        "sub",
        "@",
        "nothing",
        "many",
        "alias",
        "big",
        "other.test.",
    ]
    subnets = [None, "10.2.3.0/24", "0.0.0.0/0", "2001:db8:2::/56", "::ffff:10.1.0.0/112"]
    cookie = dns.edns.GenericOption(dns.edns.OptionType.COOKIE, b"12345678")
    queries = [
        world.query(name, rtype, subnet=subnet, dnssec=rtype == "DS", options=(cookie,) if rtype == "TXT" else ())
        for name in names
        for rtype in ("A", "TXT", "DS", "ANY")
        for subnet in subnets
    ]
    return [*(query.to_wire() for query in queries), *(world.query(name, edns=False).to_wire() for name in names)]


def flip_bits(wire: bytes, dice: random.Random) -> bytes:
    damaged = bytearray(wire)
    for _ in range(dice.randint(1, 4)):
        damaged[dice.randrange(len(damaged))] ^= 1 << dice.randrange(8)
    return bytes(damaged)


def set_octets(wire: bytes, dice: random.Random) -> bytes:
    damaged = bytearray(wire)
    for _ in range(dice.randint(1, 3)):
        damaged[dice.randrange(len(damaged))] = dice.choice(INTERESTING)
    return bytes(damaged)


def cut(wire: bytes, dice: random.Random) -> bytes:
    return wire[: dice.randrange(len(wire))]


def lengthen(wire: bytes, dice: random.Random) -> bytes:
    return wire + dice.randbytes(dice.randint(1, 40))


def remove(wire: bytes, dice: random.Random) -> bytes:
    start = dice.randrange(len(wire))
    return wire[:start] + wire[start + dice.randint(1, 8) :]


def insert(wire: bytes, dice: random.Random) -> bytes:
    start = dice.randrange(len(wire) + 1)
    return wire[:start] + dice.randbytes(dice.randint(1, 8)) + wire[start:]


def repeat(wire: bytes, dice: random.Random) -> bytes:
    start, end = sorted(dice.sample(range(len(wire) + 1), 2))
    return wire[:end] + wire[start:end] + wire[end:]


def change_counts(wire: bytes, dice: random.Random) -> bytes:
    counts = [dice.choice((0, 1, 1, 2, 65_535)) for _ in range(4)]
    return wire[:4] + struct.pack("!4H", *counts) + wire[HEADER:]


def point(wire: bytes, dice: random.Random) -> bytes:
    """Puts a compression pointer somewhere behind the header."""
    at = dice.randrange(HEADER, max(HEADER + 1, len(wire) - 1))
    return wire[:at] + struct.pack("!H", 0xC000 | dice.randrange(len(wire))) + wire[at + 2 :]


MUTATORS: tuple[Callable[[bytes, random.Random], bytes], ...] = (
    flip_bits,
    set_octets,
    cut,
    lengthen,
    remove,
    insert,
    repeat,
    change_counts,
    point,
)


def mutated(wire: bytes, dice: random.Random) -> bytes:
    """Returns the message with one to three kinds of damage."""
    for mutator in dice.choices(MUTATORS, k=dice.choice((1, 1, 2, 3))):
        if len(wire) > HEADER:
            wire = mutator(wire, dice)
    return wire


def check(engine: Engine, wire: bytes, transport: Transport, coin: int) -> bool:
    """Asserts what holds of the answer to any bytes; returns whether there was one."""
    answer = world.respond(engine, wire, client=world.EU, transport=transport, coin=coin)
    if answer is None:
        assert len(wire) < HEADER or wire[2] & 0x80, "only short messages and responses get silence"
        return False
    assert answer[:2] == wire[:2]
    assert answer[2] & 0x80
    assert answer[2] & 0x78 == wire[2] & 0x78, "the opcode is kept"
    assert len(answer) <= (1232 if transport is Transport.UDP else 65_535)
    try:
        dns.message.from_wire(readable(answer))
    except dns.exception.DNSException as error:
        raise AssertionError(f"{answer!r} to {wire!r} is no message") from error
    return True


def readable(answer: bytes) -> bytes:
    """Returns an answer as dnspython can read it.

    It takes the opcode UPDATE for another format, where a refusal has no body to tell; and it does not know the empty
    client subnet of family 0 that `dig +subnet=0` sends, and gets back.
    """
    as_query = bytes((*answer[:2], answer[2] & 0x87, *answer[3:]))
    return as_query.replace(b"\0\x08\0\x04\0\0\0\0", b"\0\x08\0\x04\0\x01\0\0")


@pytest.mark.slow
@pytest.mark.timeout(60 + MUTATIONS / 500)
def test_a_damaged_packet_raises_nothing_and_every_answer_is_a_sound_message(serving: Engine) -> None:
    dice, whole = random.Random(SEED), seeds()
    answered = 0
    for _ in range(MUTATIONS):
        transport = Transport.TCP if dice.random() < 0.2 else Transport.UDP
        answered += check(serving, mutated(dice.choice(whole), dice), transport, dice.getrandbits(64))
    assert answered > MUTATIONS / 2, "most damage must leave something to answer, or this tests little"


@pytest.mark.parametrize("mutator", MUTATORS, ids=lambda mutator: mutator.__name__)
def test_each_kind_of_damage_changes_something(mutator: Callable[[bytes, random.Random], bytes]) -> None:
    dice, whole = random.Random(SEED), seeds()
    damaged = [(wire, mutator(wire, dice)) for wire in whole]
    assert sum(before != after for before, after in damaged) > len(whole) / 2
    assert len({after for _, after in damaged}) > 10


def _loaded() -> Engine:
    engine = ReferenceEngine()
    engine.swap(world.plan(world.zone(), beliefs={}, geography=world.geography()))
    return engine


_LOADED = _loaded()
"""Immutable but for its plan, which nobody swaps; hypothesis does not mix with fixtures of a function."""


@pytest.mark.slow
@settings(max_examples=500)
@given(st.binary(max_size=600), st.sampled_from(Transport), st.integers(0, 2**64 - 1))
def test_any_bytes_get_silence_or_a_sound_message(wire: bytes, transport: Transport, coin: int) -> None:
    check(_LOADED, wire, transport, coin)


@pytest.mark.slow
@settings(max_examples=500)
@given(st.sampled_from(seeds()), st.data())
def test_any_octets_behind_the_header_get_a_sound_message(wire: bytes, data: st.DataObject) -> None:
    start, end = sorted(data.draw(st.integers(HEADER, len(wire))) for _ in range(2))
    check(_LOADED, wire[:start] + data.draw(st.binary(max_size=80)) + wire[end:], Transport.UDP, 0)


@pytest.mark.slow
@pytest.mark.parametrize("transport", Transport)
def test_every_cut_of_a_valid_query_is_silence_or_formerr(serving: Engine, transport: Transport) -> None:
    wire = world.query("api", subnet="10.2.3.0/24").to_wire()
    for end in range(len(wire)):
        answer = world.respond(serving, wire[:end], transport=transport)
        assert (answer is None) if end < HEADER else (answer is not None and answer[3] & 0xF == 1)


def test_the_seeds_are_valid_and_differ() -> None:
    whole = seeds()
    assert len(set(whole)) == len(whole)
    assert all(dns.message.from_wire(one).question for one, _ in pairwise(whole))
