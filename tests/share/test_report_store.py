import asyncio
import gc
import json
import logging
import time
import weakref

import pytest

from gtm.counters import Counters
from gtm.geo.place import Coordinates
from gtm.health.belief import Belief
from gtm.health.report.bounds import MAX_OFFER_BYTES
from gtm.health.report.envelope import compose_envelope, compose_offer
from gtm.health.report.report import Edition, Report
from gtm.health.verdict.verdict import Verdict
from gtm.ids import CheckId, NodeName, VantageName
from gtm.share.report_store import LARGE_BYTES, Reporter, ReportStore
from tests.fakes.clock import FakeClock
from tests.fakes.peers import CHECK, WatchedReportStore, believing, key_of, report_store_of

LIMIT_S = 0.5
IAD, FRA, MIDDLE, MALLORY = NodeName("iad"), NodeName("fra"), NodeName("middle"), NodeName("mallory")


def test_a_published_report_is_on_the_own_report_store_and_offered() -> None:
    fra = report_store_of("fra")
    fra.publish(believing(Belief.UP))
    assert fra.book.editions == {FRA: Edition(1, 1)}
    assert fra.book.by_node[FRA].report.votes[CHECK].belief is Belief.UP
    assert fra.offer().count == 1


def test_who_has_nothing_to_say_names_no_place() -> None:
    here = Coordinates(50.11, 8.68)
    fra = ReportStore(
        Reporter(FRA, VantageName("fra"), key_of("fra"), 1, here), {}, clock=FakeClock(), counters=Counters()
    )
    fra.carry(("an override",))
    fra.publish({})
    assert fra.book.by_node[FRA].report.at is None
    fra.publish(believing(Belief.UP))
    assert fra.book.by_node[FRA].report.at == here


def test_what_one_offers_the_other_takes_once() -> None:
    fra, iad = report_store_of("fra", "iad"), report_store_of("iad", "fra")
    fra.publish(believing(Belief.DOWN))
    assert iad.take(fra.offer().body, giver=FRA)
    assert iad.book.by_node[FRA].report == fra.book.by_node[FRA].report
    assert not iad.take(fra.offer().body, giver=FRA)
    assert iad.counters.snapshot() == {"reports_heard": 1}


def test_a_report_crosses_a_middle_node_with_its_signature() -> None:
    fra, middle, iad = report_store_of("fra"), report_store_of("middle", "fra"), report_store_of("iad", "middle", "fra")
    fra.publish(believing(Belief.DOWN))
    middle.take(fra.offer().body, giver=FRA)
    iad.take(middle.offer().body, giver=MIDDLE)
    assert iad.book.by_node[FRA].report == fra.book.by_node[FRA].report


def refusals(report_store: WatchedReportStore) -> dict[str, int]:
    return {
        name: count for name, count in report_store.counters.snapshot().items() if name.startswith("reports_refused")
    }


def refused(reason: str, count: int = 1) -> dict[str, int]:
    return {f'reports_refused{{peer="fra",reason="{reason}"}}': count}


def test_a_strangers_report_is_refused_and_the_others_are_taken() -> None:
    iad, fra, mallory = report_store_of("iad", "fra"), report_store_of("fra", "mallory"), report_store_of("mallory")
    mallory.publish({})
    fra.publish({})
    fra.take(mallory.offer().body, giver=MALLORY)
    assert iad.take(fra.offer().body, giver=FRA)
    assert iad.book.editions.keys() == {FRA}
    assert refusals(iad) == refused("unknown_reporter")


def test_a_forged_report_is_refused() -> None:
    iad, fra = report_store_of("iad", "fra"), report_store_of("fra")
    fra.publish(believing(Belief.UP))
    forged = fra.offer().body.replace(rb"\"up\"", rb"\"down\"")
    assert not iad.take(forged, giver=FRA)
    assert refusals(iad) == refused("forged")
    assert iad.book.editions == {}


