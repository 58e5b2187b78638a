"""What a running node takes of its node file, and what waits for a restart."""

from dataclasses import fields, replace
from pathlib import Path

from gtm.node.config.changes import FROM_OR_TO_NONE, RESTARTED, TAKEN, difference
from gtm.node.config.model import NodeConfig
from tests.fakes.peers import key_of
from tests.node.present import config


def peers(*names: str) -> str:
    listed = ", ".join(f'{{node: {name}, url: "http://{name}:1", key: "{key_of(name).public}"}}' for name in names)
    return f"share: {{key: ns1.key, peers: [{listed}]}}\n"


def test_of_every_setting_it_is_known_whether_it_needs_a_restart() -> None:
    assert {field.name for field in fields(NodeConfig)} == TAKEN.keys() | RESTARTED.keys()
    assert not TAKEN.keys() & RESTARTED.keys()
    assert TAKEN.keys() >= FROM_OR_TO_NONE


def test_a_file_as_it_was_says_nothing(tmp_path: Path) -> None:
    running = config(tmp_path, peers("a"))
    found = difference(running, config(tmp_path, peers("a")))
    assert (found.lines, found.config) == ((), running)


def test_some_is_taken_and_the_rest_is_named(tmp_path: Path) -> None:
    running = config(tmp_path, peers("a", "b"))
    asked = config(tmp_path, f"{peers('b', 'c')}engine: reference\nvantage: fra\nwatch: {{settle: 1s}}\n")
    found = difference(running, asked)
    assert found.lines == (
        "node file: taken: share.peers (added c, removed a); watch.settle",
        "node file: needs a restart: vantage; engine",
    )
    assert found.config == replace(running, peers=asked.peers, settle_s=1.0)
    again = difference(found.config, asked)
    assert (again.taken, again.restart) == ((), ("vantage", "engine")), "it is named until there was a restart"


def test_a_key_that_is_added_changes_a_peer(tmp_path: Path) -> None:
    old, new = (str(key_of(name).public) for name in ("a", "new"))
    text = peers("a")
    found = difference(config(tmp_path, text), config(tmp_path, text.replace(f'"{old}"', f'["{old}", "{new}"]')))
    assert found.lines == ("node file: taken: share.peers (changed a)",)


def test_a_node_that_gets_its_first_peers_needs_a_restart(tmp_path: Path) -> None:
    running = config(tmp_path)
    found = difference(running, config(tmp_path, peers("a") + "log: {level: warning}\n"))
    assert found.taken == ("log",)
    assert found.restart == ("share.key", "share.peers", "quorum")
    assert found.config.peers == ()
