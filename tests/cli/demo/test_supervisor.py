import asyncio
import os
import re
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from gtm.cli.demo.mode import Mode
from gtm.cli.demo.supervisor import DemoSupervisor, RegionProgram
from gtm.errors import DemoFailed
from gtm.ids import RegionName
from tests.cli.demo.programs import LIVES, STUBBORN, alive, program, until

EU = RegionName("eu-west")


@dataclass(slots=True)
class Stage:
    """A supervisor at work, and what it said."""

    supervisor: DemoSupervisor
    logs: Path
    said: list[str] = field(default_factory=list)

    async def heard(self, name: str) -> None:
        """Returns when a child has begun to run its own code."""
        await until(lambda: "here" in (self.logs / f"{name}.log").read_text(encoding="utf-8"))


def toy(name: RegionName, *, source: str = LIVES, listens: bool = True) -> RegionProgram:
    async def answers() -> bool:
        return listens

    return RegionProgram(name, lambda mode: program(f"region-{name}", f"# {mode.value}\n{source}"), answers)


@asynccontextmanager
async def staged(logs: Path, *regions: RegionProgram, start_limit_s: float = 20.0) -> AsyncIterator[Stage]:
    async with asyncio.TaskGroup() as tasks:
        said: list[str] = []
        supervisor = DemoSupervisor(tasks, regions, logs=logs, say=said.append, start_limit_s=start_limit_s)
        try:
            yield Stage(supervisor, logs, said)
        finally:
            await supervisor.stop(limit_s=1.0)


@pytest.mark.slow
def test_a_region_runs_in_the_mode_it_was_switched_to(tmp_path: Path) -> None:
    async def story() -> None:
        async with staged(tmp_path, toy(EU)) as stage:
            assert stage.supervisor.modes == {EU: Mode.STOPPED}
            await stage.supervisor.switch(EU, Mode.SLOW)
            assert stage.supervisor.modes == {EU: Mode.SLOW}
            pid = stage.supervisor.pids["region-eu-west"]
            command = Path(f"/proc/{pid}/cmdline")
            await until(lambda: b"# slow" in command.read_bytes())

    asyncio.run(story())


@pytest.mark.slow
def test_stopping_a_region_really_ends_its_process_and_nothing_else(tmp_path: Path) -> None:
    async def story() -> None:
        async with staged(tmp_path, toy(EU), toy(RegionName("us-east"))) as stage:
            for name in (EU, RegionName("us-east")):
                await stage.supervisor.switch(name, Mode.OK)
            pids = stage.supervisor.pids
            await stage.supervisor.switch(EU, Mode.STOPPED)
            assert not alive(pids["region-eu-west"])
            assert alive(pids["region-us-east"])
            assert stage.supervisor.modes == {EU: Mode.STOPPED, "us-east": Mode.OK}
            assert stage.said == []

    asyncio.run(story())


@pytest.mark.slow
def test_another_mode_is_another_process(tmp_path: Path) -> None:
    async def story() -> None:
        async with staged(tmp_path, toy(EU)) as stage:
            await stage.supervisor.switch(EU, Mode.OK)
            before = stage.supervisor.pids["region-eu-west"]
            await stage.supervisor.switch(EU, Mode.FAIL)
            assert not alive(before)
            assert alive(stage.supervisor.pids["region-eu-west"])

    asyncio.run(story())


@pytest.mark.slow
def test_switches_at_the_same_time_leave_one_process(tmp_path: Path) -> None:
    async def story() -> None:
        async with staged(tmp_path, toy(EU)) as stage:
            await asyncio.gather(*(stage.supervisor.switch(EU, mode) for mode in (Mode.OK, Mode.SLOW, Mode.FAIL)))
            assert list(stage.supervisor.pids) == ["region-eu-west"]
            assert stage.supervisor.modes == {EU: Mode.FAIL}

    asyncio.run(story())