def test_a_replayed_report_is_refused() -> None:
    iad, fra = report_store_of("iad", "fra"), report_store_of("fra")
    fra.publish(believing(Belief.UP))
    captured = fra.offer().body
    fra.publish(believing(Belief.DOWN))
    iad.take(fra.offer().body, giver=FRA)
    assert not iad.take(captured, giver=FRA)
    assert refusals(iad) == refused("replayed")
    assert iad.book.by_node[FRA].report.votes[CHECK].belief is Belief.DOWN


def test_a_report_of_another_time_is_refused_as_skewed() -> None:
    iad, fra = report_store_of("iad", "fra"), report_store_of("fra", clock=FakeClock(wall=1_600_000_000.0))
    fra.publish({})
    assert not iad.take(fra.offer().body, giver=FRA)
    assert refusals(iad) == refused("skewed")


def test_an_oversized_offer_is_refused() -> None:
    iad = report_store_of("iad")
    assert not iad.take(b" " * (MAX_OFFER_BYTES + 1), giver=FRA)
    assert refusals(iad) == refused("oversized")


def test_garbage_is_refused_as_malformed_and_logged_once(caplog: pytest.LogCaptureFixture) -> None:
    iad = report_store_of("iad")
    with caplog.at_level(logging.WARNING):
        for _ in range(5):
            assert not iad.take(b"<html>", giver=FRA)
    assert refusals(iad) == refused("malformed", 5)
    assert len(caplog.messages) == 1
    assert iad.refused == {(FRA, "malformed"): 5}


def test_a_refusal_names_who_gave_the_report_whose_it_is_and_its_key(caplog: pytest.LogCaptureFixture) -> None:
    iad, fra, mallory = report_store_of("iad", "fra"), report_store_of("fra", "mallory"), report_store_of("mallory")
    for _ in range(2):
        mallory.publish({})
        fra.take(mallory.offer().body, giver=MALLORY)
        iad.take(fra.offer().body, giver=FRA)
    iad.take(fra.offer().body, giver=MIDDLE)
    words = (
        f"in the name of mallory by the key {key_of('mallory').public} refused as unknown_reporter: "
        "it is signed by a key that is not among the peers; further ones are only counted"
    )
    assert caplog.messages == [f"report from peer {peer}, {words}" for peer in ("fra", "middle")]


def test_an_innocent_replay_over_a_relay_is_counted_and_no_more(caplog: pytest.LogCaptureFixture) -> None:
    iad, fra = report_store_of("iad", "fra"), report_store_of("fra")
    fra.publish({})
    behind = fra.offer().body
    fra.publish({})
    iad.take(fra.offer().body, giver=FRA)
    iad.take(behind, giver=MIDDLE)
    assert iad.refused == {(MIDDLE, "replayed"): 1}
    assert not caplog.messages


def test_reports_too_old_to_be_taken_are_not_offered() -> None:
    clock = FakeClock()
    fra = report_store_of("fra", clock=clock)
    fra.publish({})
    young = fra.offer()
    clock.advance(31.0)
    assert fra.offer().count == 0
    assert fra.offer().etag != young.etag


def test_the_tag_changes_with_every_edition_and_only_then() -> None:
    fra = report_store_of("fra")
    fra.publish({})
    first = fra.offer()
    assert fra.offer().etag == first.etag
    fra.publish({})
    assert fra.offer().etag != first.etag


def test_what_a_peer_has_is_not_offered_again() -> None:
    fra, iad = report_store_of("fra", "iad"), report_store_of("iad", "fra")
    iad.publish({})
    fra.publish({})
    fra.take(iad.offer().body, giver=IAD)
    assert fra.offer(known=iad.editions).count == 1
    iad.take(fra.offer(known=iad.editions).body, giver=FRA)
    assert fra.offer(known=iad.editions).count == 0
    fra.publish({})
    assert fra.offer(known=iad.editions).count == 1


def test_an_echo_of_an_own_older_report_is_ignored() -> None:
    fra, iad = report_store_of("fra", "iad"), report_store_of("iad", "fra")
    fra.publish({})
    iad.take(fra.offer().body, giver=FRA)
    fra.publish({})
    assert not fra.take(iad.offer().body, giver=IAD)
    assert refusals(fra) == {}
    assert fra.book.editions == {FRA: Edition(1, 2)}


