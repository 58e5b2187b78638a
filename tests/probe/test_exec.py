"""Programs of the shell's making: how they end, what they print, and that nothing of them is left."""

import asyncio
import fcntl
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from ipaddress import ip_address
from pathlib import Path

import pytest

from gtm.health.verdict.reading import Reason
from gtm.probe.exec import MAX_OUTPUT_BYTES, filled_in, outcome_of_exit, run
from gtm.probe.failures import PASSED, CheckOutcome
from gtm.zone.monitors.kinds.exec import ExecSettings
from tests.fakes.checks import check_of, reading_of
from tests.fakes.permits import permits
from tests.fakes.resolver import FakeResolver

AMPLE_S = 20.0
HELD_S = 10.0
PACE_S = 0.002

Script = Callable[[str], str]


@pytest.fixture
def script(tmp_path: Path) -> Script:
    """Makes a program of these lines of shell; gives its path."""

    def make(lines: str) -> str:
        file = tmp_path / "check"
        file.write_text(f"#!/bin/sh\n{lines}\n")
        file.chmod(0o755)
        return str(file)

    return make


def ran(*command: str) -> CheckOutcome:
    async def within_the_limit() -> CheckOutcome:
        async with asyncio.timeout(AMPLE_S):
            return await run(command)

    return asyncio.run(within_the_limit())


