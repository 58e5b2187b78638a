import json
import logging
import re
import socket
import threading
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from gtm.counters import Counters
from gtm.health.override.override import DEFAULT_SPAN_S, Action, SafetyRule
from gtm.node.overrides import requests as saying
from gtm.node.state.folder import StateFolder
from tests.admin.served import BEARER, TOKEN, Answer, Served, serving
from tests.fakes.overrides import WALL
from tests.node.present import SMALL

HEAD = (
    b"POST /v1/overrides HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
    b"Authorization: Bearer " + TOKEN.encode() + b"\r\n"
)
REGION = "region gtm.example.com/eu-west"
GOOD: dict[str, object] = {"scope": REGION, "action": "drain", "why": "a fire", "by": "ann", "for": "2h"}
PLAIN = {"Content-Type": "application/json"}
JSON = {**PLAIN, **BEARER}


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with serving(tmp_path_factory.mktemp("node"), a=SMALL) as served:
        yield served


def say(node: Served, body: object, *, method: str = "POST", headers: dict[str, str] | None = None) -> Answer:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return node.ask(method, "/v1/overrides", raw, headers=JSON if headers is None else headers)


def in_force(node: Served) -> list[dict[str, object]]:
    found = node.ask("GET", "/v1/overrides").json["overrides"]
    assert isinstance(found, list)
    return found


@pytest.mark.parametrize("method", ["POST", "PUT"])
def test_what_is_said_is_in_force_and_ends_early_by_its_id(node: Served, method: str) -> None:
    said = say(node, GOOD, method=method)
    assert said.status == 201
    assert said.json["scope"] == REGION
    assert said.json["by"] == "ann"
    assert said.json["until"] == pytest.approx(WALL + 7200, abs=1)
    assert [one["action"] for one in in_force(node)] == ["drain"]
    assert node.ask("GET", "/v1/status").json["overrides"] == in_force(node)
    identifier = str(said.json["id"])
    end = json.dumps({"why": "over", "by": "bob"}).encode()
    ended = node.ask("DELETE", f"/v1/overrides/{quote(identifier)}", end, headers=JSON)
    assert (ended.status, ended.json["action"]) == (201, "clear")
    assert [one["id"] for one in ended.json["ended"]] == [identifier]  # type: ignore[attr-defined]  # it is a list
    assert in_force(node) == []
    assert node.ask("DELETE", f"/v1/overrides/{quote(identifier)}", end, headers=JSON).status == 404


def test_four_hours_is_what_nobody_says(node: Served) -> None:
    said = say(node, {name: value for name, value in GOOD.items() if name != "for"})
    assert said.json["until"] == pytest.approx(WALL + DEFAULT_SPAN_S, abs=1)


def test_what_was_accepted_is_on_disk_even_where_the_disk_is_slow(tmp_path: Path) -> None:
    with serving(tmp_path, a=SMALL) as served:
        served.overrides._state._writer.submit(threading.Event().wait, 0.2)  # a slow disk
        said = say(served, GOOD)
        kept = StateFolder(tmp_path / "state", Counters()).load_overrides().signed
    assert said.json["saved"] is True
    assert [REGION in text for text in kept] == [True]