def test_a_node_that_lost_its_epoch_outgrows_its_past(caplog: pytest.LogCaptureFixture) -> None:
    iad, before = report_store_of("iad", "fra"), report_store_of("fra", "iad", epoch=9)
    before.publish({})
    iad.take(before.offer().body, giver=FRA)
    after = report_store_of("fra", "iad", epoch=1)
    after.publish({})
    assert not iad.take(after.offer().body, giver=FRA)
    with caplog.at_level(logging.WARNING):
        after.take(iad.offer().body, giver=IAD)
    assert "is newer than its own" in caplog.text
    after.publish(believing(Belief.UP))
    assert iad.take(after.offer().body, giver=FRA)
    assert iad.book.editions[FRA] == Edition(10, 1)
    assert after.book.editions[FRA] == Edition(10, 1)


def test_another_report_of_a_known_edition_is_equivocated() -> None:
    iad = report_store_of("iad", "fra")
    for vantage in ("a", "b"):
        report = Report(FRA, VantageName(vantage), 1, 1, FakeClock().wall(), {})
        iad.take(compose_offer([compose_envelope(report, key_of("fra"))]), giver=FRA)
    assert iad.book.by_node[FRA].report.vantage == "a"
    assert refusals(iad) == refused("equivocated")


def test_waiting_ends_with_news_and_with_closing() -> None:
    async def story() -> None:
        fra = report_store_of("fra")
        first = asyncio.create_task(fra.wait_for_news(fra.version))
        await asyncio.sleep(0)
        assert not first.done()
        fra.publish({})
        async with asyncio.timeout(5):
            assert await first == 1
            second = asyncio.create_task(fra.wait_for_news(1))
            await asyncio.sleep(0)
            fra.close()
            assert await second == 1

    asyncio.run(story())


def test_a_second_report_goes_as_a_delta_to_who_has_the_first_and_whole_to_others() -> None:
    fra, iad, late = report_store_of("fra", "iad"), report_store_of("iad", "fra"), report_store_of("late", "iad", "fra")
    cast = {CheckId(f"{CHECK}{number}"): believing(Belief.UP)[CHECK] for number in range(50)}
    fra.publish(cast)
    assert iad.take(fra.offer(known=iad.editions).body, giver=FRA)
    changed = {**cast, CheckId(f"{CHECK}7"): believing(Belief.DOWN)[CHECK]}
    fra.publish(changed)
    brief, full = fra.offer(known=iad.editions).body, fra.offer(known={}).body
    assert len(brief) < len(full) / 3
    assert iad.take(brief, giver=FRA)
    assert late.take(iad.offer(known=late.editions).body, giver=IAD)
    assert iad.book.by_node[FRA].report == late.book.by_node[FRA].report == fra.book.by_node[FRA].report
    assert refusals(iad) == refusals(late) == {}


def test_a_delta_to_a_base_that_was_never_heard_is_refused_and_the_whole_comes_next() -> None:
    fra, iad = report_store_of("fra", "iad"), report_store_of("iad", "fra")
    cast = {CheckId(f"{CHECK}{number}"): believing(Belief.UP)[CHECK] for number in range(50)}
    fra.publish(cast)
    known = {FRA: Edition(1, 1)}
    fra.publish(cast)
    assert not iad.take(fra.offer(known=known).body, giver=FRA)
    assert refusals(iad) == refused("baseless")
    assert iad.take(fra.offer(known=iad.editions).body, giver=FRA)


def test_an_own_report_that_comes_back_when_its_base_is_gone_is_no_lie(caplog: pytest.LogCaptureFixture) -> None:
    fra, iad = report_store_of("fra", "iad"), report_store_of("iad", "fra")
    cast = {CheckId(f"{CHECK}{number}"): believing(Belief.UP)[CHECK] for number in range(50)}
    fra.publish(cast)
    known = fra.editions  # as a long poll told it that is answered once there is news
    fra.publish(cast)
    iad.take(fra.offer().body, giver=FRA)
    late = iad.offer(known=known).body
    fra.publish(believing(Belief.UP))
    with caplog.at_level(logging.INFO):
        assert not fra.take(late, giver=IAD)
    assert not caplog.messages
    assert fra.refused == {}
    assert fra.book.editions == {FRA: Edition(1, 3)}


