"""How a peer does: whether this node hears it. What it says is in the book (book.py), whatever way it came."""

from enum import Enum


class PeerState(Enum):
    """How a peer does, as far as this node's own polls tell."""

    UNREACHED = "unreached"
    """No poll of it has ever succeeded."""
    HEARD = "heard"
    LOST = "lost"
    """It was heard, and the last poll failed."""
