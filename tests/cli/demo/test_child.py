import asyncio
import signal
from pathlib import Path

import pytest

from gtm.cli.demo import child
from gtm.cli.demo.child import TAIL_LINES, Child
from tests.cli.demo.programs import LIVES, STUBBORN, alive, program, until


async def started(source: str, log: Path) -> Child:
    """Returns a child that has begun to run its own code."""
    one = await child.start(program("one", source), log)
    await until(lambda: "here" in log.read_text(encoding="utf-8"))
    return one


@pytest.mark.slow
def test_stopping_ends_a_child_with_sigterm(tmp_path: Path) -> None:
    async def story() -> None:
        one = await started(LIVES, tmp_path / "log")
        await one.stop()
        assert await one.end() == -signal.SIGTERM
        assert not alive(one.pid)

    asyncio.run(story())


@pytest.mark.slow
def test_a_child_that_ignores_sigterm_is_killed_after_the_limit(tmp_path: Path) -> None:
    async def story() -> None:
        one = await started(STUBBORN, tmp_path / "log")
        await one.stop(limit_s=0.05)
        assert await one.end() == -signal.SIGKILL

    asyncio.run(story())


@pytest.mark.slow
def test_stopping_a_child_that_ended_is_no_error(tmp_path: Path) -> None:
    async def story() -> None:
        one = await child.start(program("one", "raise SystemExit(7)"), tmp_path / "log")
        assert await one.end() == 7
        await one.stop()
        assert not one.running

    asyncio.run(story())


@pytest.mark.slow
def test_what_a_child_says_is_in_its_log_and_the_end_is_told(tmp_path: Path) -> None:
    async def story() -> None:
        source = "import sys\nfor n in range(100): print(n)\nsys.stdout.flush()\nsys.exit('the reason')"
        one = await child.start(program("one", source), tmp_path / "log")
        assert await one.end() == 1
        assert one.last_lines() == (*(str(n) for n in range(101 - TAIL_LINES, 100)), "the reason")

    asyncio.run(story())


@pytest.mark.slow
def test_a_second_run_continues_the_log(tmp_path: Path) -> None:
    async def story() -> None:
        for word in ("first", "second"):
            one = await child.start(program("one", f"print({word!r})"), tmp_path / "log")
            assert await one.end() == 0
        assert one.last_lines() == ("first", "second")

    asyncio.run(story())


@pytest.mark.slow
def test_a_child_is_in_a_session_of_its_own_so_that_ctrl_c_does_not_reach_it(tmp_path: Path) -> None:
    async def story() -> None:
        source = "import os; print(os.getpid() == os.getsid(0))"
        one = await child.start(program("one", source), tmp_path / "log")
        await one.end()
        assert one.last_lines() == ("True",)

    asyncio.run(story())
