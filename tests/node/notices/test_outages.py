"""Outages told: lines of the log, through the whole river."""

import asyncio
import logging
from collections.abc import Callable
from pathlib import Path

import pytest

from gtm.health.consensus.status import NO_STATUS
from gtm.health.override.override import Action
from gtm.ids import ServiceId
from gtm.node.notices.outages import LINES_AT_ONCE, MAX_STORIES, TOLD_AT_ONCE, TOLD_EVERY_S, Outages
from gtm.plan.model import SteeredService
from gtm.plan.outcome import CellAnswers
from gtm.plan.service_shape import EffectiveHealth
from gtm.plan.shape_decisions import Shapes
from tests.fakes import world
from tests.node.guided import Node
from tests.node.present import GEO, catalogue

FREE = "{max_share_removed_per_minute: 100, correlated_failure: false}"
NEAREST = f"""{world.HEAD}
services:
  api:
    monitor: web
    steer: nearest
    safety: {FREE}
    endpoints:
      - {{region: us-east, address: 192.0.2.10}}
      - {{region: eu-west, address: 192.0.2.20}}
      - {{region: eu-west, address: 192.0.2.21}}
      - {{region: eu-west, address: 192.0.2.22}}
      - {{region: ap-southeast, address: 192.0.2.30}}
records:{world.NS1}
"""
EU = ("192.0.2.20", "192.0.2.21", "192.0.2.22")
EVERYTHING = ("192.0.2.10", *EU, "192.0.2.30")


class Log:
    """What a node logs of outages, by level."""

    def __init__(self, caplog: pytest.LogCaptureFixture) -> None:
        self._caplog = caplog
        caplog.set_level(logging.INFO, logger="gtm.node.notices.outages")

    def news(self) -> list[tuple[str, str]]:
        """Returns what came since this was asked last."""
        lines = [
            (record.levelname, record.getMessage())
            for record in self._caplog.records
            if record.name == "gtm.node.notices.outages"
        ]
        self._caplog.clear()
        return lines


@pytest.fixture
def log(caplog: pytest.LogCaptureFixture) -> Log:
    return Log(caplog)


def near(tmp_path: Path, text: str = NEAREST) -> Node:
    """A node that knows where clients are."""
    node = Node(tmp_path, text)
    asyncio.run(node.planner.take_geo(GEO))
    return node


def test_a_region_that_goes_down_is_a_warning_with_what_its_clients_get_instead(tmp_path: Path, log: Log) -> None:
    node = near(tmp_path)
    node.hear()
    assert log.news() == [], "nothing in quiet times"
    node.hear(*EU[:2])
    assert log.news() == [], "the region serves on"
    node.hear(*EU)
    assert log.news() == [
        ("WARNING", "api.gtm.example.com: region eu-west is down (3 of 3 endpoints: timeout); its clients get us-east")
    ]
    node.hear(*EU, after_s=130)
    assert log.news() == []
    node.hear(*EU[1:], after_s=130)
    words = "region eu-west is up again after 4m 20s (1 of 3 endpoints is up); its clients get it again"
    assert log.news() == [("INFO", f"api.gtm.example.com: {words}")]


API = "api.gtm.example.com"


def test_a_service_that_fails_open_is_one_warning(tmp_path: Path, log: Log) -> None:
    node = near(tmp_path)
    node.hear(*EVERYTHING)
    answers = "fail open: clients get ap-southeast, eu-west or us-east as if up"
    assert log.news() == [("WARNING", f"{API}: everything is down (5 of 5 endpoints: timeout); {answers}")]
    node.hear(*EVERYTHING[1:], after_s=61)
    words = "region us-east is up again after 1m 1s (1 of 1 endpoint is up); its clients get it again"
    assert log.news() == [("INFO", f"{API}: {words}; still down: ap-southeast, eu-west")]


@pytest.mark.parametrize(
    ("policy", "answers"),
    [("servfail", "clients get SERVFAIL"), ("nodata", "clients get no record (NODATA)")],
)
def test_a_service_that_fails_closed_says_what_clients_get(tmp_path: Path, log: Log, policy: str, answers: str) -> None:
    node = near(tmp_path, NEAREST.replace("steer: nearest", f"steer: nearest\n    on_all_down: {policy}"))
    node.hear(*EVERYTHING)
    assert log.news() == [("WARNING", f"{API}: everything is down (5 of 5 endpoints: timeout); fail closed: {answers}")]


