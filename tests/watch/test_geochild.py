"""A child that decodes a database may crash, hang or lack memory: this process goes on, and says what it was."""

import errno
import signal

import pytest

from gtm.errors import DatabaseInvalid
from gtm.geo.database import Database
from gtm.watch.geochild import Decode, decode_apart
from tests.fakes.geodamage import WHOLE, Crash, Fail, hang


def reason(decode: Decode, *, limit_s: float = 50.0, content: bytes = WHOLE.content) -> str:
    with pytest.raises(DatabaseInvalid) as caught:
        decode_apart(content, odd=False, decode=decode, limit_s=limit_s)
    return str(caught.value)


@pytest.mark.slow
@pytest.mark.parametrize("by", [signal.SIGSEGV, signal.SIGABRT, signal.SIGTERM])
def test_a_child_that_crashes_is_an_invalid_database(by: signal.Signals) -> None:
    assert reason(Crash(by)) == "malformed: it crashed the reader"


@pytest.mark.slow
def test_a_child_that_is_killed_was_too_large_for_this_machine() -> None:
    assert reason(Crash(signal.SIGKILL)) == (
        "the process that decoded it was killed (SIGKILL): most likely this machine has too little memory to decode it"
    )


@pytest.mark.slow
def test_a_child_that_hangs_is_ended() -> None:
    assert reason(hang, limit_s=0.05) == "the reader was not done with it after 0.05 s"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("error", "words"),
    [
        (MemoryError(), "this machine has too little memory to decode it"),
        (
            OSError(errno.ENOSPC, "No space left on device"),
            "no copy of it can be made for the reader: No space left on device",
        ),
        (DatabaseInvalid("records of 20 bits"), "records of 20 bits"),
    ],
)
def test_what_a_child_lacks_is_told(error: Exception, words: str) -> None:
    assert reason(Fail(error)) == words


def test_a_machine_that_starts_no_process_is_told_of(monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(_process: object) -> None:
        raise OSError(errno.ENOMEM, "Cannot allocate memory")

    monkeypatch.setattr("multiprocessing.context.SpawnProcess.start", fails)
    assert reason(hang) == "no process can be started to decode it: Cannot allocate memory"


@pytest.mark.slow
def test_a_child_that_does_its_work_gives_the_database() -> None:
    database: Database = decode_apart(WHOLE.content, odd=True)
    assert [place.country for place in database.places] == ["", "IE", "US"]
