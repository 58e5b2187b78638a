import asyncio
import json
import logging
import threading
from dataclasses import replace
from pathlib import Path

import pytest

from gtm.checks.model import Part
from gtm.counters import Counters
from gtm.health.consensus.status import Status
from gtm.health.verdict.reading import Reason
from gtm.health.verdict.verdict import Verdict
from gtm.ids import CheckId, NodeName
from gtm.node.rivers.saving import SAVE_INTERVAL_S
from gtm.node.state.folder import StateFolder
from gtm.probe.heartbeats import Heartbeat
from gtm.zone.monitors.kinds.push import PushSettings
from gtm.zone.monitors.settings import Secret
from tests.fakes.checks import check_of
from tests.node.present import stop, until
from tests.node.river import CHECKS, DOWN, ONE, TWO, UNKNOWN, UP, River, restored


def test_a_quorum_of_voices_changes_the_belief_and_the_answer(tmp_path: Path) -> None:
    river = River(tmp_path)
    river.hear("fra", DOWN, UP)
    river.river.merge()
    assert river.beliefs() == (UNKNOWN, UNKNOWN), "one voice of two that are needed"
    assert not river.river.known.is_set()
    river.hear("iad", DOWN, UP)
    river.river.merge()
    assert river.beliefs() == (DOWN, UP)
    assert river.river.known.is_set()
    assert river.answer == ["192.0.2.2"]
    moved = {(point.labels["check"], point.labels["to"]) for point in river.transitions if point.value}
    assert moved == {(ONE, "down"), (TWO, "up")}


