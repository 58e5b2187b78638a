"""The tree of exceptions: whose fault it is, and what to do.

    GtmError
    +-- WireError            the client's: the bytes of a query; carries the RCODE to answer
    +-- TextInvalid          the operator's: a name or a record in presentation format; the file's parser adds where
    +-- FileInvalid          the operator's: a file that people edit; carries every Problem, placed
    |   +-- ZoneInvalid      a zone file (zones/*.yaml)
    |   +-- NodeInvalid      the node file (gtm.yaml)
    |   +-- NetworksInvalid  the custom networks file
    +-- DatabaseInvalid      the operator's: a geo database that cannot be read or fails its verification
    +-- ReportInvalid        a peer's: a report that is forged, replayed, skewed, oversized or malformed
    +-- OverrideRefused      a person's: what was to be overridden is not here, or a safety rule forbids it
    +-- StateInvalid         this machine's: a file of the state folder that cannot be read; a node starts without it
    +-- SecretUnreadable     the operator's: a secret that is not where the zone file says; the message says where
    +-- TlsFileUnreadable    the operator's: a certificate, key or roots that a monitor names and that are of no use
    +-- NoRoute              this machine's: it has no way to any address of a family; nobody goes down for it
    +-- ResolverBusy         this machine's: it has no thread left to resolve a name in; nobody goes down for it
    +-- CallOverdue          this machine's: what was called in a thread hangs (a disk, a file), or no thread is left
    +-- EngineUnavailable    this installation's: the engine asked for is not built in
    +-- ListenFailed         the operator's: an address to listen on that cannot be bound
    +-- Unreachable          the network's or the operator's: a running node that was asked and did not answer
    +-- DemoFailed           this machine's or the operator's: the demo cannot do what was asked, or a node of it died

A Problem is placed by file:line:column. Exceptions of libraries (OSError, yaml, pydantic, aiohttp, maxminddb) become
one of these where they enter, once. A failed check is a Reading with a reason, not an exception.
"""

from collections.abc import Iterable
from dataclasses import dataclass


class GtmError(Exception):
    """Anything this program raises on purpose."""

    @property
    def lines(self) -> tuple[str, ...]:
        """Returns the message as the lines that this program meant: a line break in it is somebody else's."""
        return (str(self),)


class WireError(GtmError):
    """The bytes of a query cannot be answered as asked; `rcode` says what to answer (RFC 1035 4.1.1)."""

    def __init__(self, rcode: int, message: str) -> None:
        super().__init__(message)
        self.rcode = rcode


class TextInvalid(GtmError):
    """A name or a record in presentation format cannot be read; the message says why, and not where."""


@dataclass(frozen=True, slots=True, order=True)
class Problem:
    """One mistake in a file that people edit. Lines and columns count from 1; line 0 is that of a whole folder."""

    file: str
    line: int
    column: int
    message: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}: {self.message}" if self.line else f"{self.file}: {self.message}"


class FileInvalid(GtmError):
    """A file that people edit has mistakes; all of them are in `problems`, in the order of the file."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(sorted(problems))
        super().__init__("\n".join(self.lines))

    @property
    def lines(self) -> tuple[str, ...]:
        """Returns a line for each problem."""
        return tuple(str(problem) for problem in self.problems)


class ZoneInvalid(FileInvalid):
    """A zone file, or the shared file, has mistakes."""


class NodeInvalid(FileInvalid):
    """The node file has mistakes."""


class NetworksInvalid(FileInvalid):
    """The custom networks file has mistakes."""


class DatabaseInvalid(GtmError):
    """A geo database cannot be read, or fails its verification; the message says which and why."""


class ReportInvalid(GtmError):
    """A peer's report is refused; `reason` is the name of the counter that moves (forged, replayed, ...).

    `node` is in whose name it was, as it claims itself, and `key` by which key; empty where it cannot be told.
    """

    def __init__(self, reason: str, message: str, *, node: str = "", key: str = "") -> None:
        super().__init__(message)
        self.reason = reason
        self.node = node
        self.key = key


class OverrideRefused(GtmError):
    """An override is not taken; `rule` is the safety rule that forbids it, empty where its scope is not here."""

    def __init__(self, message: str, *, rule: str = "") -> None:
        super().__init__(message)
        self.rule = rule


class StateInvalid(GtmError):
    """A file that a node keeps for itself cannot be read; the message says which and why."""


class SecretUnreadable(GtmError):
    """A secret is not where the zone file says that it is kept; the message says where and why, never what."""


class TlsFileUnreadable(GtmError):
    """A file with a certificate, a key or roots cannot be used for a check; the message says which and why."""


class NoRoute(GtmError):
    """This machine cannot send to any address of an endpoint's family; the message says of which."""


class ResolverBusy(GtmError):
    """A host name cannot be asked for now; the message says why."""


class CallOverdue(GtmError):
    """A call in a thread did not end in time, or there is no thread for it; the message says in which pool."""


class EngineUnavailable(GtmError):
    """The engine asked for is not in this installation; the message says how to get it."""


class ListenFailed(GtmError):
    """An address to listen on cannot be bound; the message says which, why, and what helps."""

    @property
    def lines(self) -> tuple[str, ...]:
        """Returns a line for each address."""
        return tuple(str(self).split("\n"))


class Unreachable(GtmError):
    """A running node was asked over its admin API and did not answer as expected."""


class DemoFailed(GtmError):
    """The demo cannot start, cannot do what was asked, or one of its nodes died; the message says which and why."""

    @property
    def lines(self) -> tuple[str, ...]:
        """Returns the reasons, and the end of the log of what died."""
        return tuple(str(self).split("\n"))
