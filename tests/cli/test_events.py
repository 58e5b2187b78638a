import json
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from gtm.cli import events as command
from gtm.event import Event, EventId, EventKind, Recorded, compose_line, parse_line, recorded
from gtm.ids import NodeName
from gtm.node.events.files import EventFiles
from tests.admin.served import serving
from tests.cli.command import gtm
from tests.node.present import SMALL


def event(kind: EventKind, subject: str, *, seconds_ago: float = 0.0, causes: tuple[EventId, ...] = ()) -> Recorded:
    wall = time.time() - seconds_ago
    told = Event(kind, subject, f"about {subject}", {}, causes)
    return recorded(told, 1, node=NodeName("ns1"), boot=1, monotonic=wall, wall=wall, at="2026-01-31T12:00:00.000Z")


@pytest.fixture
def journal(folder: Path) -> Iterator[EventFiles]:
    """A node's log with three events."""
    made = EventFiles(folder / ".gtm")
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
def test_a_name_that_no_event_is_about_is_told_aside() -> None:
    ran = gtm("events", "-c", "gtm.yaml", "--service", "apii", "--region", "eu")
    assert (ran.code, ran.out, ran.err) == (0, "", "no event of this time is about apii, eu\n")


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (["--service", "nobody"], "a service nobody"),
        (["--service", "apii"], "a service apii (did you mean api.gtm.example.com?)"),
        (["--service", "ap.gtm.example.com"], "a service ap.gtm.example.com (did you mean api.gtm.example.com?)"),
        (["--region", "eu-wset"], "a region eu-wset"),
        (["--zone", "gtm.example.org"], "a zone gtm.example.org"),
        (["--service", "api"], ""),
        (["--region", "eu-west"], ""),
        (["--zone", "gtm.example.com"], ""),
    ],
)
def test_a_name_of_which_only_wide_events_are_told_is_told_aside(folder: Path, options: list[str], told: str) -> None:
    made = EventFiles(folder / ".gtm")
    happened = [
        event(EventKind.NAME_FAIL_OPEN, "api.gtm.example.com"),
        event(EventKind.OVERRIDE_SET, "region gtm.example.com/eu-west"),
        event(EventKind.SAFETY_BLOCKED, "checks"),
    ]
    made.write(b"".join(map(compose_line, happened)))
    made.close()
    ran = gtm("events", "-c", "gtm.yaml", *options)
    rest = "what follows was told of whole zones or of all checks, and may be about it"
    words = f"no event of this time names {told}; {rest}"
    assert ran.lines
    assert (ran.code, ran.err) == (0, f"{words}\n" if told else "")


@pytest.mark.usefixtures("folder")
def test_a_wrong_kind_names_the_option_as_it_may_be_typed() -> None:
    assert "Invalid value for --kind / --type: " in gtm("events", "-c", "gtm.yaml", "--type", "nothing").err


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


@pytest.mark.usefixtures("journal")
def test_a_window_is_told_with_its_day_and_zone() -> None:
    now = time.time()
    begin, end = (time.strftime("%H:%M:%S", time.gmtime(now - ago)) for ago in (400, 200))
    ran = gtm("events", "-c", "gtm.yaml", "--json", "--since", begin, "--until", end)
    assert [json.loads(line)["subject"] for line in ran.lines] == ["check"]
    days = [time.strftime("%Y-%m-%d", time.gmtime(now - ago)) for ago in (400, 200)]
    assert ran.err == f"from {days[0]} {begin}Z to {days[1]} {end}Z\n"


def test_of_a_service_is_told_what_names_it_and_what_led_to_it_from_rotated_files_too(folder: Path) -> None:
    made = EventFiles(folder / ".gtm", file_bytes=1)  # a file for each write
    service = "api.gtm.example.com"
    told = [
        Event(EventKind.VERDICT, "c", "verdict", id=EventId("v")),
        Event(EventKind.ENDPOINT_DOWN, "c", "down", {"services": (service,), "services_count": 1}, (EventId("v"),)),
        Event(EventKind.QUORUM_LOST, "ns1", "other"),
        Event(EventKind.NAME_FAIL_OPEN, service, "open"),
    ]
    for number, one in enumerate(told):
        wall = time.time()
        line = recorded(one, number, node=NodeName("ns1"), boot=1, monotonic=wall, wall=wall, at="now")
        made.write(compose_line(line))
    made.close()
    ran = gtm("events", "-c", "gtm.yaml", "--service", "api", "--json")
    assert [json.loads(line)["message"] for line in ran.lines] == ["verdict", "down", "open"]
    only = gtm("events", "-c", "gtm.yaml", "--service", service, "--kind", "endpoint", "--json")
    assert [json.loads(line)["message"] for line in only.lines] == ["down"]
    assert gtm("events", "-c", "gtm.yaml", "--service", "web").lines == []


@pytest.mark.parametrize(
    "options", [("--until", "02:14", "--follow"), ("--since", "1h", "--until", "2h"), ("--until", "never")]
)
def test_a_window_that_is_none_is_a_wrong_command_line(folder: Path, options: tuple[str, ...]) -> None:
    assert gtm("events", "-c", "gtm.yaml", *options).code == 2


@pytest.mark.usefixtures("folder")
@pytest.mark.parametrize("asked", ["events", "failovers"])
def test_a_node_that_never_ran_has_no_events(asked: str) -> None:
    ran = gtm(asked, "-c", "gtm.yaml", "--json")
    assert ran.code == 0
    assert ".gtm: no node has run with this state folder here; --config names another node file" in ran.err
    assert "gtm." not in ran.out


def test_following_shows_what_is_written_later_once(journal: EventFiles, monkeypatch: pytest.MonkeyPatch) -> None:
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


def test_the_api_takes_the_same_filters(tmp_path: Path) -> None:
    with serving(tmp_path, a=SMALL) as node:
        node.events.record(Event(EventKind.NAME_FAIL_OPEN, "api.gtm.example.com", "open"))
        node.events.record(Event(EventKind.QUORUM_LOST, "ns1", "quorum lost"))
        for query, found in (
            ("service=api", ["open"]),
            ("zone=gtm.example.com&type=name", ["open"]),
            ("region=eu-west", []),
            ("until=1600000000", []),
            ("since=22:00&until=23:00", ["open", "quorum lost"]),
        ):
            told = node.ask("GET", f"/v1/events?{query}").body
            assert [load["message"] for load in json.loads(told)["events"]] == found, query
        wrong = node.ask("GET", "/v1/events?until=never")
    assert (wrong.status, wrong.json) == (
        400,
        {"error": 'until: "never" is no time such as 02:14, 2026-01-31T02:14 or 2h (ago)'},
    )
