"""What a store makes of signed reports that want more than their job: editions of the future, vantages of others."""

import pytest

from gtm.counters import Counters
from gtm.errors import ReportInvalid
from gtm.geo.place import Coordinates
from gtm.health.belief import Belief
from gtm.health.report.book import LastReport
from gtm.health.report.claims import Claims, Listed
from gtm.health.report.envelope import compose_envelope, compose_offer
from gtm.health.report.report import Edition, Report
from gtm.health.report.signature import Keys
from gtm.ids import NodeName, VantageName
from gtm.share.report_store import Reporter, ReportStore
from tests.fakes.clock import FakeClock
from tests.fakes.peers import CHECK, WatchedReportStore, believing, key_of, report_store_of
from tests.health.examples import vote

IAD, FRA, MIDDLE, MALLORY = NodeName("iad"), NodeName("fra"), NodeName("middle"), NodeName("mallory")


def of_edition(epoch: int, serial: int, clock: FakeClock, *, belief: Belief = Belief.UP, by: str = "fra") -> bytes:
    """An offer of a report of `fra` that its key, or another, has signed: what whoever has the key can make."""
    votes = {CHECK: vote(belief)}
    report = Report(FRA, VantageName("at-fra"), epoch, serial, clock.wall(), votes)
    return compose_offer([compose_envelope(report, key_of(by))])


FAR = 2**63 - 1


@pytest.mark.parametrize("edition", [(FAR, FAR), (FAR, 1), (1, FAR)], ids=["both", "epoch", "serial"])
def test_an_edition_that_no_node_has_by_now_is_refused_and_silences_nobody(
    edition: tuple[int, int], caplog: pytest.LogCaptureFixture
) -> None:
    clock = FakeClock()
    iad, fra = report_store_of("iad", "fra", clock=clock), report_store_of("fra", clock=clock)
    for giver in (MALLORY, MIDDLE):
        assert not iad.take(of_edition(*edition, clock), giver=giver)
    fra.publish(believing(Belief.DOWN))
    assert iad.take(fra.offer(known=iad.editions).body, giver=FRA)
    assert iad.book.by_node[FRA].report.votes[CHECK].belief is Belief.DOWN
    assert iad.refused == {(MALLORY, "edition"): 1, (MIDDLE, "edition"): 1}
    [line] = caplog.messages
    assert "report from peer mallory, in the name of fra by the key" in line


def test_a_node_that_was_published_in_the_name_of_is_a_problem_until_it_is_heard_again() -> None:
    clock = FakeClock()
    iad, fra = report_store_of("iad", "fra", clock=clock), report_store_of("fra", clock=clock)
    iad.take(of_edition(FAR, 1, clock), giver=MALLORY)
    [problem] = iad.refusals.problems
    assert problem.startswith("reports of fra do not count: the report of fra cannot be of now: its epoch is")
    fra.publish({})
    iad.take(fra.offer().body, giver=FRA)
    assert iad.refusals.problems == ()


def test_the_highest_edition_that_a_stolen_key_can_have_heard_silences_its_node_for_a_minute_at_most() -> None:
    clock = FakeClock()
    start = int(clock.wall() * 1000)
    iad, fra = report_store_of("iad", "fra", clock=clock), report_store_of("fra", clock=clock, epoch=start)
    votes = {CHECK: vote(Belief.UP)}
    forged = Report(FRA, VantageName("at-fra"), start + 29_900, 1, clock.wall() + 29.9, votes)
    assert iad.take(compose_offer([compose_envelope(forged, key_of("fra"))]), giver=MALLORY)
    silent_s = 0.0
    while not iad.take(fra.offer(known=iad.editions).body, giver=FRA):
        clock.advance(5.0)
        silent_s += 5.0
        fra.publish(believing(Belief.DOWN))
    assert 0 < silent_s <= 60
    assert iad.book.by_node[FRA].report.votes[CHECK].belief is Belief.DOWN
    clock.advance(5.0)
    fra.publish(believing(Belief.UP))
    assert iad.take(fra.offer(known=iad.editions).body, giver=FRA), "and from then on it is heard as ever"


