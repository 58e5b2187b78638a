"""Silent probes: those that voted, and whose votes are all too old to count.

In come the reports that were heard and the merged status, out go the names of nodes. It must not look at a clock: which
votes are fresh is in the status.
"""

from gtm.health.consensus.status import Status
from gtm.health.report.book import Book
from gtm.ids import NodeName


def silent_probes(book: Book, status: Status) -> frozenset[NodeName]:
    """Returns the probes that voted on a check of this status, and have no fresh vote on any."""
    fresh = {node for check in status.checks.values() for voice in check.votes if voice.fresh for node in voice.nodes}
    voted = {
        node
        for node, heard in book.by_node.items()
        if any(vote.is_cast and check in status.checks for check, vote in heard.report.votes.items())
    }
    return frozenset(voted - fresh)
