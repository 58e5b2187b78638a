import asyncio
import logging
from dataclasses import replace
from pathlib import Path

import pytest

from gtm.checks.model import checks
from gtm.counters import Counters
from gtm.errors import Problem, ReportInvalid
from gtm.event import Event, EventKind
from gtm.health.belief import Belief
from gtm.health.certificate import DAY_S, Certificate
from gtm.health.consensus.quorum import Quorum
from gtm.health.consensus.status import NO_STATUS, Status, merge
from gtm.health.consensus.voices import Freshness
from gtm.health.report.book import Book, hear
from gtm.health.verdict.reading import Reading, Reason
from gtm.health.verdict.verdict import FLAPPING_FROM, Verdict
from gtm.ids import NodeName
from gtm.node.events.recorder import SILENCE_LOOK_S, EventRecorder
from gtm.node.state.folder import StateFolder
from gtm.watch.folder import Catalogue
from tests.fakes import world
from tests.fakes.clock import FakeClock
from tests.fakes.deltas import delta_of
from tests.fakes.journal import KeptEvents
from tests.fakes.peers import report_store_of
from tests.health.examples import NOW_WALL, report, vote
from tests.node.present import GEO, SMALL, WALL, RecordingEngine, catalogue, core_of, make_planner

ZONE = world.zone(SMALL)
LATER = world.zone(SMALL.replace("192.0.2.2", "192.0.2.3"))
CHECKS = checks((ZONE,))
ONE, TWO = (check.id for check in CHECKS)
UP, DOWN = Belief.UP, Belief.DOWN
FRESH = {check.id: Freshness(5.0, 2.0) for check in CHECKS}


class Present:
    """A planner, a health river and a probe's side of it, with a recorder over all."""

    def __init__(self, tmp_path: Path) -> None:
        self.clock, self.kept, counters = FakeClock(), KeptEvents(), Counters()
        self.recorder = EventRecorder(self.kept, NodeName("ns1"))
        state = StateFolder(tmp_path, counters)
        self.report_store = report_store_of("ns1", "fra", clock=self.clock, on_refused=self.recorder.refused)
        self.fra = report_store_of("fra", clock=self.clock)
        core = core_of(
            state,
            clock=self.clock,
            counters=counters,
            engine=RecordingEngine(),
            report_store=self.report_store,
            answers=False,  # no rule of safety holds anything
            recorder=self.recorder,
        )
        self.planner, self.river = core.planner, core.health
        self.river.watch(CHECKS)
        self.zones(catalogue(ZONE))

    def zones(self, found: Catalogue) -> None:
        asyncio.run(self.planner.take_zones(found))

    def hear(
        self, one: Belief, two: Belief, *, since: float = 12.0, recent: tuple[bool, ...] = (), penalty: float = 0.0
    ) -> None:
        now = self.clock.monotonic()
        first, second = (
            Verdict(belief, since=since, reason=Reason.OK, read_at=now, changed_at=now) for belief in (one, two)
        )
        self.fra.publish({ONE: replace(first, recent=recent, penalty=penalty), TWO: second})
        self.report_store.take(self.fra.offer().body, giver=NodeName("fra"))
        self.river.merge()

    def news(self) -> list[str]:
        """The kinds recorded since the last call."""
        kinds = self.kept.kinds
        self.kept.events.clear()
        self.kept.ids.clear()
        return kinds


def test_zones_that_are_served_cause_the_plan_that_serves_them(tmp_path: Path) -> None:
    present = Present(tmp_path)
    assert present.kept.kinds == ["config.applied", "plan.swapped"]
    applied, plan = present.kept.events
    assert applied.subject == "gtm.example.com"
    assert applied.facts["added"] == ("gtm.example.com",)
    assert applied.facts["serials"] == (f"gtm.example.com {int(WALL)}",)
    assert plan.causes == (present.kept.id_of("config.applied"),)
    assert plan.facts["generation"] == present.planner.present.plan.generation


def test_a_change_of_health_is_linked_from_the_probes_verdict_to_the_generation(tmp_path: Path) -> None:
    present = Present(tmp_path)
    present.hear(UP, UP)
    present.news()
    present.hear(DOWN, UP, since=13.5)
    assert present.kept.kinds == ["endpoint.down", "region.down", "plan.swapped"]
    endpoint, region, plan = present.kept.events
    assert (endpoint.subject, endpoint.facts["before"], endpoint.facts["after"]) == (ONE, "up", "down")
    assert endpoint.facts["services"] == ("api.gtm.example.com",)
    assert endpoint.causes == (f"fra:verdict:{ONE}:13.500",)
    assert (region.subject, region.causes) == ("gtm.example.com/us-east", (present.kept.id_of("endpoint.down"),))
    assert region.facts["services"] == ("api.gtm.example.com",)
    assert plan.causes == (present.kept.id_of("endpoint.down"),)
    moved = "api.gtm.example.com: 100.00% of cells from us-east to eu-west"
    assert (plan.facts["moved"], plan.facts["moved_count"]) == ((moved,), 1)
    assert plan.message.endswith(f"; services decided anew: 1; {moved}")


