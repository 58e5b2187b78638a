import json
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from gtm.cli import events as command
from gtm.health.event import Event, EventId, EventKind, Recorded, compose_line, parse_line, recorded
from gtm.ids import NodeName
from gtm.node.journal import Journal
from tests.admin.served import serving
from tests.cli.command import gtm
from tests.node.present import SMALL


def event(kind: EventKind, subject: str, *, seconds_ago: float = 0.0, causes: tuple[EventId, ...] = ()) -> Recorded:
    wall = time.time() - seconds_ago
    told = Event(kind, subject, f"about {subject}", {}, causes)
    return recorded(told, 1, node=NodeName("ns1"), boot=1, monotonic=wall, wall=wall, at="2026-01-31T12:00:00.000Z")


@pytest.fixture
def journal(folder: Path) -> Iterator[Journal]:
    """A node's log with three events."""
    made = Journal(folder / ".gtm")
    made.write(
        b"".join(
            map(
                compose_line,
                [
                    event(EventKind.QUORUM_LOST, "old", seconds_ago=7200.0),
                    event(
                        EventKind.ENDPOINT_DOWN, "check", seconds_ago=300.0, causes=(EventId("fra:verdict:c:1.000"),)
                    ),
                    event(EventKind.PLAN, "7"),
                ],
            )
        )
    )
    yield made
    made.close()


@pytest.mark.usefixtures("journal")
def test_events_are_lines_with_their_causes() -> None:
    ran = gtm("events", "-c", "gtm.yaml")
    assert (ran.code, ran.err) == (0, "")
    assert ran.lines == [
        "2026-01-31T12:00:00.000Z gtm.quorum.lost about old [ns1:1:1]",
        "2026-01-31T12:00:00.000Z gtm.endpoint.down about check [ns1:1:1]",
        "    because of fra:verdict:c:1.000",
        "2026-01-31T12:00:00.000Z gtm.plan.swapped about 7 [ns1:1:1]",
    ]


@pytest.mark.usefixtures("journal")
@pytest.mark.parametrize(
    ("options", "found"),
    [
        (["--since", "10m"], ["check", "7"]),
        (["--since", "3h"], ["old", "check", "7"]),
        (["--since", "1d"], ["old", "check", "7"]),
        (["--type", "plan"], ["7"]),
        (["--type", "gtm.quorum.lost", "--type", "endpoint"], ["old", "check"]),
    ],
)
def test_only_what_is_asked_for_is_shown(options: list[str], found: list[str]) -> None:
    ran = gtm("events", "-c", "gtm.yaml", "--json", *options)
    assert [json.loads(line)["subject"] for line in ran.lines] == found
    assert all(parse_line(line.encode()) for line in ran.lines)


@pytest.mark.parametrize(
    ("option", "value"), [*(("--since", value) for value in ("soon", "d", "nand", "-2d")), ("--type", "moon")]
)
def test_a_bad_option_is_a_wrong_command_line(folder: Path, option: str, value: str) -> None:
    ran = gtm("events", "-c", "gtm.yaml", option, value)
    assert ran.code == 2
    assert f'"{value}" is no' in " ".join(ran.err.split())


def test_a_node_that_never_ran_has_no_events(folder: Path) -> None:
    ran = gtm("events", "-c", "gtm.yaml")
    assert (ran.code, ran.out, ran.err) == (0, "", "")


def test_following_shows_what_is_written_later_once(journal: Journal, monkeypatch: pytest.MonkeyPatch) -> None:
    class Enough(BaseException):
        """The test has seen what it wanted."""

    turns = iter(range(3))

    def sleep(_seconds: float) -> None:
        turn = next(turns, None)
        if turn is None:
            raise Enough
        if turn == 1:
            journal.write(compose_line(event(EventKind.PLAN, "8")))

    monkeypatch.setattr(time, "sleep", sleep)
    shown: list[str] = []
    monkeypatch.setattr(command, "print_json", shown.append)
    with pytest.raises(Enough):
        gtm("events", "-c", "gtm.yaml", "--type", "plan", "--follow", "--json")
    assert [json.loads(line)["subject"] for line in shown] == ["7", "8"]


def test_a_running_node_is_asked_for_its_memory(tmp_path: Path) -> None:
    with serving(tmp_path, a=SMALL) as node:
        node.events.record(Event(EventKind.QUORUM_LOST, "ns1", "quorum lost"))
        ran = gtm("events", "--admin", node.at)
        assert ran.lines == ["2023-11-14T22:13:20.000Z gtm.quorum.lost quorum lost [ns1:1700000000000:1]"]
        assert gtm("events", "--admin", node.at, "--since", "10m").lines == [], "its clock is another one"
