"""The exceptions of this program: whose fault each one is, and what it means.

    GtmError
    +-- WireError            the client's: the bytes of a query; carries the RCODE to answer
    +-- TextInvalid          the operator's: a name or a record in presentation format; the file's parser adds where
    +-- FileInvalid          the operator's: a file that people edit; carries every Problem, placed
    |   +-- ZoneInvalid      a zone file (zones/*.yaml)
    |   +-- NodeInvalid      the node file (gtm.yaml)
    |   +-- NetworksInvalid  the custom networks file
    +-- ZoneTooCostly        the operator's: a zone whose plan takes too long to make; it serves as it was before
    +-- DatabaseInvalid      the operator's: a geo database that cannot be read or fails its verification
    +-- ReportInvalid        a peer's: a report that is forged, replayed, skewed, malformed, or of another's vantage
    +-- OverrideRefused      a person's: what was to be overridden is not here, or a safety rule forbids it
    +-- AnswersNothing       the operator's: a node without the role dns was asked why clients get what they get
    +-- StateInvalid         this machine's: a file of the state folder that cannot be read; a node starts without it
    +-- StateInUse           the operator's: another process holds the state folder; the message says which
    +-- NotPermitted         the operator's: the node file does not let a check use or look at what its monitor names
    +-- SecretUnreadable     the operator's: a secret that is not where the node file says; the message says where
    +-- TlsFileUnreadable    the operator's: a certificate, key or roots for monitors that are of no use
    +-- FileUnreadable       the operator's: a file that configuration names and that cannot be read; says which and why
    +-- NotHttp              an endpoint's: what it sends is no HTTP answer; the message says why, and quotes nothing
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

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, replace

MAX_PROBLEMS = 100
"""Of one file: nobody fixes more at once, and a page of aliases or a wrong export has as many as it has values."""
MAX_MESSAGE = 1_000
"""Characters of the message of one problem: a message repeats a key, which may be as long as the file."""
REST = 2**31
"""The line number of the problem that stands for the rest of a file; it is sorted after all others."""


class GtmError(Exception):
    """Anything this program raises on purpose."""

    @property
    def lines(self) -> tuple[str, ...]:
        """Returns the message as separate lines.

        Here that is one line: a line break in the message was not written by this program.
        """
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
    """One mistake in a file that people edit.

    Lines and columns count from 1. Line 0 is for a problem of a whole folder, and line REST for the rest of the file.
    """

    file: str
    line: int
    column: int
    message: str

    def __str__(self) -> str:
        is_placed = 0 < self.line < REST
        return f"{self.file}:{self.line}:{self.column}: {self.message}" if is_placed else f"{self.file}: {self.message}"


class Problems:
    """Collects the problems of a file: MAX_PROBLEMS are kept, each once; the others are only counted.

    The problems of a records file of a zone file are counted separately. Warnings are collected in the same way.
    """

    def __init__(self, problems: Iterable[Problem] = (), *, noun: str = "problem") -> None:
        self._noun = noun
        self._told: dict[Problem, None] = {}
        self._kept: Counter[str] = Counter()
        self._more: Counter[str] = Counter()
        self._unseen: set[str] = set()
        self.extend(problems)

    def __len__(self) -> int:
        """Returns the number of problems that are kept."""
        return len(self._told)

    def is_full(self, file: str) -> bool:
        """Returns whether further problems of a file are only counted, so that they need no message."""
        return self._kept[file] >= MAX_PROBLEMS

    def add(self, problem: Problem) -> None:
        """Adds a problem once, however often YAML aliases repeat it; if the file is full, only counts it."""
        if len(problem.message) > MAX_MESSAGE:
            problem = replace(problem, message=f"{problem.message[:MAX_MESSAGE]}...")
        if problem in self._told:
            return
        if self.is_full(problem.file) and problem.line != REST:
            self._more[problem.file] += 1
            return
        self._kept[problem.file] += 1
        self._told[problem] = None

    def extend(self, problems: Iterable[Problem]) -> None:
        """Adds several problems."""
        for problem in problems:
            self.add(problem)

    def leave(self, file: str, count: int) -> None:
        """Counts `count` further problems of a file without keeping them."""
        self._more[file] += count

    def stop(self, file: str) -> None:
        """Records that the rest of a file was not checked because it has enough problems already."""
        self._unseen.add(file)

    @property
    def all(self) -> tuple[Problem, ...]:
        """Returns the problems that are kept, in the order of the file.

        One more problem of each file tells how many others were counted, and one that its rest was not checked.
        """
        more = [Problem(file, REST, 1, more_problems(count, self._noun)) for file, count in self._more.items()]
        unseen = [
            Problem(file, REST, 2, "not all of this file was looked at: mend these first") for file in self._unseen
        ]
        return tuple(sorted((*self._told, *more, *unseen)))


def more_problems(count: int, noun: str = "problem") -> str:
    """Returns the line `and COUNT more problems`, for problems that were only counted; `noun` replaces `problem`."""
    return f"and {count} more {noun}{'' if count == 1 else 's'}"


def as_warning(problem: Problem) -> str:
    """Returns the line of a warning: a problem of a file that is used all the same."""
    return str(replace(problem, message=f"warning: {problem.message}"))


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


class ZoneTooCostly(GtmError):
    """The plan of a zone takes longer to make than its time limit, which keeps one zone from delaying the others."""

    def __init__(self, file: str, work: str, *, spent_s: float, limit_s: float) -> None:
        super().__init__(f"its plan took {spent_s:.3g} s of work so far, and {limit_s:g} s are the limit: {work}")
        self.file = file


class DatabaseInvalid(GtmError):
    """A geo database cannot be read, or fails its verification; the message says which and why."""


class ReportInvalid(GtmError):
    """A peer's report is refused; `reason` is the label of the counter (forged, replayed, equivocated, ...).

    `node` is the claimed sender, and `key` its public key; both are empty where they are not known.
    `made_at` is when the node made the report, in Unix seconds by its own clock. It is set only where the report is
    refused for that time and its signature is valid.
    """

    def __init__(
        self, reason: str, message: str, *, node: str = "", key: str = "", made_at: float | None = None
    ) -> None:
        super().__init__(message)
        self.reason = reason
        self.node = node
        self.key = key
        self.made_at = made_at


class OverrideRefused(GtmError):
    """An override is not accepted; `rule` is the safety rule that forbids it, or empty."""

    def __init__(self, message: str, *, rule: str = "", is_unknown: bool = False) -> None:
        super().__init__(message)
        self.rule = rule
        self.is_unknown = is_unknown
        """Whether this node serves nothing in the scope of the override."""


class AnswersNothing(GtmError):
    """A node that serves no DNS was asked why a client gets its answer; the message says whom to ask."""


class StateInvalid(GtmError):
    """A file that a node keeps for itself cannot be read; the message says which and why."""


class StateInUse(GtmError):
    """Another process holds the state folder; the message says which, and what to do."""


class NotPermitted(GtmError):
    """The node file does not let a check use or look at something; the message says what, and where to list it."""


class FileUnreadable(GtmError):
    """A file that the configuration names cannot be read; `reason` says why, and the message also says which file."""

    def __init__(self, file: object, reason: str) -> None:
        super().__init__(f"{file}: {reason}")
        self.reason = reason


class SecretUnreadable(GtmError):
    """A secret cannot be read from where the node file says; the message says where and why, never the secret."""


class TlsFileUnreadable(GtmError):
    """A file with a certificate, a key or roots cannot be used for a check; the message says which and why."""


class NotHttp(GtmError):
    """An endpoint sent something that is not an HTTP answer; the message says why, and quotes nothing of it."""


class NoRoute(GtmError):
    """This machine has no route to any address of an endpoint's family; the message says which (IPv4 or IPv6)."""


class ResolverBusy(GtmError):
    """A host name cannot be resolved now because no thread is free; the message says why."""


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
        """Returns the lines of the message: the reasons, and the end of the log of a node that died."""
        return tuple(str(self).split("\n"))
