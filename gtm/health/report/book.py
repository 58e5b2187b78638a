"""The book of reports heard: the newest of each node, and when it was heard.

What comes in: verified reports in any order, some twice, by any way through the mesh. What goes out: a new book, or
None when the report says nothing new. The book is a join of (epoch, serial): hearing commutes, and hearing again
changes nothing, so nodes that heard the same reports hold the same book without a leader.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from gtm.health.report.report import Edition, Report
from gtm.ids import NodeName


@dataclass(frozen=True, slots=True)
class Heard:
    """One report, and when this node received it."""

    report: Report
    heard_at: float
    """Monotonic seconds of this process; the ages in the report count from here on."""


class LastReport(NamedTuple):
    """The edition of a node's last report, and when it was made, in Unix seconds by the clock of that node."""

    edition: Edition
    made_at: float


LastHeard = Mapping[NodeName, LastReport]

NOBODY_HEARD: LastHeard = {}


@dataclass(frozen=True, slots=True)
class Book:
    """The newest report of each node."""

    by_node: Mapping[NodeName, Heard] = field(default_factory=dict)

    @property
    def last_heard(self) -> LastHeard:
        """Returns the edition and time of the last report of each node, without its votes."""
        return {node: LastReport(heard.report.edition, heard.report.made_at) for node, heard in self.by_node.items()}

    @property
    def editions(self) -> Mapping[NodeName, Edition]:
        """Returns the edition heard of each node: what a new report must exceed."""
        return {node: heard.report.edition for node, heard in self.by_node.items()}


EMPTY_BOOK = Book()


def hear(book: Book, report: Report, *, heard_at: float) -> Book | None:
    """Returns the book with this report added; None if it has this edition of the node or a newer one already.

    `heard_at` is when the report came, in monotonic seconds.
    """
    known = book.by_node.get(report.node)
    if known is not None and report.edition <= known.report.edition:
        return None
    return Book({**book.by_node, report.node: Heard(report, heard_at)})


def leave(book: Book, node: NodeName) -> Book:
    """Returns the book without the report of a node."""
    return Book({name: heard for name, heard in book.by_node.items() if name != node})