def two_offers(fra: WatchedReportStore) -> tuple[bytes, bytes]:
    """Of a report, which somebody captures, and of the one after it."""
    fra.publish(believing(Belief.UP))
    captured = fra.offer().body
    fra.publish(believing(Belief.DOWN))
    return captured, fra.offer().body


def test_an_old_report_is_no_newer_when_the_one_known_is_forgotten() -> None:
    clock = FakeClock()
    iad, fra = report_store_of("iad", "fra", clock=clock), report_store_of("fra", clock=clock)
    captured, last = two_offers(fra)
    assert iad.take(last, giver=FRA)
    for _ in range(20):
        clock.advance(7.0)
        assert not iad.take(captured, giver=MALLORY)
    assert iad.book.by_node[FRA].report.votes[CHECK].belief is Belief.DOWN


def test_of_a_node_that_is_gone_what_it_said_last_is_taken_again_and_nothing_from_before() -> None:
    clock = FakeClock()
    iad, fra = report_store_of("iad", "fra", clock=clock), report_store_of("fra", clock=clock)
    captured, last = two_offers(fra)
    assert iad.take(last, giver=FRA)
    iad.forget(FRA)  # whoever may write to etcd can delete its key
    assert not iad.take(captured, giver=MALLORY)
    assert iad.take(last, giver=FRA)
    assert iad.book.by_node[FRA].report.votes[CHECK].belief is Belief.DOWN


def test_a_node_that_starts_again_takes_nothing_from_before_what_it_heard_last_and_deltas_with_their_base() -> None:
    clock = FakeClock()
    iad, fra, middle = (report_store_of(name, "fra", "middle", clock=clock) for name in ("iad", "fra", "middle"))
    fra.publish(believing(Belief.UP))
    assert middle.take(fra.offer().body, giver=FRA)
    fra.publish(believing(Belief.DOWN))
    assert iad.take(fra.offer().body, giver=FRA)
    me = Reporter(IAD, VantageName("at-iad"), key_of("iad"), 2)
    trusted = {FRA: key_of("fra").public, MIDDLE: key_of("middle").public}
    again = ReportStore(me, trusted, clock=clock, counters=Counters(), heard_before=iad.book.last_heard)
    assert not again.take(middle.offer(known=again.editions).body, giver=MIDDLE), "the relay is behind"
    assert again.refusals.problems == (), "which is no fault"
    assert again.take(fra.offer(known=again.editions).body, giver=FRA)
    assert again.book.by_node[FRA].report.votes[CHECK].belief is Belief.DOWN
    late = ReportStore(me, trusted, clock=clock, counters=Counters(), heard_before=iad.book.last_heard)
    clock.advance(31.0)
    fra.publish(believing(Belief.UP))
    assert late.take(fra.offer(known=late.editions).body, giver=FRA)


def test_what_was_heard_before_of_who_is_no_peer_any_more_is_nothing() -> None:
    me = Reporter(IAD, VantageName("at-iad"), key_of("iad"), 2)
    last = {FRA: LastReport(Edition(5, 5), FakeClock().wall())}
    iad = ReportStore(me, {}, clock=FakeClock(), counters=Counters(), heard_before=last)
    iad.take_peers({FRA: key_of("fra").public}, Claims(IAD, {}, {}, None))
    fra = report_store_of("fra")
    fra.publish(believing(Belief.UP))
    assert iad.take(fra.offer().body, giver=FRA)