def test_a_change_of_mind_is_one_line_of_the_log(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    river = River(tmp_path)
    with caplog.at_level(logging.INFO, logger="gtm.node.rivers.health"):
        for _ in range(3):
            river.hear("fra", DOWN, UP)
            river.hear("iad", DOWN, UP)
            river.river.merge()
    lines = [record.getMessage() for record in caplog.records if record.getMessage().startswith("check ")]
    assert lines == [
        f"check {ONE}: UNKNOWN -> DOWN (2 of 2 voices: timeout)",
        f"check {TWO}: UNKNOWN -> UP (2 of 2 voices: ok)",
    ]


def test_a_restored_status_stands_frozen_until_there_are_voices(tmp_path: Path) -> None:
    river = River(tmp_path, restored=restored(DOWN, UP))
    river.river.merge()
    assert river.beliefs() == (DOWN, UP)
    assert river.planner.present.status.frozen == (ONE, TWO)
    assert river.river.known.is_set(), "a restarted node knows what it knew"
    river.hear("fra", UP, UP)
    river.river.merge()
    assert river.beliefs() == (DOWN, UP)
    assert river.planner.present.status.frozen == (ONE, TWO)
    river.hear("iad", UP, UP)
    river.river.merge()
    assert river.beliefs() == (UP, UP)
    assert not river.planner.present.status.frozen


def test_voices_that_grow_old_freeze_the_last_belief(tmp_path: Path) -> None:
    river = River(tmp_path)
    river.hear("fra", UP, DOWN)
    river.hear("iad", UP, DOWN)
    river.river.merge()
    river.clock.advance(3600)
    river.river.merge()
    assert river.beliefs() == (UP, DOWN)
    assert river.planner.present.status.frozen == (ONE, TWO)


def test_a_check_that_is_no_longer_watched_is_forgotten(tmp_path: Path) -> None:
    river = River(tmp_path, restored=restored(DOWN, UP))
    river.river.watch(CHECKS[:1])
    river.river.merge()
    assert set(river.planner.present.status.checks) == {ONE}


def test_news_is_believed_at_once_and_saved_by_the_time_the_node_stops(tmp_path: Path) -> None:
    river = River(tmp_path)

    async def story() -> None:
        task = asyncio.create_task(river.river.believe())
        async with until():
            await river.report_store.waited_on.wait()
            assert river.beliefs() == (UNKNOWN, UNKNOWN)
            river.hear("fra", DOWN, UP)
            river.hear("iad", DOWN, UP)
            await river.river.known.wait()
        assert river.beliefs() == (DOWN, UP)
        await stop(task)

    asyncio.run(story())
    saved = json.loads((river.state / "status.json").read_text())["content"]
    assert {check: one["belief"] for check, one in saved["checks"].items()} == {ONE: "down", TWO: "up"}
    again = StateFolder(river.state, Counters()).load_status()
    assert again.frozen == (ONE, TWO)
    assert again.belief(ONE) is DOWN


def test_a_status_that_did_not_change_is_not_saved_again(tmp_path: Path) -> None:
    river = River(tmp_path, restored=restored(DOWN, UP))

    async def story() -> None:
        task = asyncio.create_task(river.river.believe())
        async with until():
            await river.report_store.waited_on.wait()
        await stop(task)

    asyncio.run(story())
    assert not (river.state / "status.json").exists()


def test_a_running_node_saves_after_a_while(tmp_path: Path) -> None:
    river = River(tmp_path)

    async def story() -> None:
        task = asyncio.create_task(river.river.believe())
        async with until():
            for _ in range(2):
                await river.report_store.waited_on.wait()
                river.report_store.waited_on.clear()
                river.clock.advance(SAVE_INTERVAL_S)
                river.hear("fra", DOWN, UP)
                river.hear("iad", DOWN, UP)
            await river.report_store.waited_on.wait()
            while not (river.state / "status.json").exists():  # noqa: ASYNC110  # a thread writes it
                await asyncio.sleep(0)
        await stop(task)

    asyncio.run(story())


def test_a_change_after_a_quiet_while_is_saved_at_once(tmp_path: Path) -> None:
    river = River(tmp_path, restored=restored(UP, UP))

    async def story() -> None:
        task = asyncio.create_task(river.river.believe())
        async with until():
            await river.report_store.waited_on.wait()
            river.clock.advance(SAVE_INTERVAL_S)
            for belief in (UP, DOWN):  # no time passes between a merge that changes nothing and one that does
                river.report_store.waited_on.clear()
                river.hear("fra", belief, UP)
                river.hear("iad", belief, UP)
                await river.report_store.waited_on.wait()
            while StateFolder(river.state, Counters()).load_status().belief(ONE) is not DOWN:  # noqa: ASYNC110
                await asyncio.sleep(0)
        await stop(task)

    asyncio.run(story())


def test_a_disk_that_hangs_keeps_nothing_from_the_answers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    hangs, mended = threading.Event(), threading.Event()

    def hang(_state: StateFolder, _status: Status) -> None:
        hangs.set()
        mended.wait(10.0)

    monkeypatch.setattr(StateFolder, "save_status", hang)
    monkeypatch.setattr("gtm.node.rivers.saving.SAVE_LIMIT_S", 0.02)
    river = River(tmp_path)

    async def story() -> None:
        task = asyncio.create_task(river.river.believe())
        async with until():
            for beliefs in ((DOWN, UP), (UP, DOWN)):
                river.report_store.waited_on.clear()
                river.hear("fra", *beliefs)
                river.hear("iad", *beliefs)
                await river.report_store.waited_on.wait()
                assert river.beliefs() == beliefs
            assert hangs.wait(10.0)
            await stop(task)

    asyncio.run(story())
    mended.set()


def test_a_folder_that_cannot_be_written_does_not_end_the_river(tmp_path: Path) -> None:
    (tmp_path / "state").write_text("not a folder")
    river = River(tmp_path)

    async def story() -> None:
        task = asyncio.create_task(river.river.believe())
        async with until():
            await river.report_store.waited_on.wait()
            river.hear("fra", DOWN, UP)
            river.hear("iad", DOWN, UP)
            await river.river.known.wait()
        await stop(task)

    asyncio.run(story())
    assert river.beliefs() == (DOWN, UP)
    assert river.counters.count("state_errors", file="status.json") > 0


def test_a_report_on_what_nobody_watches_changes_nothing(tmp_path: Path) -> None:
    river = River(tmp_path)
    stranger = river.peers["fra"]
    stranger.publish({CheckId("other/web/192.0.2.9"): replace(Verdict(), belief=DOWN, reason=Reason.TIMEOUT)})
    assert river.report_store.take(stranger.offer().body, giver=NodeName("fra"))
    river.river.merge()
    assert set(river.planner.present.status.checks) == {ONE, TWO}


def test_a_service_that_nobody_has_is_told_once(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    river = River(tmp_path).river
    waiting = tuple(replace(check, parts=(Part("db.example.org", ()), Part("api", (ONE,)))) for check in CHECKS)
    with caplog.at_level(logging.WARNING):
        for watched in (waiting, waiting, CHECKS, waiting):
            river.watch(watched)
    words = "service db.example.org has unknown health: no zone here defines it, or it depends on itself"
    assert caplog.messages == [words, words], "when it is missing, and when it is missing anew"


def test_an_endpoint_that_sent_heartbeats_before_a_restart_is_missed_after_it(tmp_path: Path) -> None:
    before, pushed = River(tmp_path), check_of(PushSettings(30.0, Secret("TOKEN")))
    before.river.watch((pushed, *CHECKS))
    before.river.heartbeats.hear(pushed.id, Heartbeat(ok=True, detail="", heard_at=before.clock.monotonic()))
    before.river.saver.save(before.planner.present.status)
    after = River(tmp_path)
    after.river.watch((pushed, *CHECKS))
    assert after.river.heartbeats.last(pushed.id) is None
    assert after.river.heartbeats.missed_since(pushed.id) == after.clock.monotonic()


def test_heartbeats_of_what_is_watched_are_awaited_and_no_others(tmp_path: Path) -> None:
    river = River(tmp_path).river
    pushed = check_of(PushSettings(30.0, Secret("TOKEN")))
    river.watch((pushed, *CHECKS))
    assert river.heartbeats.awaited(pushed.id) == pushed
    assert river.heartbeats.awaited(ONE) is None
    river.watch(CHECKS)
    assert river.heartbeats.awaited(pushed.id) is None


def test_news_without_end_leave_as_much_time_as_their_merges_take(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    river = River(tmp_path)
    merge, merged = river.river.merge, 0

    def slow_merge() -> None:
        nonlocal merged
        merged += 1
        river.clock.advance(0.05)
        merge()

    monkeypatch.setattr(river.river, "merge", slow_merge)

    async def story() -> None:
        task = asyncio.create_task(river.river.believe())
        loop = asyncio.get_running_loop()
        ends_at = loop.time() + 0.2
        while loop.time() < ends_at:
            river.hear("fra", UP if merged % 2 else DOWN, UP)
            await asyncio.sleep(0)
        await stop(task)

    asyncio.run(story())
    assert 1 < merged <= 0.2 / 0.05 + 1
