import json
import time
from pathlib import Path

from gtm.health.event import Event, EventId, EventKind, Fact, compose_line, recorded
from gtm.ids import NodeName
from gtm.node.journal import Journal
from tests.cli.command import gtm

API = "api.gtm.example.com"


def facts(before: str) -> dict[str, Fact]:
    return {"before": before, "reason": "timeout", "detail": "2.0 s", "services": (API,), "services_count": 7}


def write(folder: Path) -> None:
    """A night: one failover that converged, one that is held, and one that was never up."""
    made, now = Journal(folder / ".gtm"), time.time()
    verdict = EventId(f"fra:verdict:c:{now - 101.5:.3f}")
    told = [
        (-100.0, Event(EventKind.ENDPOINT_DOWN, "c", "", facts("up"), (verdict,), EventId("one"))),
        (-99.0, Event(EventKind.PLAN, "7", "", {}, (EventId("one"),))),
        (-50.0, Event(EventKind.ENDPOINT_DOWN, "d", "", facts("up"), (), EventId("two"))),
        (-40.0, Event(EventKind.ENDPOINT_DOWN, "e", "", facts("unknown"), (), EventId("three"))),
        (-30.0, Event(EventKind.PLAN, "8", "", {}, (EventId("three"),))),
    ]
    for number, (when, event) in enumerate(told):
        wall = now + when
        made.write(
            compose_line(
                recorded(event, number, node=NodeName("ns1"), boot=1, monotonic=wall, wall=wall, at=f"T{number}")
            )
        )
    made.close()


def test_failovers_are_one_line_each(folder: Path) -> None:
    write(folder)
    ran = gtm("failovers", "-c", "gtm.yaml")
    assert (ran.code, ran.err) == (0, "")
    assert ran.lines == [
        "when\twhat\tconverged\tservices\tcause",
        f"T0\tc\t2.5 s\t{API} and 6 more\ttimeout 2.0 s",
        f"T2\td\t-\t{API} and 6 more\ttimeout 2.0 s",
    ]


def test_the_json_has_the_same_and_since_chooses(folder: Path) -> None:
    write(folder)
    ran = gtm("failovers", "-c", "gtm.yaml", "--json", "--since", "70s")
    assert [(one["check"], one["converged_s"]) for one in json.loads(ran.out)["failovers"]] == [("d", None)]