def is_gone(pid: int) -> bool:
    """Whether a process has ended; a child of ours may still be waiting to be reaped."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] in "ZX"
    except (FileNotFoundError, ProcessLookupError):
        return True


def soon(condition: Callable[[], bool]) -> bool:
    """Whether the kernel makes this true in reasonable time."""
    until = time.monotonic() + AMPLE_S
    while not condition():
        if time.monotonic() > until:
            return False
        os.sched_yield()
    return True


def test_a_program_that_ends_with_0_is_good(script: Script) -> None:
    assert ran(script("echo all is well")) == PASSED


def test_another_number_is_bad_and_the_last_line_says_why(script: Script) -> None:
    failing = script("echo first; echo 'replication lag 900 s' >&2; echo; exit 2")
    assert ran(failing) == CheckOutcome(Reason.STATUS, "exit 2: replication lag 900 s")
    assert ran(script("exit 7")) == CheckOutcome(Reason.STATUS, "exit 7")


def test_the_endpoint_is_in_the_arguments_and_no_shell_reads_them(script: Script) -> None:
    command = (script('echo "$# $1 $2"; exit 1'), "{address}:{port}", "$(id) ; `id` > {x}")
    filled = filled_in(command, ip_address("192.0.2.1"), 5432)
    assert ran(*filled) == CheckOutcome(Reason.STATUS, "exit 1: 2 192.0.2.1:5432 $(id) ; `id` > {x}")
    assert filled_in(("/bin/{port}", "{address}"), ip_address("::1"), 1) == ("/bin/{port}", "::1")


def test_the_environment_of_the_node_is_not_handed_on(script: Script, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GTM_SECRET", "hunter2")
    found = ran(script('echo "<$GTM_SECRET> $(pwd) $LANG"; exit 1'))
    assert found.detail == "exit 1: <> / C.UTF-8"


def test_no_open_file_of_the_node_is_handed_on(script: Script, tmp_path: Path) -> None:
    with (tmp_path / "open").open("w") as file:
        os.set_inheritable(file.fileno(), True)  # noqa: FBT003  # positional only
        found = ran(script(f"test -e /proc/self/fd/{file.fileno()} && exit 1; read line && exit 2; exit 0"))
    assert found == PASSED, "and there is nothing to read"


def test_no_signal_is_ignored_that_a_program_expects(script: Script) -> None:
    ignored = ran(script("sed -n 's/^SigIgn:[[:space:]]*//p' /proc/$$/status; exit 1")).detail.removeprefix("exit 1: ")
    assert [one.name for one in (signal.SIGPIPE, signal.SIGXFSZ) if int(ignored, 16) >> (one - 1) & 1] == []


def test_what_is_printed_beyond_the_limit_is_forgotten(script: Script) -> None:
    noisy = script(
        f"head -c {MAX_OUTPUT_BYTES - 5} /dev/zero | tr '\\0' '\\n'; echo kept; head -c 300000 /dev/zero; exit 1"
    )
    assert ran(noisy).detail.startswith("exit 1: kept")


def test_output_that_is_no_text_is_no_trouble(script: Script) -> None:
    assert ran(script("printf '\\377\\376'; exit 1")).detail == "exit 1: \ufffd\ufffd"


def test_a_program_that_cannot_be_started_is_this_nodes_fault(tmp_path: Path) -> None:
    absent = str(tmp_path / "absent")
    assert ran(absent) == CheckOutcome(Reason.UNREAD, f"{absent} cannot be run: No such file or directory")
    (tmp_path / "absent").write_text("#!/bin/sh\n")
    assert ran(absent) == CheckOutcome(Reason.UNREAD, f"{absent} cannot be run: Permission denied")


def test_a_program_that_a_signal_ended_says_nothing_of_the_endpoint(script: Script) -> None:
    assert ran(script("kill -9 $$")) == CheckOutcome(Reason.UNREAD, "the program was ended by signal 9")


def hanging(script: Script, tmp_path: Path) -> tuple[str, Path]:
    """A program that ignores SIGTERM and has a child, and the pipe through which it tells both process ids."""
    pids = tmp_path / "pids"
    os.mkfifo(pids)
    return script(f"trap '' TERM; sleep 1000 & echo $$ $! > {pids}; wait"), pids


def assert_both_end(left: list[int]) -> None:
    assert len(left) == 2
    assert soon(lambda: all(is_gone(pid) for pid in left))


def test_when_its_time_is_up_the_whole_group_is_killed(script: Script, tmp_path: Path) -> None:
    stuck, pids = hanging(script, tmp_path)

    async def cut_short() -> list[int]:
        running = asyncio.create_task(run((stuck,)))
        told = (await asyncio.to_thread(pids.read_text)).split()
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running
        return [int(pid) for pid in told]

    assert_both_end(asyncio.run(cut_short()))


def children() -> set[str]:
    """The processes that the threads of this process started."""
    found: set[str] = set()
    for thread in Path("/proc/self/task").iterdir():
        with suppress(FileNotFoundError, ProcessLookupError):  # it has ended
            found.update((thread / "children").read_text().split())
    return found


def test_when_its_time_is_up_while_it_is_being_started_the_whole_group_is_killed(
    script: Script, tmp_path: Path
) -> None:
    stuck, pids = hanging(script, tmp_path)

    async def cut_short() -> list[int]:
        before = children()
        running = asyncio.create_task(run((stuck,)))
        while children() == before:  # noqa: ASYNC110  # each turn of the loop is looked at
            await asyncio.sleep(0)
        told = pids.read_text().split()  # the loop is busy, and has not heard of the program that it started
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running
        return [int(pid) for pid in told]

    assert_both_end(asyncio.run(cut_short()))


@contextmanager
def slow_to_read(program: str) -> Iterator[threading.Event]:
    """Has whoever opens a program wait, until the block is left or HELD_S are over: then the event is set.

    It holds a lease on the file (fcntl(2)): a look at it is quick, and to start it takes as long as on a slow disk.
    """
    before = signal.signal(signal.SIGIO, signal.SIG_IGN)  # by which the kernel asks for it back
    held, is_over = os.open(program, os.O_RDONLY), threading.Event()
    try:
        fcntl.fcntl(held, fcntl.F_SETLEASE, fcntl.F_WRLCK)
    except OSError as error:
        os.close(held)
        pytest.skip(f"no leases on this filesystem: {error.strerror}")

    def give_back() -> None:
        is_over.set()
        fcntl.fcntl(held, fcntl.F_SETLEASE, fcntl.F_UNLCK)

    timer = threading.Timer(HELD_S, give_back)
    timer.start()
    try:
        yield is_over
    finally:
        timer.cancel()
        timer.join()
        os.close(held)
        signal.signal(signal.SIGIO, before)


@pytest.mark.slow
def test_a_program_that_the_kernel_is_slow_to_read_holds_up_nobody(script: Script) -> None:
    program = script("exit 0")

    async def cut_short(is_over: threading.Event) -> None:
        before = children()
        running = asyncio.create_task(run((program,)))
        while children() == before:  # noqa: ASYNC110  # the kernel tells nobody
            await asyncio.sleep(PACE_S)
        for _ in range(10):  # it is on its way into the program, and the loop turns
            await asyncio.sleep(PACE_S)
        assert not running.done()
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running
        assert not is_over.is_set()

    before = children()
    with slow_to_read(program) as is_over:
        asyncio.run(cut_short(is_over))
    assert soon(lambda: children() == before), "it is killed once it is there"
    assert ran(program) == PASSED


def test_what_a_program_leaves_behind_is_killed_and_not_waited_for(script: Script, tmp_path: Path) -> None:
    left = tmp_path / "left"
    assert ran(script(f"sleep 1000 & echo $! > {left}; exit 0")) == PASSED
    assert soon(lambda: is_gone(int(left.read_text())))


def test_the_end_of_a_program_is_read_as_it_says() -> None:
    assert outcome_of_exit(0, b"WARNING") == PASSED
    assert outcome_of_exit(1, b"a\r\n  b  \r\n\r\n") == CheckOutcome(Reason.STATUS, "exit 1: b")
    assert outcome_of_exit(-15, b"") == CheckOutcome(Reason.UNREAD, "the program was ended by signal 15")


def test_a_monitor_runs_what_the_node_allows_and_nothing_else(script: Script) -> None:
    program = script('[ "$1" = 192.0.2.7:80 ]')
    check = check_of(ExecSettings((program, "{address}:{port}")), target="db.example.com", port=80)
    resolver = FakeResolver({"db.example.com": "192.0.2.7"})
    assert reading_of(check, resolver=resolver, permitted=permits(programs=frozenset({program}))).ok
    refused = reading_of(check_of(ExecSettings(("/bin/true",))), permitted=permits(programs=frozenset({program})))
    assert (refused.reason, refused.detail.partition(":")[0]) == (
        Reason.UNREAD,
        "/bin/true is not allowed by this node",
    )


def test_a_program_that_takes_too_long_is_a_timeout(script: Script) -> None:
    program = script("sleep 1000")
    check = check_of(ExecSettings((program,)), timeout_s=0.05)
    assert reading_of(check, permitted=permits(programs=frozenset({program}))).reason is Reason.TIMEOUT
