"""A store that is given a thousand bad reports, and keeps nothing of them: all that Python allocates is counted."""

import gc
import tracemalloc
from collections.abc import Iterator

import pytest

from gtm.health.belief import Belief
from gtm.health.report.envelope import compose_offer
from gtm.ids import NodeName
from tests.fakes.clock import FakeClock
from tests.fakes.lies import KNOWN, Peer, broken_offer, crafted
from tests.fakes.peers import CHECK, report_store_of

FRA, SIN = NodeName("fra"), NodeName("sin")
WARM_UP, TURNS = 10, 40
LIMIT_BYTES = 50_000
"""Over more than a thousand reports: less than 50 bytes of each."""


def bad_offers(peer: Peer, turns: range) -> Iterator[bytes]:
    for turn in turns:
        yield from (compose_offer([raw]) for raw, _ in crafted(peer, turn))
        yield broken_offer(peer, turn)


@pytest.mark.slow
def test_of_a_thousand_bad_reports_a_report_store_keeps_nothing() -> None:
    clock = FakeClock()
    report_store, peer = report_store_of("iad", FRA, SIN, clock=clock), Peer(FRA, CHECK, clock.wall(), SIN)
    assert report_store.take(compose_offer([peer.sealed(KNOWN, belief=Belief.UP).full]), giver=FRA)
    held = []
    tracemalloc.start()
    try:
        for turns in (range(WARM_UP), range(WARM_UP, WARM_UP + TURNS)):
            for offer in bad_offers(peer, turns):
                assert not report_store.take(offer, giver=FRA)
            gc.collect()
            held.append(tracemalloc.get_traced_memory()[0])
    finally:
        tracemalloc.stop()
    assert sum(report_store.refused.values()) > 1_000
    assert report_store.book.editions == {FRA: KNOWN}
    assert held[1] - held[0] < LIMIT_BYTES
