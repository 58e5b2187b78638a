import json
import time
from dataclasses import dataclass, field, replace
from pathlib import Path

from gtm.cli.failovers import failovers_in
from gtm.event import Event, EventId, EventKind, Fact, Recorded, compose_line, recorded
from gtm.health.belief import Belief
from gtm.ids import NodeName
from gtm.node.events.files import EventFiles
from tests.cli.command import gtm
from tests.node.events.test_recorder import ONE, Present

API = "api.gtm.example.com"
ZONE = "gtm.example.com"


def facts(before: str) -> dict[str, Fact]:
    return {
        "before": before,
        "reason": "timeout",
        "detail": "2.0 s",
        "regions": (f"{ZONE}/eu-west",),
        "services": (API,),
        "services_count": 1,
    }


def moved(*texts: str) -> dict[str, Fact]:
    return {"moved": texts, "moved_count": len(texts)}


TO_US = f"{API}: 50.00% of cells from eu-west to us-east"


@dataclass
class Night:
    """Events with their times, in seconds from when it began."""

    began_at: float = 0.0
    events: list[Recorded] = field(default_factory=list)

    def down(self, when: float, check: str, before: str = "up", *, detected_s: float | None = None) -> EventId:
        """A check goes down by a probe's verdict 1.5 s before."""
        verdict = EventId(f"ns1:verdict:{check}:{self.began_at + when - 1.5:.3f}")
        if detected_s is not None:
            self.add(when - 1.5, Event(EventKind.VERDICT, check, "", {"detected_s": detected_s}, (), verdict))
        return self.add(when, Event(EventKind.ENDPOINT_DOWN, check, "", facts(before), (verdict,)))

    def up(self, when: float, check: str) -> EventId:
        return self.add(when, Event(EventKind.ENDPOINT_UP, check, "", {"before": "down"}))

    def plan(self, when: float, *causes: EventId, **facts: Fact) -> None:
        self.add(when, Event(EventKind.PLAN, "7", "", facts, causes))

    def released(self, when: float, *ends: str) -> EventId:
        return self.add(when, Event(EventKind.SAFETY_RELEASED, ZONE, "", {"released": ends}))

    def add(self, when: float, event: Event) -> EventId:
        wall, number = self.began_at + when, len(self.events)
        told = recorded(event, number, node=NodeName("ns1"), boot=1, monotonic=when, wall=wall, at=f"T{when:g}")
        self.events.append(told)
        return EventId(told.id)


def write(folder: Path) -> None:
    """A night: one failover that converged, one that is held, and one that was never up."""
    night = Night(time.time() - 200)
    night.plan(101, night.down(100, "a/c/192.0.2.2", detected_s=12.25), **moved(TO_US))
    night.down(150, "d")
    night.plan(170, night.down(160, "e", "unknown"), **moved(TO_US))
    journal = EventFiles(folder / ".gtm")
    for event in night.events:
        journal.write(compose_line(event))
    journal.close()


def test_failovers_are_one_line_each(folder: Path) -> None:
    write(folder)
    ran = gtm("failovers", "-c", "gtm.yaml")
    assert (ran.code, ran.err) == (0, "")
    assert ran.lines == [
        "when\twhat\tdetected\tconverged\twho moved\tcause",
        f"T100\ta/c/192.0.2.2\t12.2 s\t2.5 s\t{TO_US}\ttimeout 2.0 s",
        "T150\td\t-\t-\t-\ttimeout 2.0 s",
    ]


def test_the_json_has_the_same_and_since_chooses(folder: Path) -> None:
    write(folder)
    ran = gtm("failovers", "-c", "gtm.yaml", "--json", "--since", "70s")
    assert [(load["check"], load["converged_s"]) for load in json.loads(ran.out)["failovers"]] == [("d", None)]
    first = json.loads(gtm("failovers", "-c", "gtm.yaml", "--json").out)["failovers"][0]
    assert (first["detected_s"], first["converged_s"]) == (12.25, 2.5)
    assert first["moved"] == [
        {"service": API, "services": 1, "origin": "eu-west", "target": "us-east", "share": 0.5},
    ]


def test_what_a_safety_rule_held_converges_with_what_it_lets_go() -> None:
    night = Night()
    night.plan(11, night.down(10, "a/c/192.0.2.2"), **moved())
    night.plan(41, night.released(40, f"{API} eu-west/192.0.2.2"), **moved(TO_US))
    (row,) = failovers_in(night.events)
    assert (row.converged_s, [str(move) for move in row.moved]) == (32.5, [TO_US])


def test_what_is_let_go_of_another_endpoint_or_after_it_was_up_again_is_not_its_own() -> None:
    night = Night()
    night.down(10, "a/c/192.0.2.2")
    night.plan(21, night.released(20, f"{API} eu-west/192.0.2.3"), **moved(TO_US))
    night.up(30, "a/c/192.0.2.2")
    night.plan(41, night.released(40, f"{API} eu-west/192.0.2.2"), **moved(TO_US))
    (row,) = failovers_in(night.events)
    assert (row.converged_s, row.moved) == (None, ())


def test_moves_of_other_regions_and_services_are_not_its_own() -> None:
    night = Night()
    others = ("b.gtm.example.com: 5.00% of cells from eu-west to us-east", TO_US.replace("eu-west", "ap-south"))
    night.plan(11, night.down(10, "a"), **moved(*others, TO_US))
    (row,) = failovers_in(night.events)
    assert [str(move) for move in row.moved] == [TO_US]


def test_a_plan_of_a_version_that_did_not_tell_moves_names_the_services(folder: Path) -> None:
    night = Night(time.time() - 200)
    night.plan(11, night.down(10, "a"))
    (row,) = failovers_in(night.events)
    assert (row.converged_s, row.services, row.moved) == (2.5, (API,), ())
    journal = EventFiles(folder / ".gtm")
    for event in night.events:
        journal.write(compose_line(event))
    journal.close()
    assert gtm("failovers", "-c", "gtm.yaml").lines[1] == f"T10\ta\t-\t2.5 s\t{API}\ttimeout 2.0 s"


def test_what_a_node_records_of_a_dead_region_is_a_failover(tmp_path: Path) -> None:
    present = Present(tmp_path)
    present.hear(Belief.UP, Belief.UP)
    present.news()
    present.hear(Belief.DOWN, Belief.UP, since=13.5)
    night = Night()
    for identifier, event in zip(present.kept.ids, present.kept.events, strict=True):
        night.add(100.0, replace(event, id=identifier))
    (row,) = failovers_in(night.events)
    assert (row.check, row.converged_s) == (ONE, 86.5)
    assert [str(move) for move in row.moved] == [f"{API}: 100.00% of cells from us-east to eu-west"]