def test_what_cannot_be_written_counts_all_the_same_and_says_so(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with serving(tmp_path, a=SMALL) as served:
        (tmp_path / "state" / ".overrides.json.new").mkdir(parents=True)  # in the way of every write
        said = say(served, GOOD)
        assert (said.status, said.json["saved"]) == (201, False)
        assert [one["action"] for one in in_force(served)] == ["drain"]
    assert f"audit: override {said.json['id']} is not on disk; a restart of this node may lose it" in caplog.messages


def test_nobody_waits_longer_than_a_second_for_a_disk_that_hangs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(saying, "SAVE_LIMIT_S", 0.05)
    mended = threading.Event()
    with serving(tmp_path, a=SMALL) as served:
        served.overrides._state._writer.submit(mended.wait, 30)
        said = say(served, GOOD)
        mended.set()
        assert (said.status, said.json["saved"]) == (201, False)
        assert served.overrides.written.result(30), "it is written as soon as it can be"


MISTAKES: dict[str, list[object]] = {
    "scope": [
        None,
        1,
        "",
        "everything",
        "region eu-west",
        "service API.gtm.example.com",
        "region " + "a" * 900,
        [REGION],
    ],
    "action": [None, "explode", "", 1, ["down"]],
    "why": [None, "", "   ", 1, "a\nb", "a" * 501],
    "by": [None, "", 1, "a\x00b", "a" * 101],
    "for": ["", "73h", "0s", "0.5s", "forever", 7200, -1, "1e9h", "9H"],
    "rules": [None, "at_least", ["gravity"], ["at_least"] * 9, [1]],
    "until": [1],
}


@pytest.mark.parametrize(("key", "value"), [(key, value) for key, values in MISTAKES.items() for value in values])
def test_each_mistake_is_refused_with_its_place(node: Served, key: str, value: object) -> None:
    before = in_force(node)
    refused = say(node, {**GOOD, key: value})
    assert refused.status == 400
    assert str(refused.json["error"]).startswith(key)
    assert in_force(node) == before


@pytest.mark.parametrize("key", ["scope", "action", "why", "by"])
def test_what_must_be_said_must_be_said(node: Served, key: str) -> None:
    assert say(node, {name: value for name, value in GOOD.items() if name != key}).status == 400


def test_what_is_not_here_is_not_found_and_a_safety_rule_conflicts(tmp_path: Path) -> None:
    with serving(tmp_path, a=SMALL) as node:  # nobody has said `obey` of a region there
        unknown = say(node, {**GOOD, "scope": "service web.gtm.example.com"})
        assert unknown.status == 404
        assert unknown.json["error"] == "nothing that this node serves is in service web.gtm.example.com"
        conflict = say(node, {**GOOD, "scope": "zone gtm.example.com"})
        assert conflict.status == 409
        assert str(conflict.json["error"]).startswith("safety rule at_least refuses this")
        assert say(node, {**GOOD, "scope": "zone gtm.example.com", "rules": ["at_least"]}).status == 201


def test_each_override_has_an_id_of_its_own(tmp_path: Path) -> None:
    with serving(tmp_path, a=SMALL) as node:  # whose clock stands still
        scopes = (REGION, "region gtm.example.com/us-east", "service api.gtm.example.com")
        said = [say(node, {**GOOD, "scope": scope, "action": "up"}) for scope in reversed(scopes)]
    assert [one.status for one in said] == [201, 201, 201]
    assert len({str(one.json["id"]) for one in said}) == 3


def test_only_json_is_taken_and_only_so_much_of_it(node: Served) -> None:
    assert say(node, GOOD, headers=BEARER).status == 415
    assert say(node, GOOD, headers={**BEARER, "Content-Type": "text/plain"}).status == 415
    assert say(node, {**GOOD, "why": "a" * 70_000}).status == 413
    for packed in ("gzip", "deflate", "identity"):
        assert say(node, GOOD, headers={**JSON, "Content-Encoding": packed}).status in {400, 415}


def test_accepted_and_refused_ones_are_lines_of_the_log(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with serving(tmp_path, a=SMALL) as node, caplog.at_level(logging.WARNING, logger="gtm.admin.overrides"):
        say(node, GOOD)
        say(node, {**GOOD, "for": "100h"})
        say(node, {**GOOD, "action": "\x1b[31m" * 1_000})
    accepted, too_long, coloured = [line for line in caplog.messages if line.startswith("audit:")]
    assert accepted.startswith("audit: override ns1:")
    assert accepted.endswith(f"accepted from token deploy at 127.0.0.1: drain {REGION} by ann: a fire")
    assert (
        too_long == "audit: override refused from token deploy at 127.0.0.1 (400): 'for: expected 1s to 72h, not 100h'"
    )
    assert "\x1b" not in coloured
    assert len(coloured) < 400


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda children: st.lists(children, max_size=3) | st.dictionaries(st.text(), children, max_size=3),
    max_leaves=8,
)
wrong_fields = st.sampled_from([*GOOD, "rules"]).flatmap(
    lambda key: json_values.filter(lambda value: (key, value) != ("rules", [])).map(lambda value: {**GOOD, key: value})
)
bodies = st.one_of(
    st.binary(max_size=300),
    json_values.map(lambda value: json.dumps(value).encode()),
    wrong_fields.map(lambda value: json.dumps(value).encode()),
    st.dictionaries(st.text(), json_values, min_size=1, max_size=4).map(
        lambda more: json.dumps({**GOOD, **{f"x{name}": value for name, value in more.items()}}).encode()
    ),
)


def is_good(said: dict[str, object]) -> bool:
    """Whether a body that differs from GOOD in what is drawn may be obeyed."""
    rules = said.pop("rules", [])
    return (
        said.keys() == GOOD.keys()
        and said["scope"] == REGION
        and said["action"] in {action.value for action in Action}
        and re.fullmatch(r"[0-9]{1,4}[smh]", str(said["for"])) is not None
        and all(isinstance(text := said[key], str) and text.isprintable() for key in ("why", "by"))
        and isinstance(rules, list)
        and set(rules) <= {rule.value for rule in SafetyRule}
    )


@pytest.mark.parametrize("rest", [b"Content-Length: 100\r\n\r\n{", b"Transfer-Encoding: chunked\r\n\r\n5\r\n{"])
def test_who_hangs_up_within_a_body_is_refused_and_is_no_fault_of_this_program(
    tmp_path: Path, rest: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    with serving(tmp_path, a=SMALL) as node:
        with socket.create_connection(("127.0.0.1", node.port), timeout=20) as asking:
            asking.sendall(HEAD + rest)
            asking.shutdown(socket.SHUT_WR)
            assert asking.recv(1000) == b""
        assert node.ask("GET", "/v1/overrides").status == 200
    assert [record.exc_info for record in caplog.records] == [None]
    assert "or broke off" in caplog.text


@pytest.mark.slow
@given(bodies)
@example(b"[" * 60_000)
@example(b'{"scope":' * 6_000)
@example(json.dumps({**GOOD, "why": "\ud800"}).encode())
@example(b"\xff\xfe" + json.dumps(GOOD).encode("utf-16-le"))
@example(json.dumps({**GOOD, "action": "down", "rules": ["at_least"]}).encode())
@example(json.dumps({**GOOD, "for": "90m"}).encode())
@settings(max_examples=1_000, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_of_a_thousand_malformed_bodies_none_is_taken_and_none_is_a_fault(node: Served, body: bytes) -> None:
    before = (node.overrides.known, node.planner.present.plan)
    answer = say(node, body)
    if answer.status == 201:  # what is drawn may be good: almost any text is a reason, and "down" is an action
        assert is_good(json.loads(body))
        return
    assert answer.status == 400
    assert (node.overrides.known, node.planner.present.plan) == before
