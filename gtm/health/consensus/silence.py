"""Silent probes: those that voted, and whose votes are all too old to count.

What comes in: the reports heard, and the merged status. What goes out: the names of silent probes. It must not read a
clock: the status says which votes are fresh.
"""

from gtm.health.consensus.status import Status
from gtm.health.report.book import Book
from gtm.ids import NodeName


def silent_probes(book: Book, status: Status) -> frozenset[NodeName]:
    """Returns the probes that voted on a check of this status, but have no fresh vote on any check."""
    fresh = {node for check in status.checks.values() for voice in check.votes if voice.fresh for node in voice.nodes}
    voted = {
        node
        for node, heard in book.by_node.items()
        if any(vote.is_cast and check in status.checks for check, vote in heard.report.votes.items())
    }
    return frozenset(voted - fresh)