def test_a_node_outgrows_what_is_said_in_its_name_and_never_beyond_what_peers_take(
    caplog: pytest.LogCaptureFixture,
) -> None:
    clock = FakeClock()
    start = int(clock.wall() * 1000)
    fra, iad = report_store_of("fra", "iad", clock=clock, epoch=start), report_store_of("iad", "fra", clock=clock)
    fra.take(of_edition(FAR, FAR, clock), giver=IAD)
    fra.publish({})
    assert fra.book.editions[FRA] == Edition(start, 1)
    for _ in range(200):
        clock.advance(0.01)
        highest = int((clock.wall() + 30) * 1000)
        fra.take(of_edition(highest, 0, clock), giver=IAD)
        clock.advance(0.05)
        fra.publish(believing(Belief.DOWN))
        assert iad.take(fra.offer(known=iad.editions).body, giver=FRA)
        assert fra.book.editions[FRA].epoch <= (clock.wall() + 30) * 1000
    assert sum("is newer than its own" in message for message in caplog.messages) == 1


@pytest.mark.parametrize("back_s", [5.0, 25.0, 45.0, 86_400.0])
def test_a_node_whose_clock_goes_back_is_heard_again_within_a_minute(back_s: float) -> None:
    clock, other = FakeClock(), FakeClock()
    iad = report_store_of("iad", "fra", clock=other)
    fra = report_store_of("fra", clock=clock, epoch=int((clock.wall() + back_s) * 1000))
    silent_s = 0.0
    for _ in range(60):
        for each in (clock, other):
            each.advance(2.0)
        fra.publish(believing(Belief.UP))
        is_heard = iad.take(fra.offer(known=iad.editions).body, giver=FRA)
        silent_s = 0.0 if is_heard else silent_s + 2.0
        assert silent_s <= 60
    assert silent_s == 0


def test_after_a_restart_with_another_key_its_reports_count_at_once_whatever_the_old_key_still_says() -> None:
    """`relay` was not restarted: it still trusts the key that was stolen, and gives along what that says."""
    clock = FakeClock()
    now_ms = int(clock.wall() * 1000)
    relay = report_store_of("middle", "fra", clock=clock)
    assert relay.take(of_edition(now_ms + 29_000, 1, clock, belief=Belief.UP), giver=MALLORY)
    reporter = Reporter(FRA, VantageName("at-fra"), key_of("new"), now_ms)
    fra = ReportStore(reporter, {}, clock=clock, counters=Counters())
    me = Reporter(IAD, VantageName("at-iad"), key_of("iad"), now_ms)
    trusted = {FRA: key_of("new").public, MIDDLE: key_of("middle").public}
    iad = ReportStore(me, trusted, clock=clock, counters=Counters())
    assert not iad.take(relay.offer(known=iad.editions).body, giver=MIDDLE)
    fra.publish(believing(Belief.DOWN))
    assert iad.take(fra.offer(known=iad.editions).body, giver=FRA)
    assert not iad.take(relay.offer(known=iad.editions).body, giver=MIDDLE)
    assert not relay.take(iad.offer(known=relay.editions).body, giver=IAD)
    assert iad.book.by_node[FRA].report.votes[CHECK].belief is Belief.DOWN
    assert iad.refused == {(MIDDLE, "unknown_reporter"): 2}


def test_who_speaks_for_another_vantage_is_told_once_whoever_gives_it(caplog: pytest.LogCaptureFixture) -> None:
    clock, refusals_told = FakeClock(), list[tuple[NodeName, str]]()
    iad = report_store_of(
        "iad",
        "fra",
        "middle",
        clock=clock,
        on_refused=lambda giver, refused: refusals_told.append((giver, refused.node)),
    )
    report = Report(FRA, VantageName("at-iad"), 1, 1, clock.wall(), {CHECK: vote(Belief.UP)})
    for giver in (FRA, MIDDLE, FRA):
        assert not iad.take(compose_offer([compose_envelope(report, key_of("fra"))]), giver=giver)
    assert refusals_told == [(FRA, "fra")]
    assert len(caplog.messages) == 1
    assert iad.refused == {(FRA, "vantage"): 2, (MIDDLE, "vantage"): 1}
    assert iad.book.editions == {}


