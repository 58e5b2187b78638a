import asyncio
import gc
import subprocess
import sys
import threading
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager

import pytest

from gtm.errors import CallOverdue
from gtm.threads import SWITCH_S, Pool, is_true_within, settled, share_the_lock
from tests.fakes.cluster import within
from tests.fakes.sleep import settle

SHORT_S = 0.02
AMPLE_S = 20.0


@contextmanager
def hanging() -> Iterator[Callable[[], str]]:
    """A function that hangs until the end of the scene."""
    end = threading.Event()
    try:
        yield lambda: "ended" if end.wait(AMPLE_S) else "left behind"
    finally:
        end.set()


def play(scene: Callable[[], Coroutine[None, None, None]]) -> None:
    asyncio.run(asyncio.wait_for(scene(), AMPLE_S))


def threads_of(pool: Pool) -> int:
    return sum(thread.name == pool.name for thread in threading.enumerate())


def test_a_call_runs_in_a_thread_of_its_pool() -> None:
    async def scene() -> None:
        pool = Pool("of its own", threads=1)
        assert await pool.run(lambda: threading.current_thread().name) == "of its own"
        assert await pool.run(divmod, 7, 2) == (3, 1)

    play(scene)


def test_what_a_call_raises_is_raised() -> None:
    async def scene() -> None:
        pool = Pool("raising", threads=1)
        with pytest.raises(ValueError, match="invalid literal"):
            await pool.run(int, "x")
        with pytest.raises(ValueError, match="invalid literal"):
            pool.submit(int, "x").result(AMPLE_S)

    play(scene)


def test_no_more_calls_run_at_once_than_the_pool_has_threads() -> None:
    running, most, lock = 0, 0, threading.Lock()

    def counted() -> None:
        nonlocal running, most
        with lock:
            running += 1
            most = max(most, running)
        barrier.wait(AMPLE_S)
        with lock:
            running -= 1

    barrier = threading.Barrier(3)

    async def scene() -> None:
        pool = Pool("counted", threads=3)
        await asyncio.gather(*(pool.run(counted) for _ in range(30)))

    play(scene)
    assert most == 3


def test_calls_of_one_thread_keep_their_order() -> None:
    taken: list[int] = []
    pool = Pool("in order", threads=1)
    futures = [pool.submit(taken.append, number) for number in range(100)]
    futures[-1].result(AMPLE_S)
    assert taken == list(range(100))


def test_a_call_that_hangs_is_overdue() -> None:
    async def scene() -> None:
        with hanging() as hang, pytest.raises(CallOverdue, match=r"`slow` has not ended within 0\.02 s"):
            await Pool("slow", threads=1).run(hang, timeout_s=SHORT_S)

    play(scene)


def test_a_call_that_goes_on_may_take_as_long_again() -> None:
    async def scene() -> None:
        pool = Pool("patient", threads=1)
        asked: list[str] = []

        def goes_on() -> bool:
            asked.append("")
            return len(asked) < 3

        with hanging() as hang, pytest.raises(CallOverdue):
            await pool.run(hang, timeout_s=SHORT_S, goes_on=goes_on)
        assert len(asked) == 3

    play(scene)


def test_a_call_that_is_overdue_frees_its_place() -> None:
    async def scene() -> None:
        pool = Pool("freed", threads=1)
        with hanging() as hang:
            with pytest.raises(CallOverdue):
                await pool.run(hang, timeout_s=SHORT_S)
            assert await pool.run(str, 1, timeout_s=AMPLE_S) == "1"

    play(scene)


def test_a_call_whose_task_is_cancelled_frees_its_place() -> None:
    async def scene() -> None:
        pool = Pool("cancelled", threads=1)
        with hanging() as hang:
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(SHORT_S):
                    await pool.run(hang)
            assert await pool.run(str, 1, timeout_s=AMPLE_S) == "1"

    play(scene)


@pytest.mark.slow
def test_what_a_call_raised_is_no_line_of_the_log_where_its_task_was_cancelled_just_then() -> None:
    logged: list[object] = []
    gate = threading.Event()

    def fail() -> None:
        gate.wait(AMPLE_S)
        raise ValueError

    async def scene() -> None:
        asyncio.get_running_loop().set_exception_handler(lambda _loop, context: logged.append(context))
        pool = Pool("failing", threads=1)
        task = asyncio.create_task(pool.run(fail))
        await settle()
        gate.set()
        within(AMPLE_S, lambda: threads_of(pool) == 0)  # the loop stands still, and has not heard of it
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    play(scene)
    gc.collect()
    assert logged == []


