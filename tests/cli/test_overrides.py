import asyncio
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from gtm.cli.overrides import _asked, _is_local
from gtm.health.override.override import SafetyRule
from gtm.ids import EndpointId, ServiceId
from gtm.plan.overlay import Overlay
from gtm.plan.safety.minimums import Refusal
from gtm.plan.safety.overlay_decision import OverlayDecision
from tests.admin.served import Served, serving
from tests.cli.command import gtm
from tests.fakes import world
from tests.node.present import SMALL

FILE = "node: ns1\nstate: state\nlisten: {admin: '127.0.0.1:1'}\n"
"""A node file whose admin address answers nobody."""


def token(node: Served) -> tuple[str, str]:
    return ("--token-file", str(node.token_file))


@pytest.mark.slow
@pytest.mark.parametrize("action", ["down", "up", "drain", "obey"])
def test_what_is_said_is_said_back_and_listed(tmp_path: Path, action: str) -> None:
    with serving(tmp_path, a=SMALL) as node:
        ran = gtm(action, "eu-west", "--for", "2h", "--why", "a fire", "--by", "ann", "--admin", node.at, *token(node))
        listed = gtm("overrides", "--admin", node.at)
        shown = gtm("status", "--admin", node.at)
    assert ran.lines[0] == f"region gtm.example.com/eu-west: {action} until 2023-11-15 00:13:20Z (ns1:1700000000000)"
    row = f"region gtm.example.com/eu-west\t{action}\t2023-11-15 00:13:20Z\tann\ta fire\tns1:1700000000000\t"
    assert listed.lines == ["scope\taction\tuntil\tby\twhy\tid\tnote", row]
    assert f"override region gtm.example.com/eu-west: {action} for " in shown.out
    marked = f"up; a person says {action}" if action != "obey" else "a person says"
    assert (f"unknown; a person says {action}" in shown.out or marked in shown.out) is (action != "obey")


def test_the_list_is_there_for_programs_too(tmp_path: Path) -> None:
    with serving(tmp_path, a=SMALL) as node:
        gtm("drain", "api/eu-west/192.0.2.2", "--why", "a fire", "--admin", node.at, *token(node))
        listed = json.loads(gtm("overrides", "--json", "--admin", node.at).out)
    (one,) = listed["overrides"]
    assert one["scope"] == "endpoint api.gtm.example.com eu-west/192.0.2.2"
    assert one["by"]


def test_explain_says_who_took_out_what(tmp_path: Path) -> None:
    with serving(tmp_path, a=SMALL) as node:
        gtm("drain", "eu-west", "--why", "new switches", "--by", "ann", "--admin", node.at, *token(node))
        ran = gtm("explain", "api.gtm.example.com", "--client", "10.2.0.1", "--admin", node.at)
    assert "override    eu-west/192.0.2.2: drain region gtm.example.com/eu-west by ann: new switches" in ran.lines
    assert "eu-west/192.0.2.2" not in ran.out.partition("outcome")[0]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["down", "eu-wst", "--why", "x"], 'did you mean "eu-west"?'),
        (["down", "eu-west", "--why", "x", "--for", "80h"], "an override lasts 1s to 72h"),
        (["down", "eu-west", "--why", "x", "--for", "soon"], "is no duration such as 30m or 2h"),
        (["down", "eu-west"], "Missing option '--why'"),
        (["down", "eu-west", "--why", "x", "--override-rule", "gravity"], "Invalid value for '--override-rule'"),
    ],
)
def test_a_wrong_command_line_says_nothing(tmp_path: Path, arguments: list[str], words: str) -> None:
    with serving(tmp_path, a=SMALL) as node:
        ran = gtm(*arguments, "--admin", node.at, *token(node))
        assert not node.overrides.known
    assert ran.code == 2
    assert words in ran.err


def test_the_words_of_a_refusal_reach_who_asked(tmp_path: Path) -> None:
    with serving(tmp_path, a=SMALL) as node:
        ran = gtm("down", "service", "api.gtm.example.com", "--why", "x", "--admin", node.at, *token(node))
        forced = gtm("down", "api", "--why", "x", "--override-rule", "at_least", "--admin", node.at, *token(node))
    assert ran.code == 1
    assert ran.err.startswith("safety rule at_least refuses this: api.gtm.example.com would have 0 serving")
    assert forced.code == 0


