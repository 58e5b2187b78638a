"""The state of a peer: whether this node's polls of it succeed. Its reports are in the book (book.py)."""

from enum import Enum


class PeerState(Enum):
    """The state of a peer by this node's own polls: never reached, heard, or lost."""

    UNREACHED = "unreached"
    """No poll of it has ever succeeded."""
    HEARD = "heard"
    LOST = "lost"
    """It was heard, and the last poll failed."""
