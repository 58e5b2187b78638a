from collections.abc import Iterator

import pytest
from pydantic import TypeAdapter

from gtm.admin.client import fetch_events
from gtm.admin.events import begin_of
from gtm.admin.views import Events
from gtm.event import Event, EventId, EventKind
from tests.admin.served import Served, serving
from tests.node.present import SMALL


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with serving(tmp_path_factory.mktemp("node"), a=SMALL) as node:
        first = node.events.record(Event(EventKind.QUORUM_LOST, "ns1", "lost", {"checks": 3, "odd": (), "x": 1.5}))
        node.clock.advance(60.0)
        node.events.record(Event(EventKind.PLAN, "7", "serves", {"why": True}, (first,)))
        node.events.record(Event(EventKind.REGION_DOWN, "z/eu", "down", {}, (EventId("fra:verdict:x:1.000"),)))
        yield node


def subjects(served: Served, query: str) -> list[str]:
    answer = served.ask("GET", f"/v1/events{query}")
    assert (answer.status, answer.type) == (200, "application/json")
    return [event.subject for event in TypeAdapter(Events).validate_json(answer.body).events]


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("", ["ns1", "7", "z/eu"]),
        ("?since=30s", ["7", "z/eu"]),
        ("?since=10m", ["ns1", "7", "z/eu"]),
        ("?since=1700000060", ["7", "z/eu"]),
        ("?type=quorum", ["ns1"]),
        ("?type=quorum&type=gtm.region.down", ["ns1", "z/eu"]),
        ("?after=ns1:1700000000000:2", ["z/eu"]),
        ("?after=nonsense", ["ns1", "7", "z/eu"]),
        ("?since=1s&type=quorum", []),
    ],
)
def test_events_are_found_by_time_type_and_id(served: Served, query: str, found: list[str]) -> None:
    assert subjects(served, query) == found


def test_a_client_gets_the_same_events_as_the_node_has(served: Served) -> None:
    assert fetch_events(served.at, since=0.0, after="") == tuple(served.events.recent(since=0.0))


@pytest.mark.parametrize("since", ["x", "1e999", "nan", "-inf", "5y", "9" * 500, "\0"])
def test_a_bad_since_is_told(since: str) -> None:
    with pytest.raises(ValueError, match="since: ") as raised:
        begin_of(since, wall=1_700_000_000.0)
    assert str(raised.value) == f'since: "{since[:80]}" is no time such as 02:14, 2026-01-31T02:14 or 2h (ago)'


@pytest.mark.parametrize(("since", "begin"), [("", 0.0), ("10", 10.0), ("-1", -1.0), ("1m", 1_699_999_940.0)])
def test_a_good_since_is_a_time(since: str, begin: float) -> None:
    assert begin_of(since, wall=1_700_000_000.0) == begin


def test_a_bad_question_gets_the_reason(served: Served) -> None:
    answer = served.ask("GET", "/v1/events?since=soon")
    assert (answer.status, answer.json) == (
        400,
        {"error": 'since: "soon" is no time such as 02:14, 2026-01-31T02:14 or 2h (ago)'},
    )
    answer = served.ask("GET", "/v1/events?type=moon")
    assert answer.status == 400
    assert str(answer.json["error"]).startswith('"moon" is no type of event')