def test_a_peer_that_checks_nothing_is_heard_without_its_votes(caplog: pytest.LogCaptureFixture) -> None:
    clock = FakeClock()
    peers = {FRA: key_of("fra").public}
    claims = Claims(IAD, {FRA: Listed(probes=False)}, peers, None)
    me = Reporter(IAD, VantageName("at-iad"), key_of("iad"), 1)
    iad = ReportStore(me, peers, clock=clock, counters=Counters(), claims=claims)
    fra = report_store_of("fra", clock=clock)
    fra.carry(("said",))
    for _ in range(2):
        fra.publish(believing(Belief.DOWN))
        assert iad.take(fra.offer().body, giver=FRA)
    heard = iad.book.by_node[FRA].report
    assert (heard.votes, heard.overrides) == ({}, ("said",))
    assert len(caplog.messages) == 1


@pytest.mark.parametrize("at", [None, Coordinates(50.0, 8.0)])
def test_who_is_elsewhere_in_each_report_stays_where_it_was_first_and_is_told_once(
    at: Coordinates | None, caplog: pytest.LogCaptureFixture
) -> None:
    clock, told = FakeClock(), list[NodeName]()
    iad = report_store_of("iad", "fra", clock=clock, on_refused=lambda giver, _: told.append(giver))
    where = set()
    for serial in range(1, 60):
        clock.advance(1.0)
        vantage = VantageName("at-fra" if serial % 3 == 1 else f"elsewhere-{serial}")
        place = None if at is None else Coordinates(at.latitude + (serial % 2) * 10, at.longitude)
        report = Report(FRA, vantage, 1, serial, clock.wall(), {CHECK: vote(Belief.UP)}, (), place)
        iad.take(compose_offer([compose_envelope(report, key_of("fra"))]), giver=FRA)
        heard = iad.book.by_node[FRA].report
        where.add((heard.vantage, heard.at))
    assert len(where) == 1
    assert {name for name, _ in where} == {"at-fra"}
    assert told == [FRA]
    assert len(caplog.messages) == 1
    assert iad.counters.snapshot().keys() == {"reports_heard", 'reports_refused{peer="fra",reason="vantage"}'}


def test_who_is_not_listed_any_more_is_as_if_never_heard() -> None:
    fra, iad = report_store_of("fra"), report_store_of("iad", "fra", "sin")
    fra.publish({})
    assert iad.take(fra.offer().body, giver=FRA)
    sin = key_of("sin").public
    iad.refusals.refuse(ReportInvalid("vantage", "no", node=FRA), FRA)
    assert [problem for problem in iad.refusals.problems if "fra" in problem]
    iad.take_peers({NodeName("sin"): sin}, Claims(IAD, {}, {NodeName("sin"): sin}, None))
    assert FRA not in iad.book.by_node
    assert FRA not in iad.editions
    assert not iad.refusals.problems
    assert not iad.take(fra.offer().body, giver=FRA)
    assert iad.refused[FRA, "unknown_reporter"] == 1


def test_a_stolen_key_that_leaves_the_list_takes_its_editions_along() -> None:
    old, new = key_of("fra").public, key_of("new").public
    iad, thief = report_store_of("iad", "fra"), report_store_of("fra", epoch=5)
    thief.publish({})
    assert iad.take(thief.offer().body, giver=FRA)
    for keys in ((old, new), new):
        peers: dict[NodeName, Keys] = {FRA: keys}
        iad.take_peers(peers, Claims(IAD, {}, peers, None))
        assert (FRA in iad.book.by_node) is (keys != new), "while both are listed the report counts"
    me = Reporter(FRA, VantageName("at-fra"), key_of("new"), 1)
    honest = ReportStore(me, {}, clock=FakeClock(), counters=Counters())
    honest.publish({})
    assert iad.take(honest.offer().body, giver=FRA)
