import asyncio
import os

from gtm.health.belief import Belief
from gtm.health.report.envelope import compose_offer
from gtm.ids import NodeName
from tests.fakes.clock import FakeClock
from tests.fakes.hostile import NOTHING_NEW, crowd
from tests.fakes.lies import KNOWN, Peer, answer, broken_offer, crafted
from tests.fakes.memory import resident_mb
from tests.fakes.peers import CHECK, report_store_of

FRA, SIN = NodeName("fra"), NodeName("sin")


def test_every_bad_report_is_bad_for_its_reason_alone_and_the_next_good_one_is_not() -> None:
    clock = FakeClock()
    report_store, peer = report_store_of("iad", FRA, SIN, clock=clock), Peer(FRA, CHECK, clock.wall(), SIN)
    assert report_store.take(compose_offer([peer.sealed(KNOWN, belief=Belief.UP).full]), giver=FRA)
    for turn in range(3):
        for raw, reason in crafted(peer, turn):
            before = report_store.refused.get((FRA, reason), 0)
            assert not report_store.take(compose_offer([raw]), giver=FRA)
            assert report_store.refused.get((FRA, reason), 0) == before + 1, (reason, raw[:300])
    for turn in range(30):
        before = report_store.refused[FRA, "malformed"]
        assert not report_store.take(broken_offer(peer, turn), giver=FRA)
        assert report_store.refused[FRA, "malformed"] == before + 1, turn
    assert report_store.book.editions == {FRA: KNOWN}
    assert report_store.take(compose_offer([peer.sealed(KNOWN._replace(serial=6)).full]), giver=FRA)


def test_a_peer_says_what_it_has_to_say_and_then_that_there_is_nothing_new() -> None:
    async def asked(port: int) -> bytes:
        reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=1 << 20)
        writer.write(b"GET /fra/v1/reports HTTP/1.1\r\nHost: x\r\n\r\n" * 2)
        said = await reader.readuntil(b"Modified\r\n\r\n")
        writer.close()
        return said

    with crowd() as peers:
        peers.queue("fra").append(answer(b"[]", "malformed"))
        said = asyncio.run(asyncio.wait_for(asked(peers.port), 20))
    assert said.startswith(b"HTTP/1.1 200 OK")
    assert said.endswith(NOTHING_NEW)
    assert b"\r\n\r\n[]  " in said
    assert peers.waiting == 0


def test_a_process_holds_some_memory() -> None:
    assert 5 < resident_mb(os.getpid()) < 10_000
