"""What a node says of its quorum: lost, growing worse, found, and never there."""

import logging
from pathlib import Path

import pytest

from gtm.health.consensus.quorum import DEFAULT_STALE_HOLD_S
from gtm.node.notices.roll_out import GRACE_S
from tests.node.river import CHECKS, DOWN, ONE, TWO, UNKNOWN, UP, River, restored


def test_a_lost_and_a_found_quorum_are_told(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    river = River(tmp_path)
    river.hear("fra", UP, UP)
    river.hear("iad", UP, UP)
    river.river.merge()
    with caplog.at_level(logging.INFO):
        for _ in range(3):
            river.clock.advance(3600)
            river.river.merge()
        assert caplog.text.count("quorum lost for 2 of 2 checks") == 1
        river.hear("fra", UP, UP)
        river.hear("iad", UP, UP)
        river.river.merge()
        assert caplog.text.count("quorum found again for all 2 checks") == 1


def test_a_quorum_that_nobody_makes_is_not_found_when_its_beliefs_are_given_up(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    river = River(tmp_path)
    for peer in ("fra", "iad"):
        river.hear(peer, UP, UP)
    with caplog.at_level(logging.INFO, logger="gtm.node"):
        river.river.merge()
        for _ in range(4):
            river.clock.advance(0.45 * DEFAULT_STALE_HOLD_S)
            river.river.merge()
        assert river.beliefs() == (UNKNOWN, UNKNOWN)
        assert river.planner.present.status.frozen == (ONE, TWO)
        for peer in ("fra", "iad"):
            assert "quorum found" not in caplog.text
            river.hear(peer, UP, UP)
            river.river.merge()
    lines = [message for message in caplog.messages if "quorum" in message and not message.startswith("check ")]
    assert lines == [
        "quorum lost for 2 of 2 checks: too few fresh voices, the last beliefs stand",
        "quorum found again for all 2 checks",
    ]


def test_a_start_with_beliefs_given_up_finds_no_quorum(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    river = River(tmp_path, restored=restored(UNKNOWN, UNKNOWN))
    with caplog.at_level(logging.INFO, logger="gtm.node"):
        river.river.merge()
    assert "quorum found" not in caplog.text


def test_a_check_that_nobody_ever_made_does_not_keep_the_quorum_of_the_others_from_being_found(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    river = River(tmp_path)
    with caplog.at_level(logging.INFO, logger="gtm.node"):
        for after_s in (0.0, 3600.0):
            river.clock.advance(after_s)
            river.river.merge()
            for peer in ("fra", "iad"):
                river.hear(peer, UP, UNKNOWN)
            river.river.merge()
    assert "quorum found again for 1 of 2 checks" in caplog.messages


def test_a_loss_that_grows_is_told_again_once_it_is_whole(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    river = River(tmp_path)
    for peer in ("fra", "iad"):
        river.hear(peer, UP, UP)
    river.river.merge()
    for peer in ("fra", "iad"):
        river.clock.advance(1.0)
        river.hear(peer, UP, UNKNOWN)
    with caplog.at_level(logging.INFO, logger="gtm.node"):
        river.river.merge()
        river.river.merge()
        river.clock.advance(600)
        for _ in range(4):
            river.river.merge()
    lines = [message for message in caplog.messages if "quorum" in message]
    words = "too few fresh voices, the last beliefs stand"
    assert lines == [f"quorum lost for {count} of 2 checks: {words}" for count in (1, 2)]


def test_a_node_that_starts_without_a_quorum_says_so_once(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    river = River(tmp_path, restored=restored(DOWN, UP))
    with caplog.at_level(logging.INFO, logger="gtm.node"):
        river.river.merge()
        assert "quorum" not in caplog.text, "nobody could be heard yet"
        for _ in range(3):
            river.clock.advance(GRACE_S)
            river.river.merge()
        river.hear("fra", UP, UP)
        river.hear("iad", UP, UP)
        river.river.merge()
    lines = [message for message in caplog.messages if "quorum" in message]
    assert lines == [
        "started without a quorum: the saved beliefs stand, of 2 checks",
        "quorum found again for all 2 checks",
    ]


def test_a_new_node_and_a_new_check_have_lost_nothing(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    river = River(tmp_path)
    with caplog.at_level(logging.INFO):
        river.river.watch(CHECKS[:1])
        river.river.merge()
        river.hear("fra", UP, UP)
        river.hear("iad", UP, UP)
        river.river.merge()
        river.river.watch(CHECKS)
        river.clock.advance(0.1)
        river.river.merge()
    assert "quorum" not in caplog.text


def test_a_restarted_node_says_when_it_hears_a_quorum(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    river = River(tmp_path, restored=restored(DOWN, UP))
    with caplog.at_level(logging.INFO):
        river.river.merge()
        river.river.merge()
        assert "quorum" not in caplog.text
        river.hear("fra", UP, UP)
        river.hear("iad", UP, UP)
        river.river.merge()
    assert caplog.text.count("quorum found again for all 2 checks") == 1


def test_without_any_check_there_is_nothing_to_wait_for(tmp_path: Path) -> None:
    river = River(tmp_path)
    river.river.watch(())
    river.river.merge()
    assert river.river.known.is_set()
