import asyncio
import os
import signal
import threading
from collections.abc import Callable, Coroutine

import pytest

from gtm.node.stopping import EXIT_STATUS, Stop, close_all
from gtm.threads import Pool

AMPLE_S = 20.0
SOON_S = 0.02


class Ending:
    """Stands for the end of the process."""

    def __init__(self) -> None:
        self.status: int | None = None
        self.came = threading.Event()

    def __call__(self, status: int) -> None:
        self.status = status
        self.came.set()


def play(scene: Callable[[Stop], Coroutine[None, None, None]], *, ending: Ending, limit_s: float = AMPLE_S) -> None:
    async def staged() -> None:
        await asyncio.wait_for(scene(Stop(limit_s=limit_s, end=ending)), AMPLE_S)

    asyncio.run(staged())


def test_a_start_that_is_done_is_done() -> None:
    done: list[bool] = []

    async def start() -> None:
        done.append(True)

    async def scene(stop: Stop) -> None:
        assert await stop.unless_told(start())

    play(scene, ending=Ending())
    assert done == [True]


def test_what_a_start_raises_is_raised() -> None:
    async def start() -> None:
        raise ValueError("of the start")

    async def scene(stop: Stop) -> None:
        with pytest.raises(ValueError, match="of the start"):
            await stop.unless_told(start())

    play(scene, ending=Ending())


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_start_that_hangs_is_given_up_on_a_signal(number: signal.Signals) -> None:
    mended = threading.Event()

    async def start() -> None:
        os.kill(os.getpid(), number)
        await Pool("a disk", threads=1).run(mended.wait, AMPLE_S)

    async def scene(stop: Stop) -> None:
        stop.listen()
        assert not await stop.unless_told(start())
        await stop.wait()

    play(scene, ending=Ending())
    mended.set()


def test_what_hangs_on_is_ended(caplog: pytest.LogCaptureFixture) -> None:
    ending = Ending()

    async def scene(stop: Stop) -> None:
        stop.tell()
        stop.tell()
        assert ending.came.wait(AMPLE_S), "the event loop itself hangs here"

    play(scene, ending=ending, limit_s=SOON_S)
    assert ending.status == EXIT_STATUS
    assert caplog.messages == ["not stopped within 0.02 s: a disk or a library hangs; ending all the same"]


def test_what_hangs_while_it_is_closed_holds_up_no_other_and_not_the_end(caplog: pytest.LogCaptureFixture) -> None:
    closed: list[str] = []

    async def hang() -> None:
        await asyncio.Event().wait()

    async def fail() -> None:
        raise OSError("of the socket")

    async def close() -> None:
        closed.append("closed")

    closings = {"first": hang(), "second": hang(), "third": fail(), "fourth": close()}
    asyncio.run(asyncio.wait_for(close_all(closings, limit_s=SOON_S), AMPLE_S))
    assert closed == ["closed"]
    assert sorted(caplog.messages) == [
        "first: not closed within 0.02 s; going on without it",
        "second: not closed within 0.02 s; going on without it",
        "third: cannot be closed",
    ]


def test_nothing_to_close_is_closed() -> None:
    asyncio.run(close_all({}))