def test_a_service_that_fails_open_names_the_plan_and_recovers_with_another(tmp_path: Path) -> None:
    present = Present(tmp_path)
    present.hear(UP, UP)
    present.hear(DOWN, UP)
    present.news()
    present.hear(DOWN, DOWN)
    assert present.kept.kinds == ["endpoint.down", "region.down", "plan.swapped", "name.fail_open"]
    assert present.kept.one("name.fail_open").subject == "api.gtm.example.com"
    assert present.kept.one("name.fail_open").causes == (present.kept.id_of("plan.swapped"),)
    words = "nothing of it is up for any client; fail open: clients get us-east as if up"
    assert present.kept.one("name.fail_open").message == f"api.gtm.example.com: {words}"
    present.news()
    present.hear(UP, DOWN)
    assert present.news() == ["endpoint.up", "region.up", "plan.swapped", "name.recovered"]


def test_an_endpoint_that_degrades_or_flaps_is_told_once_and_causes_no_plan(tmp_path: Path) -> None:
    present = Present(tmp_path)
    present.hear(UP, UP)
    present.news()
    present.hear(UP, UP, recent=(True, False))
    present.hear(UP, UP, recent=(True, False, True))
    event = present.kept.one("endpoint.degraded")
    assert (event.subject, event.facts["belief"]) == (ONE, "up")
    assert event.facts["services"] == ("api.gtm.example.com",)
    assert event.message == f"check {ONE}: UP, degraded (1 of 1 voices)"
    assert event.causes == (f"fra:verdict:{ONE}:12.000",)
    assert present.news() == ["endpoint.degraded"]
    present.hear(UP, UP, penalty=FLAPPING_FROM)
    assert present.news() == ["endpoint.flapping"]
    present.hear(UP, UP)
    present.hear(UP, UP, recent=(False,))
    assert present.news() == ["endpoint.degraded"]


def test_a_check_that_this_probe_cannot_make_is_an_event(tmp_path: Path) -> None:
    present = Present(tmp_path)
    present.news()
    present.recorder.unread(CHECKS[0], Reading(Reason.UNREAD, 0.0, "Too many open files"))
    event = present.kept.one("probe.unread")
    assert (event.subject, event.facts) == (ONE, {"detail": "Too many open files"})
    assert event.message == f"ns1 cannot check {ONE}: Too many open files"


def test_what_changes_no_mind_is_no_event(tmp_path: Path) -> None:
    present = Present(tmp_path)
    present.hear(UP, UP)
    present.news()
    for _ in range(3):
        present.hear(UP, UP)
        present.zones(present.planner.present.catalogue)
    assert present.news() == []


def test_the_reading_that_turned_a_verdict_is_its_cause(tmp_path: Path) -> None:
    present = Present(tmp_path)
    present.news()
    check = CHECKS[0]
    present.recorder.read(check, Reading(Reason.OK, 0.1))
    present.recorder.read(CHECKS[1], Reading(Reason.OK, 0.1))
    present.recorder.read(check, Reading(Reason.TIMEOUT, 2.0, "2.0 s"))
    verdict = Verdict(DOWN, bad_run=3, since=13.5, reason=Reason.TIMEOUT, detail="2.0 s")
    identifier = present.recorder.judged(check, verdict)
    reading, judged = present.kept.events
    assert (reading.kind, reading.subject) == (EventKind.READING, ONE)
    assert reading.facts == {"reason": "timeout", "detail": "2.0 s", "took_s": 2.0}
    assert judged.causes == (present.kept.id_of("reading.decisive"),)
    assert judged.message == f"ns1 believes {ONE} down: timeout 2.0 s"
    assert identifier == f"ns1:verdict:{ONE}:13.500"


def test_a_verdict_says_how_long_the_failure_took_to_find(tmp_path: Path) -> None:
    present = Present(tmp_path)
    present.news()
    present.recorder.judged(CHECKS[0], Verdict(DOWN, since=13.5), detected_s=12.00049)
    present.recorder.judged(CHECKS[0], Verdict(UP, since=14.5))
    down, up = present.kept.events
    assert down.facts["detected_s"] == 12.0
    assert "detected_s" not in up.facts


def test_a_verdict_is_never_explained_by_the_reading_of_another_check(tmp_path: Path) -> None:
    present = Present(tmp_path)
    present.news()
    present.recorder.read(CHECKS[1], Reading(Reason.OK, 0.1))
    present.recorder.judged(CHECKS[0], Verdict(UP, since=1.0))
    assert present.news() == ["verdict.changed"]