def test_what_a_person_keeps_up_is_told_with_the_region(tmp_path: Path, log: Log) -> None:
    node = near(tmp_path)
    node.say(Action.UP, "endpoint api.gtm.example.com eu-west/192.0.2.20")
    node.hear(*EU)
    kept = "its clients get it all the same: a person says that it is up"
    assert log.news() == [("WARNING", f"{API}: region eu-west is down (3 of 3 endpoints: timeout); {kept}")]


def test_what_people_took_out_until_nothing_was_left_is_told(tmp_path: Path, log: Log) -> None:
    node = near(tmp_path)
    node.say(Action.DRAIN, "region gtm.example.com/us-east")
    node.hear(*EU, "192.0.2.30")
    first, second, third = sorted(log.news())
    assert "region ap-southeast is down" in second[1] + third[1] + first[1]
    assert any("nothing is left for any client" in line for _, line in (first, second, third))
    node.hear(*EU, after_s=70)
    assert [line.partition(" (")[0] for _, line in log.news()] == [
        f"{API}: region ap-southeast is up again after 1m 10s"
    ]


def test_services_with_the_same_story_share_a_line(tmp_path: Path, log: Log) -> None:
    services = "".join(
        f"""
  s{number}:
    monitor: web
    steer: nearest
    safety: {FREE}
    endpoints: [{{region: us-east, address: 192.0.2.10}}, {{region: eu-west, address: 192.0.2.20}}]"""
        for number in range(10)
    )
    node = near(tmp_path, f"{world.HEAD}\nservices:{services}\nrecords:{world.NS1}")
    node.hear("192.0.2.20")
    [(_, line)] = log.news()
    names = ", ".join(f"s{number}.gtm.example.com" for number in range(3))
    assert line == f"{names} and 7 more: region eu-west is down (1 of 1 endpoint: timeout); its clients get us-east"


def many(count: int, ends: Callable[[int], str]) -> str:
    """So many services, each with the endpoints of its number."""
    services = "".join(
        f"""
  s{number:02}:
    monitor: web
    steer: nearest
    safety: {FREE}
    endpoints:{ends(number)}"""
        for number in range(count)
    )
    return f"{world.HEAD}\nservices:{services}\nrecords:{world.NS1}"


def end(region: str, address: str, weight: int = 1) -> str:
    return f"\n      - {{region: {region}, address: {address}, weight: {weight}}}"


def test_very_many_different_stories_of_a_region_are_few_lines(tmp_path: Path, log: Log) -> None:
    count = 3 * MAX_STORIES

    def ends(number: int) -> str:
        there = (end("eu-west", f"198.51.100.{each}") for each in range(1, number + 2))
        return end("us-east", "192.0.2.10") + "".join(there)

    node = near(tmp_path, many(count, ends))
    node.hear(*(f"198.51.100.{each}" for each in range(1, count + 1)))
    lines = [line for _, line in log.news()]
    assert len(lines) == MAX_STORIES + 1
    assert lines[-1].endswith(f"and {2 * MAX_STORIES - 3} more: region eu-west is down; `gtm status` has the rest")


def test_very_many_services_that_differ_are_not_decided_anew_for_their_lines(
    tmp_path: Path, log: Log, monkeypatch: pytest.MonkeyPatch
) -> None:
    count = 10 * MAX_STORIES

    def ends(number: int) -> str:
        return end("us-east", "192.0.2.10", number + 1) + end("eu-west", "192.0.2.20")

    node = near(tmp_path, many(count, ends))
    node.hear("192.0.2.20")
    plan, status, cells = node.planner.present.plan, node.planner.present.status, 2
    decided = list[ServiceId]()
    spread = Shapes.spread

    def counted(shapes: Shapes, steered: SteeredService, effective: EffectiveHealth) -> CellAnswers:
        assert len(steered.space.cells) == cells
        decided.append(steered.id)
        return spread(shapes, steered, effective)

    monkeypatch.setattr(Shapes, "spread", counted)
    few = 3
    outages = Outages(answers=True, work=few * (cells * 2 + 1))
    outages.believed(status.checks, plan, now=0.0)
    log.news()
    outages.tell(plan, status, node.planner.present.overlay, now=0.0, is_behind=False)
    assert len(decided) == few
    words = "region eu-west is down (1 of 1 endpoint: timeout)"
    names = [f"s{number:02}.gtm.example.com" for number in range(2 * few)]
    assert [line for _, line in log.news()] == [
        f"{', '.join(names[:few])}: {words}; its clients get us-east",
        f"{', '.join(names[few:])} and {count - 2 * few} more: {words}",
    ]


