"""A push that reaches this node before the probes: beliefs stand, nobody is alarmed, and the node stays ready."""

import logging
from pathlib import Path

import pytest

from gtm.health.report.claims import Claims
from gtm.ids import NodeName
from gtm.node.notices.blindness import WORDS
from gtm.node.notices.roll_out import ROLL_OUT_S
from tests.node.guided import TEXT, Node
from tests.node.state.test_override_names import push

RENAMED = TEXT.replace("web", "health")
MOVED = TEXT.replace("192.0.2.", "198.51.100.")
SOONER = TEXT.replace("port: 80}", "port: 80, interval: 1s, timeout: 500ms}")


def pushed(tmp_path: Path, text: str) -> Node:
    """A node that read another zone file, which its probe did not."""
    node = Node(tmp_path)
    node.hear(after_s=60.0)
    before = node.zone
    push(node, text)
    node.zone = before
    return node


def warnings(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING]


@pytest.mark.parametrize("text", [RENAMED, MOVED, SOONER])
def test_a_node_waits_for_its_probes(tmp_path: Path, text: str, caplog: pytest.LogCaptureFixture) -> None:
    node = pushed(tmp_path, text)
    node.river.merge()
    for _ in range(5):
        assert not node.river.blindness.is_cut_off
        node.hear(after_s=0.19 * ROLL_OUT_S)
    assert warnings(caplog) == []
    push(node, text)
    node.hear()
    node.hear(after_s=ROLL_OUT_S)
    assert not node.river.blindness.is_blind
    assert warnings(caplog) == []
    assert not {"gtm.node.blind", "gtm.node.sees", "gtm.quorum.lost", "gtm.quorum.found"} & set(node.kinds)


def test_a_probe_that_votes_as_before_a_push_is_not_silent(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    node = pushed(tmp_path, SOONER)
    for _ in range(3):
        node.clock.advance(4.0)
        node.river.merge()
    assert "silent" not in caplog.text
    assert node.river.following() == {"fra"}
    node.clock.advance(0.9 * ROLL_OUT_S)
    node.river.merge()
    assert "probe fra is silent: none of its votes is fresh" in caplog.messages, "it is not heard at all"


def test_a_probe_that_never_reads_a_push_is_silent_in_the_end(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    node = pushed(tmp_path, SOONER)
    for _ in range(12):
        node.hear(after_s=0.1 * ROLL_OUT_S)
        node.clock.advance(4.0)
        node.river.merge()
    assert "probe fra is silent: none of its votes is fresh" in caplog.messages


@pytest.mark.parametrize("text", [RENAMED, MOVED])
def test_probes_that_never_follow_are_told_and_keep_the_node_ready(
    tmp_path: Path, text: str, caplog: pytest.LogCaptureFixture
) -> None:
    node = pushed(tmp_path, text)
    node.river.merge()
    for _ in range(3):
        node.hear(after_s=0.5 * ROLL_OUT_S)
    blind = f"{WORDS}; it hears fra vote on other checks than its own: do all nodes have the same zone files?"
    lost = "quorum lost for 6 of 6 checks: too few fresh voices, the last beliefs stand"
    inherited = [lost] if text is RENAMED else []
    assert sorted(warnings(caplog)) == [blind, *inherited]
    assert (node.river.blindness.is_blind, node.river.blindness.is_cut_off) == (True, False)
    node.clock.advance(ROLL_OUT_S)
    node.river.merge()
    assert node.river.blindness.is_cut_off, "nor is the probe heard"


def test_a_loss_that_ends_as_its_checks_go_is_not_found_again(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    node = Node(tmp_path)
    for _ in range(2):
        node.clock.advance(60.0)
        node.river.merge()
    assert "quorum lost for 6 of 6 checks" in caplog.text
    push(node, TEXT.replace("    monitor: web\n", ""))
    node.clock.advance(6.0)
    node.river.merge()
    assert caplog.messages[-3:] == [
        "there is nothing to check any more",
        "probe fra is no longer waited for: nothing that it voted on is checked here any more",
        "no check is left of those whose quorum was lost",
    ]
    assert "quorum found again" not in caplog.text
    assert "is heard" not in caplog.text


def test_a_silent_probe_that_is_no_peer_any_more_is_not_heard(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    node = Node(tmp_path)
    for _ in range(2):
        node.clock.advance(60.0)
        node.river.merge()
    assert "probe fra is silent: none of its votes is fresh" in caplog.messages
    caplog.set_level(logging.INFO)
    node.report_store.take_peers({}, Claims(NodeName("ns1"), {}, {}, None))
    node.clock.advance(60.0)
    node.river.merge()
    assert "probe fra is no longer waited for: it is no peer, or its last report is forgotten" in caplog.messages