def test_changed_zones_are_told_by_name_and_new_objects_alone_are_not(tmp_path: Path) -> None:
    present = Present(tmp_path)
    present.news()
    present.zones(catalogue(LATER))
    applied = present.kept.one("config.applied")
    assert (applied.facts["added"], applied.facts["changed"]) == ((), ("gtm.example.com",))
    assert applied.facts["things_removed"] == ("endpoint api.gtm.example.com eu-west/192.0.2.2",)
    assert applied.facts["things_added"] == ("endpoint api.gtm.example.com eu-west/192.0.2.3",)
    assert (applied.facts["things_changed_count"], applied.facts["names_gone_count"]) == (0, 0)
    assert applied.message == (
        "zone gtm.example.com: removed endpoint api.gtm.example.com eu-west/192.0.2.2; "
        "added endpoint api.gtm.example.com eu-west/192.0.2.3"
    )
    present.news()
    asyncio.run(present.planner.take_geo(GEO))
    assert present.news() == ["plan.swapped"]


def test_names_that_a_push_takes_away_are_told_in_the_event_and_warned_of_in_the_log(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    present = Present(tmp_path)
    present.news()
    renamed = world.zone(SMALL.replace("  api:", "  web:"))
    with caplog.at_level("INFO", "gtm.node.events.zone_changes"):
        present.zones(catalogue(renamed))
    applied = present.kept.one("config.applied")
    assert (applied.facts["names_gone"], applied.facts["names_gone_count"]) == (("api.gtm.example.com",), 1)
    assert [(record.levelname, record.getMessage()) for record in caplog.records] == [
        ("WARNING", "zone gtm.example.com: 1 served name is answered no more: api.gtm.example.com"),
        ("INFO", "zone gtm.example.com: removed service api.gtm.example.com; added service web.gtm.example.com"),
    ]


def test_a_restart_tells_what_changed_while_the_node_was_down(tmp_path: Path) -> None:
    def applied(found: Catalogue, *, kept: Catalogue) -> Event:
        events = KeptEvents()
        planner = make_planner(tmp_path, recorder=EventRecorder(events, NodeName("ns1")))
        asyncio.run(planner.take_zones(found, kept=kept))
        assert not planner.applied
        return events.one("config.applied")

    told = applied(catalogue(LATER), kept=catalogue(ZONE))
    assert told.facts["added"] == ("gtm.example.com",)
    assert told.facts["things_added"] == ("endpoint api.gtm.example.com eu-west/192.0.2.3",)
    assert applied(catalogue(ZONE), kept=catalogue(ZONE)).message == "they serve as before this start"


def test_geo_data_cause_the_plan_that_they_make(tmp_path: Path) -> None:
    present = Present(tmp_path)
    present.news()
    news = present.recorder.record(Event(EventKind.GEOIP_UPDATED, "geo data", "new"))
    asyncio.run(present.planner.take_geo(GEO, causes=(news,)))
    assert present.kept.one("plan.swapped").causes == (present.kept.id_of("geoip.updated"),)


def test_each_file_with_new_mistakes_is_one_event(tmp_path: Path) -> None:
    present = Present(tmp_path)
    present.news()
    before = present.planner.present.catalogue
    problems = (Problem("a.yaml", 1, 1, "one"), Problem("a.yaml", 2, 1, "two"), Problem("b.yaml", 1, 1, "three"))
    after = replace(before, problems=problems)
    present.recorder.rejected(before, after)
    present.recorder.rejected(after, after)
    assert [event.subject for event in present.kept.events] == ["a.yaml", "b.yaml"]
    assert present.kept.events[0].facts["problems"] == ("a.yaml:1:1: one", "a.yaml:2:1: two")


def test_a_report_that_is_refused_is_told_once_for_each_reason(tmp_path: Path) -> None:
    present = Present(tmp_path)
    present.news()
    for _ in range(3):
        present.report_store.take(b"nonsense", giver=NodeName("fra"))
    assert present.kept.kinds == ["report.refused"]
    assert (present.kept.events[0].subject, present.kept.events[0].facts["reason"]) == ("fra", "malformed")
    present.recorder.refused(NodeName("fra"), ReportInvalid("forged", "no", node="x", key="k"))
    assert present.kept.events[1].facts == {"reason": "forged", "in_the_name_of": "x", "key": "k"}


def test_a_quorum_that_is_lost_is_told_and_told_again_when_found(tmp_path: Path) -> None:
    present = Present(tmp_path)
    present.hear(UP, UP)
    present.news()
    present.clock.advance(100.0)
    present.river.merge()
    present.river.merge()
    assert present.kept.kinds == ["probe.silent", "quorum.lost"]
    assert present.kept.one("quorum.lost").facts == {"frozen_checks": 2, "checks": 2}
    assert present.kept.one("probe.silent").subject == "fra"
    present.news()
    present.clock.advance(SILENCE_LOOK_S)
    present.hear(UP, UP)
    assert present.news() == ["probe.heard", "quorum.found"]


def test_a_silent_probe_is_looked_for_only_now_and_then(tmp_path: Path) -> None:
    present = Present(tmp_path)
    present.hear(UP, UP)
    present.news()
    now, book = present.clock.monotonic(), present.report_store.book
    stale = merge(present.planner.present.status, book, FRESH, Quorum(voters=1), now=now + 100.0, wall=0.0)
    present.recorder.heard(book, stale, now=now + SILENCE_LOOK_S / 2)
    assert present.news() == []
    present.recorder.heard(book, stale, now=now + SILENCE_LOOK_S)
    assert present.news() == ["probe.silent"]


def test_a_plan_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    present = Present(tmp_path)
    present.news()
    present.recorder.plan_failed("no plan can be made of this", ())
    assert present.news() == ["plan.failed"]


def test_what_one_vantage_sees_otherwise_is_linked_from_its_probes_verdicts(tmp_path: Path) -> None:
    present = Present(tmp_path)
    book = Book({})
    for node, belief in (("fra-1", DOWN), ("fra-2", DOWN), ("iad-1", UP), ("sin-1", UP)):
        cast = dict.fromkeys((ONE, TWO), vote(belief))
        book = hear(book, report(node, cast, vantage=node[:3]), heard_at=100.0) or book
    cut = merge(NO_STATUS, book, FRESH, Quorum(voters=2), now=100.0, wall=0.0)
    well = Status({check: replace(one, local=()) for check, one in cut.checks.items()})
    present.news()
    present.recorder.believed(delta_of(well, cut), book, present.planner.present.plan)
    first, second = present.kept.events
    assert (first.kind, first.subject, second.subject) == (EventKind.ENDPOINT_LOCAL, ONE, TWO)
    assert (first.facts["vantage"], first.facts["seen"], first.facts["elsewhere"]) == ("fra", "down", "up")
    since = f"{NOW_WALL:.3f}"
    assert first.causes == (f"fra-1:verdict:{ONE}:{since}", f"fra-2:verdict:{ONE}:{since}")


def test_a_damaged_file_of_the_state_folder_is_an_event(tmp_path: Path) -> None:
    present = Present(tmp_path)
    present.news()
    (tmp_path / "status.json").write_text("torn")
    StateFolder(tmp_path, Counters(), on_complaint=present.recorder.damaged).load_status()
    event = present.kept.one("state.damaged")
    assert event.subject == "status.json"
    assert event.message == f"state: status.json {event.facts['problem']}"
    assert "starting without it" in event.message


def test_a_certificate_that_is_about_to_end_is_an_event(tmp_path: Path) -> None:
    present = Present(tmp_path)
    present.news()
    certificate = Certificate(0.0, 90 * DAY_S)
    present.recorder.expiring(CHECKS[0], certificate, wall=83 * DAY_S)
    event = present.kept.one("cert.expiring")
    assert (event.subject, event.facts) == (ONE, {"expires_at": 90 * DAY_S, "days": 7.0})
    assert event.message == f"ns1 sees that the certificate of {ONE} expires in 7.0 days"
    present.news()
    present.recorder.expiring(CHECKS[0], certificate, wall=91 * DAY_S)
    assert present.kept.one("cert.expiring").message.endswith(f"{ONE} has expired")


def test_what_a_person_on_call_must_see_is_a_warning(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    present = Present(tmp_path)
    present.hear(UP, UP)
    present.clock.advance(SILENCE_LOOK_S)
    present.hear(UP, UP)
    assert [record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING] == []
    present.recorder.expiring(CHECKS[0], Certificate(0.0, 90 * DAY_S), wall=83 * DAY_S)
    present.clock.advance(100.0)
    present.river.merge()
    present.clock.advance(SILENCE_LOOK_S)
    present.hear(UP, UP)
    told = {
        (record.levelname, record.getMessage())
        for record in caplog.records
        if record.name == "gtm.node.events.recorder"
    }
    assert told == {
        ("WARNING", f"ns1 sees that the certificate of {ONE} expires in 7.0 days"),
        ("WARNING", "probe fra is silent: none of its votes is fresh"),
        ("INFO", "probe fra is heard"),
    }


def test_a_check_that_begins_to_flap_is_one_warning(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    present = Present(tmp_path)
    present.hear(UP, UP)
    for _ in range(3):
        present.hear(UP, UP, penalty=FLAPPING_FROM + 1)
    flapping = [record for record in caplog.records if "flaps" in record.getMessage()]
    words = f"check {ONE} flaps: it goes up and down again and again; it is up now"
    assert [(record.levelname, record.getMessage()) for record in flapping] == [("WARNING", words)]