def cast_of(count: int, belief: Belief = Belief.UP) -> dict[CheckId, Verdict]:
    return {CheckId(f"{CHECK}{number}"): believing(belief)[CHECK] for number in range(count)}


@pytest.mark.slow
def test_what_is_large_is_read_in_a_thread_and_taken_as_what_is_small() -> None:
    async def story() -> None:
        fra, iad, small = report_store_of("fra"), report_store_of("iad", "fra"), report_store_of("small", "fra")
        fra.publish(cast_of(3_000))
        body = fra.offer().body
        assert len(body) > LARGE_BYTES
        assert await iad.hear(body, giver=FRA)
        assert small.take(body, giver=FRA)
        assert iad.book.by_node == small.book.by_node
        assert not await iad.hear(body, giver=FRA), "held already"
        assert not await iad.hear(body.replace(rb"\"up\"", rb"\"dn\""), giver=FRA)
        assert not await iad.hear(body[:-1], giver=FRA)
        assert refusals(iad) == refused("forged") | refused("malformed")

    asyncio.run(story())


class Body(bytearray):
    """A body of which it can be told whether anybody still has it."""


@pytest.mark.slow
def test_a_body_that_was_read_in_a_thread_is_let_go_at_once() -> None:
    bodies = [b" " * (LARGE_BYTES + 1), compose_offer([b" " * LARGE_BYTES, b"{}"])]
    key = str(key_of("stranger").public)
    envelope = {"payload": "x" * LARGE_BYTES, "key": key, "signature": "A" * 86 + "=="}
    bodies.append(compose_offer([json.dumps(envelope).encode()]))

    async def story() -> None:
        iad, left = report_store_of("iad", "fra"), []
        for body in map(Body, bodies):
            left.append(weakref.ref(body))
            assert not await iad.hear(body, giver=FRA)
        del body
        async with asyncio.timeout(20):
            while any(each() is not None for each in left):  # noqa: ASYNC110  # its thread may have it a moment longer
                await asyncio.sleep(0.001)

    gc.disable()
    try:
        asyncio.run(story())
    finally:
        gc.enable()


@pytest.mark.slow
def test_what_two_peers_give_at_once_is_taken_once_and_an_older_edition_not_at_all() -> None:
    async def story() -> None:
        fra, iad = report_store_of("fra"), report_store_of("iad", "fra")
        fra.publish(cast_of(3_000))
        older = fra.offer().body
        fra.publish(cast_of(3_000, Belief.DOWN))
        newer = fra.offer().body
        async with asyncio.timeout(20):
            news = await asyncio.gather(*(iad.hear(body, giver=FRA) for body in (newer, newer, older, newer)))
        assert sum(news) == 1
        assert iad.book.editions == {FRA: Edition(1, 2)}
        assert iad.book.by_node[FRA].report.votes[CheckId(f"{CHECK}0")].belief is Belief.DOWN
        assert refusals(iad) == refused("replayed")

    asyncio.run(story())


@pytest.mark.slow
def test_what_no_peer_can_need_is_oversized_and_zones_that_grow_need_more() -> None:
    iad, fra = report_store_of("iad", "fra"), report_store_of("fra")
    fra.publish(cast_of(30_000))
    assert not iad.take(fra.offer().body, giver=FRA)
    assert refusals(iad) == refused("oversized")
    iad.expect(10_000)
    fra.publish(cast_of(15_000))
    assert iad.take(fra.offer().body, giver=FRA)


@pytest.mark.slow
def test_an_envelope_with_millions_of_keys_costs_no_more_than_its_first_key() -> None:
    iad = report_store_of("iad", "fra")
    keys = b",".join(b'"%x":0' % number for number in range(500_000))
    began = time.process_time()
    for body in (b'{"reports":[],%s}' % keys, b"{%s}" % keys, b'{"reports":[{%s}]}' % keys):
        assert not iad.take(body, giver=FRA)
    assert time.process_time() - began < LIMIT_S
    assert refusals(iad) == refused("malformed", 3)