def test_abandoned_calls_take_no_threads_without_bound() -> None:
    async def scene() -> None:
        pool = Pool("bounded", threads=2, spare=3)
        with hanging() as hang:
            for _ in range(5):
                with pytest.raises(CallOverdue, match="has not ended"):
                    await pool.run(hang, timeout_s=SHORT_S)
            for _ in range(5):
                with pytest.raises(CallOverdue, match=r"`bounded` found no free thread within 0\.02 s"):
                    await pool.run(hang, timeout_s=SHORT_S)
            assert threads_of(pool) == 5
        assert await pool.run(str, 1, timeout_s=AMPLE_S) == "1"  # what hung has ended: all places are free again
        within(AMPLE_S, lambda: threads_of(pool) == 0)

    play(scene)


def test_a_call_that_was_given_up_before_it_began_never_runs() -> None:
    taken: list[int] = []

    async def scene() -> None:
        pool = Pool("given up", threads=1, spare=0)
        with hanging() as hang:
            first = pool.submit(hang)
            with pytest.raises(CallOverdue, match="found no free thread"):
                await pool.run(taken.append, 1, timeout_s=SHORT_S)
        first.result(AMPLE_S)
        await pool.run(taken.append, 2)

    play(scene)
    assert taken == [2]


def test_a_pool_that_hangs_is_not_in_the_way_of_another() -> None:
    async def scene() -> None:
        with hanging() as hang:
            hung = asyncio.create_task(Pool("hung", threads=1).run(hang))
            assert await Pool("other", threads=1).run(str, 1, timeout_s=AMPLE_S) == "1"
        assert await hung == "ended"

    play(scene)


def test_a_machine_without_threads_is_told_of(monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    async def scene() -> None:
        pool = Pool("full", threads=1)
        with monkeypatch.context() as patched:
            patched.setattr(threading.Thread, "start", full)
            with pytest.raises(CallOverdue, match="this machine gives no thread for the pool `full`"):
                await pool.run(str, 1)
        assert await pool.run(str, 1) == "1"

    play(scene)


def _fails() -> bool:
    raise ValueError("of the call")


STUCK = """
import asyncio, threading
from gtm.errors import CallOverdue
from gtm.threads import SWITCH_S, Pool, is_true_within, settled, share_the_lock
async def scene():
    try:
        await Pool("stuck", threads=1).run(threading.Event().wait, timeout_s=0.05)
    except CallOverdue as error:
        print(error)
asyncio.run(scene())
"""


@pytest.mark.slow
def test_the_end_of_the_process_does_not_wait_for_calls() -> None:
    ended = subprocess.run([sys.executable, "-c", STUCK], capture_output=True, text=True, check=False, timeout=30)
    assert ended.stdout == "a call in the pool `stuck` has not ended within 0.05 s\n"
    assert ended.stderr == ""


LIBRARY = """
import asyncio, threading
from gtm.threads import DaemonExecutor
async def scene():
    loop = asyncio.get_running_loop()
    loop.set_default_executor(DaemonExecutor())
    print(await asyncio.to_thread(divmod, 7, 2))
    loop.run_in_executor(None, threading.Event().wait)
asyncio.run(scene())
"""


@pytest.mark.slow
def test_the_end_of_the_process_does_not_wait_for_libraries() -> None:
    ended = subprocess.run([sys.executable, "-c", LIBRARY], capture_output=True, text=True, check=False, timeout=30)
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, "(3, 1)\n", "")


@pytest.mark.parametrize("told", [True, False])
def test_what_is_submitted_tells_in_time(told: bool) -> None:  # noqa: FBT001  # pytest has no keywords
    async def scene() -> None:
        assert await is_true_within(AMPLE_S, Pool("telling", threads=1).submit(bool, told)) is told

    play(scene)


def test_what_is_submitted_and_fails_tells_false() -> None:
    async def scene() -> None:
        assert not await is_true_within(AMPLE_S, Pool("failing", threads=1).submit(_fails))

    play(scene)


def test_what_takes_too_long_tells_false_and_goes_on() -> None:
    pool, future = Pool("going on", threads=1), settled(result=False)

    async def scene() -> None:
        nonlocal future
        with hanging() as hang:
            future = pool.submit(lambda: hang() == "ended")
            assert not await is_true_within(SHORT_S, future)

    play(scene)
    assert future.result(AMPLE_S)


def test_who_gives_the_interpreters_lock_away_waits_for_it_no_longer_than_that() -> None:
    before_s = sys.getswitchinterval()
    try:
        share_the_lock()
        assert sys.getswitchinterval() == pytest.approx(SWITCH_S, abs=1e-6)
    finally:
        sys.setswitchinterval(before_s)