@pytest.mark.slow
def test_a_region_killed_by_hand_is_said_and_may_be_started_again(tmp_path: Path) -> None:
    async def story() -> None:
        async with staged(tmp_path, toy(EU)) as stage:
            await stage.supervisor.switch(EU, Mode.OK)
            os.kill(stage.supervisor.pids["region-eu-west"], signal.SIGKILL)
            await until(lambda: bool(stage.said))
            assert stage.said == ["region eu-west was ended by signal 9; `gtm demo start eu-west` brings it back"]
            assert stage.supervisor.modes == {EU: Mode.STOPPED}
            await stage.supervisor.switch(EU, Mode.OK)
            assert stage.supervisor.modes == {EU: Mode.OK}

    asyncio.run(story())


def test_an_unknown_region_is_refused_with_the_names_there_are(tmp_path: Path) -> None:
    async def story() -> None:
        async with staged(tmp_path, toy(EU), toy(RegionName("us-east"))) as stage:
            with pytest.raises(DemoFailed, match=re.escape('no region "eu"; the demo has eu-west, us-east')):
                await stage.supervisor.switch(RegionName("eu"), Mode.OK)

    asyncio.run(story())


@pytest.mark.slow
def test_a_region_that_ends_before_it_listens_is_refused_with_its_log(tmp_path: Path) -> None:
    async def story() -> None:
        region = toy(EU, source="raise SystemExit('no room')", listens=False)
        async with staged(tmp_path, region) as stage:
            with pytest.raises(DemoFailed, match=r"(?s)region eu-west does not start.*no room"):
                await stage.supervisor.switch(EU, Mode.OK)
            assert stage.supervisor.modes == {EU: Mode.STOPPED}
            assert stage.supervisor.pids == {}

    asyncio.run(story())


@pytest.mark.slow
def test_a_region_that_never_listens_is_given_up_and_ended(tmp_path: Path) -> None:
    async def story() -> None:
        async with staged(tmp_path, toy(EU, listens=False), start_limit_s=0.05) as stage:
            with pytest.raises(DemoFailed, match="region eu-west does not listen"):
                await stage.supervisor.switch(EU, Mode.OK)
            assert stage.supervisor.pids == {}

    asyncio.run(story())


@pytest.mark.slow
def test_a_node_that_dies_ends_the_demo_with_its_log_and_all_others(tmp_path: Path) -> None:
    pids: dict[str, int] = {}

    async def story() -> None:
        async with staged(tmp_path, toy(EU)) as stage:
            await stage.supervisor.switch(EU, Mode.OK)
            await stage.supervisor.start_node(program("probe-eu", LIVES))
            pids.update(stage.supervisor.pids)
            await stage.supervisor.start_node(program("ns1", "raise SystemExit('disk full')"))
            await asyncio.Event().wait()

    with pytest.raises(ExceptionGroup) as caught:
        asyncio.run(story())
    [failure] = caught.value.exceptions
    assert isinstance(failure, DemoFailed)
    assert str(failure) == "ns1 ended by itself with exit status 1; the end of its log:\n  disk full"
    assert sorted(pids) == ["probe-eu", "region-eu-west"]
    assert not any(alive(pid) for pid in pids.values())


@pytest.mark.slow
def test_stopping_ends_everything_also_what_ignores_sigterm(tmp_path: Path) -> None:
    async def story() -> None:
        async with staged(tmp_path, toy(EU)) as stage:
            await stage.supervisor.switch(EU, Mode.OK)
            await stage.supervisor.start_node(program("ns1", STUBBORN))
            await stage.heard("ns1")
            pids = stage.supervisor.pids
            await stage.supervisor.stop(limit_s=0.05)
            assert stage.supervisor.pids == {}
            assert not any(alive(pid) for pid in pids.values())

    asyncio.run(story())


@pytest.mark.slow
def test_nothing_starts_after_the_stop(tmp_path: Path) -> None:
    async def story() -> None:
        async with staged(tmp_path, toy(EU)) as stage:
            await stage.supervisor.stop()
            with pytest.raises(DemoFailed, match="ending"):
                await stage.supervisor.switch(EU, Mode.OK)

    asyncio.run(story())