def test_a_node_that_answers_no_queries_says_nothing_of_what_clients_get(tmp_path: Path, log: Log) -> None:
    node = Node(tmp_path, NEAREST, answers=False)
    node.say(Action.DRAIN, "region gtm.example.com/us-east")
    node.hear(*EU)
    node.hear(*EU, "192.0.2.30")
    node.hear(*EVERYTHING, after_s=60)
    node.hear(after_s=60)
    news = log.news()
    assert {level for level, _ in news} == {"INFO"}
    assert [line for _, line in news] == [
        f"{API}: region eu-west is down (3 of 3 endpoints: timeout)",
        f"{API}: region ap-southeast is down (1 of 1 endpoint: timeout)",
        f"{API}: everything is down (5 of 5 endpoints: timeout)",
        f"{API}: region ap-southeast is up again after 2m (1 of 1 endpoint is up)",
        f"{API}: region eu-west is up again after 2m (3 of 3 endpoints are up)",
        f"{API}: region us-east is up again after 1m (1 of 1 endpoint is up)",
    ]
    assert not {"gtm.name.fail_open", "gtm.name.recovered"} & set(node.kinds)
    assert [event.facts["moved"] for event in node.events.recent(since=0.0) if event.facts.get("moved")] == []


def test_what_flaps_is_told_less_often_and_how_it_ended_always(tmp_path: Path, log: Log) -> None:
    node = near(tmp_path)
    for _ in range(50):
        node.hear(*EU, after_s=0.1)
        node.hear(after_s=0.1)
    node.hear(*EU)
    assert len(log.news()) == TOLD_AT_ONCE
    node.hear(*EU, after_s=TOLD_EVERY_S)
    [(level, line)] = log.news()
    assert level == "WARNING"
    assert line.startswith(f"{API}: region eu-west is down (3 of 3 ")
    assert line.endswith(f"; {100 - TOLD_AT_ONCE} more changes had no line")


def test_a_region_that_flaps_hides_no_other(tmp_path: Path, log: Log) -> None:
    node = near(tmp_path)
    for _ in range(10):
        node.hear("192.0.2.30", after_s=0.1)
        node.hear(after_s=0.1)
    log.news()
    node.hear(*EU, after_s=0.1)
    assert [level for level, line in log.news() if "region eu-west is down" in line] == ["WARNING"]


@pytest.mark.slow
def test_a_zone_of_very_many_services_does_not_fill_the_log(tmp_path: Path, log: Log) -> None:
    regions = "".join(f"\n  r{number:03}: {{at: [1, 1]}}" for number in range(2 * LINES_AT_ONCE))
    ends = "".join(
        f"\n      - {{region: r{number:03}, address: 10.0.0.{number}}}" for number in range(2 * LINES_AT_ONCE)
    )
    services = f"""
  s:
    monitor: web
    safety: {FREE}
    steer: multivalue
    endpoints:
      - {{region: us-east, address: 192.0.2.10}}{ends}
"""
    head = world.HEAD.replace("\nmonitors:", f"{regions}\nmonitors:")
    text = f"{head}\nservices:{services}\nrecords:{world.NS1}"
    node = near(tmp_path, text)
    node.hear(*(f"10.0.0.{number}" for number in range(2 * LINES_AT_ONCE)))
    assert len(log.news()) == LINES_AT_ONCE


def test_a_node_that_starts_tells_what_is_down(tmp_path: Path, log: Log) -> None:
    first = near(tmp_path)
    first.hear(*EU)
    first.river.saver.save(NO_STATUS)
    log.news()
    again = Node(tmp_path, NEAREST, restored=True)
    again.river.merge()
    assert [level for level, line in log.news() if "region eu-west is down" in line] == ["WARNING"]


def test_a_region_that_left_the_zone_is_not_told_to_be_up(tmp_path: Path, log: Log) -> None:
    node = near(tmp_path)
    node.hear(*EU)
    log.news()
    kept = "\n".join(line for line in NEAREST.splitlines() if "region: eu-west" not in line)
    asyncio.run(node.planner.take_zones(catalogue(world.zone(kept))))
    node.river.merge()
    assert log.news() == []