def test_who_asks_is_warned_when_the_node_could_not_write_it_down(tmp_path: Path) -> None:
    with serving(tmp_path, a=SMALL) as node:
        (tmp_path / "state" / ".overrides.json.new").mkdir(parents=True)  # in the way of every write
        ran = gtm("down", "eu-west", "--why", "a fire", "--admin", node.at, *token(node))
    assert ran.code == 0
    assert ran.out.startswith("region gtm.example.com/eu-west: down until ")
    assert ran.err.startswith("warning: it counts, but node ns1 could not write it to its disk: a restart of that node")


def test_status_says_what_a_safety_rule_holds_and_explain_why(tmp_path: Path) -> None:
    with serving(tmp_path, a=SMALL) as node:
        held = {ServiceId("api.gtm.example.com"): {EndpointId("eu-west/192.0.2.2"): SafetyRule.CORRELATED}}
        node.planner.take_status(world.status(world.down("192.0.2.2"), world.zone(SMALL)), Overlay(held=held))
        refusals = (Refusal(SafetyRule.CORRELATED, "checks", "the probes are to blame"),)
        node.guide._last = OverlayDecision(refusals=refusals)
        shown = gtm("status", "--admin", node.at)
        explained = gtm("explain", "api.gtm.example.com", "--client", "10.2.0.1", "--admin", node.at)
    assert "safety rule correlated_failure: the probes are to blame" in shown.lines
    assert "eu-west/192.0.2.2\tdown; held up by correlated_failure\t" in shown.out
    assert "override    eu-west/192.0.2.2: held up by the safety rule correlated_failure" in explained.lines
    assert "192.0.2.2" in explained.out.partition("answer")[2], "and it is answered"


def test_status_says_that_people_together_took_too_much(tmp_path: Path) -> None:
    with serving(tmp_path, a=SMALL) as node:
        breaches = (Refusal(SafetyRule.AT_LEAST, "service api.gtm.example.com", "api has none"),)
        node.guide._last = OverlayDecision(breaches=breaches)
        shown = gtm("status", "--admin", node.at)
    words = "safety rule at_least: people took too much: api has none; `gtm clear SCOPE` gives something back"
    assert f"problem: {words}" in shown.lines


def test_over_tcp_a_token_is_needed_and_what_is_missing_is_said(tmp_path: Path) -> None:
    with serving(tmp_path, a=SMALL) as node:
        ran = gtm("drain", "eu-west", "--why", "a fire", "--admin", node.at)
        assert not node.overrides.known
    assert (ran.code, ran.out) == (1, "")
    assert ran.err.startswith("over TCP this needs a token (overrides.tokens in the node file; --token-file)")


@pytest.mark.parametrize(("admin", "is_warned"), [("192.0.2.1:1", True), ("localhost:1", False), ("[::1]:1", False)])
def test_a_token_that_goes_to_another_machine_in_plain_http_is_warned_of(
    tmp_path: Path, admin: str, *, is_warned: bool
) -> None:
    (tmp_path / "token").write_text("0123456789-0123456789")
    asked = _asked(admin, tmp_path / "token")
    assert (asked.admin, asked.token) == (admin, "0123456789-0123456789")
    assert _is_local(admin) is not is_warned


@contextmanager
def on_a_socket(node: Served, state: Path) -> Iterator[None]:
    """Serves a node on its socket alone, from a thread."""
    started, stopped = threading.Event(), threading.Event()

    async def run() -> None:
        local = await node.serve_locally(state)
        started.set()
        await asyncio.to_thread(stopped.wait)
        await local.close()

    thread = threading.Thread(target=asyncio.run, args=(run(),))
    thread.start()
    try:
        assert started.wait(30)
        yield
    finally:
        stopped.set()
        thread.join(30)


def test_the_socket_is_asked_where_there_is_one(tmp_path: Path) -> None:
    node, file = Served(tmp_path), tmp_path / "gtm.yaml"
    (node.folder / "a.yaml").write_text(SMALL)
    file.write_text(FILE)
    with on_a_socket(node, tmp_path / "state"):
        ran = gtm("drain", "eu-west", "--why", "a fire", "--config", str(file))
        assert (ran.code, ran.err) == (0, "")
        assert gtm("status", "--config", str(file)).code == 0
    gone = gtm("overrides", "--config", str(file))
    assert gone.code == 1
    assert gone.err.startswith("no node answers at 127.0.0.1:1: ")
