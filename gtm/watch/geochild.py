"""Decodes a large geo database in a child process: the bytes of a file in, a Database out, or DatabaseInvalid.

The reader in C is many times as fast as the one in Python, but a corrupt record can end the process that it runs in. So
it runs in a child that lives for one database, on a copy of the bytes without a name, and this process stays whole:

    the child                          the database is invalid, because
    answers that it is                 of what the child says
    has no memory, disk or process     this machine has too little of it; the file may be good
    is ended by SIGKILL                the same: Linux does that where memory runs out
    is not done after DECODE_S         it takes too long; the child is ended
    ends in any other way              it crashed the reader
"""

import gc
import signal
from contextlib import suppress
from io import BytesIO
from multiprocessing import get_context
from multiprocessing.connection import Connection
from tempfile import TemporaryFile
from typing import Protocol

import maxminddb

from gtm.errors import DatabaseInvalid
from gtm.geo import database
from gtm.geo.database import NO_MEMORY, Database

DECODE_S = 300.0
"""Seconds that the child may take. The worst valid city database takes four seconds (docs/reference/performance.md)."""


class Decode(Protocol):
    """A function that decodes the bytes of a database file.

    It must be a function of a module, as the child process gets it by its name.
    """

    def __call__(self, content: bytes, *, odd: bool) -> Database:
        """Returns the database, with its oddities if `odd` is True. Raises DatabaseInvalid if it cannot be decoded."""


def opened(file: BytesIO | str, mode: int) -> maxminddb.Reader:
    """Returns a maxminddb reader of a database file. Raises DatabaseInvalid if it cannot be opened."""
    try:
        return maxminddb.open_database(file, mode)
    except MemoryError as exc:
        raise DatabaseInvalid(NO_MEMORY) from exc
    except database.MALFORMED as exc:
        raise DatabaseInvalid("not a MaxMind DB file, or its metadata is malformed") from exc


def decode_with_c(content: bytes, *, odd: bool) -> Database:
    """Returns the database, decoded by the reader in C in this process.

    A corrupt record may end this process.
    """
    # The reader maps a file; this one has no name, so no other process can overwrite it.
    with TemporaryFile() as file:
        file.write(content)
        file.flush()
        gc.disable()  # this process ends soon; the collector would scan a hundred thousand places again and again
        with opened(f"/dev/fd/{file.fileno()}", maxminddb.MODE_AUTO) as reader:
            return database.parse(reader, content, odd=odd)


def decode_apart(content: bytes, *, odd: bool, decode: Decode = decode_with_c, limit_s: float = DECODE_S) -> Database:
    """Returns the database, decoded by `decode` in a child process.

    Raises DatabaseInvalid if it is invalid, crashes the child, or takes longer than `limit_s` seconds.
    """
    context = get_context("spawn")
    here, there = context.Pipe()
    child = context.Process(target=_answer, args=(there, decode), kwargs={"odd": odd, "limit_s": limit_s}, daemon=True)
    with here:
        with there:
            try:
                child.start()
            except OSError as exc:
                raise DatabaseInvalid(f"no process can be started to decode it: {exc.strerror}") from exc
        try:
            here.send_bytes(content)
            answer: Database | str | None = here.recv()
        except MemoryError:
            answer = NO_MEMORY
        except (EOFError, OSError):
            answer = None
    child.join()  # it ends by itself: it has answered, its parent is gone, or it is at its limit
    if isinstance(answer, Database):
        return answer
    raise DatabaseInvalid(_reason(child.exitcode, limit_s) if answer is None else answer)


def _reason(exit_code: int | None, limit_s: float) -> str:
    """Returns the reason why there is no database, from the exit code of a child that sent no answer."""
    if exit_code == -signal.SIGALRM:
        return f"the reader was not done with it after {limit_s:g} s"
    if exit_code == -signal.SIGKILL:
        return f"the process that decoded it was killed (SIGKILL): most likely {NO_MEMORY}"
    return "malformed: it crashed the reader"


def _answer(there: Connection, decode: Decode, *, odd: bool, limit_s: float) -> None:
    """Runs in the child: sends the database, or the reason why there is none, to the parent."""
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    signal.setitimer(signal.ITIMER_REAL, limit_s)  # it ends code in C too, and no thread has to wait for it
    answer: Database | str
    try:
        answer = decode(there.recv_bytes(), odd=odd)
    except DatabaseInvalid as exc:
        answer = str(exc)
    except MemoryError:
        answer = NO_MEMORY
    except EOFError:
        return  # the parent is gone
    except OSError as exc:
        answer = f"no copy of it can be made for the reader: {exc.strerror}"
    with suppress(ConnectionError):
        there.send(answer)
