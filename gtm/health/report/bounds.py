"""Bounds: the largest size of a peer's reports, computed from what the mesh of this node can need.

What comes in: how many checks the zones of this node make, and how many nodes report. What goes out: sizes in bytes,
of one report in its envelope, and of an offer, which has one envelope of each node.

    votes     = GROWTH x checks + SPARE_VOTES       a peer may have read larger zones before this node reads them
    envelope  = OTHER_BYTES + votes x VOTE_BYTES    at most MAX_ENVELOPE_BYTES
    offer     = nodes x envelope                    at most MAX_OFFER_BYTES

A zone that grows by more than that at a stroke is no dead end: the bounds grow as soon as this node reads it too, and
before that it would have no use for the votes. With no zone at all, in a mesh of three, these are 3.6 and 11 MB.
"""

from dataclasses import dataclass

MAX_ENVELOPE_BYTES = 8 << 20
"""Whatever the zones say: about 20,000 votes with long details."""

MAX_OFFER_BYTES = 64 << 20
"""Whatever the zones and peers say: eight of the largest envelopes, or hundreds of common ones."""

GROWTH = 2
SPARE_VOTES = 4_000

VOTE_BYTES = 640
"""512 in a whole report: 100 for the check, 200 for the detail, 212 for the rest and for what escapes it twice. And
128 in the delta that is beside it: 14 for the age, and a fifth of the votes once more."""

OTHER_BYTES = 1 << 20
"""Head, signature, and 256 KiB of overrides (gtm/node/overrides/acceptance.py), each quote of which is escaped
twice."""


@dataclass(frozen=True, slots=True)
class Bounds:
    """The most bytes of an envelope, and of an offer, that this node accepts."""

    envelope: int = MAX_ENVELOPE_BYTES
    offer: int = MAX_OFFER_BYTES


def bounds_for(checks: int, *, nodes: int) -> Bounds:
    """Returns the size bounds for `checks` checks in this node's zones, and `nodes` nodes that report."""
    votes = GROWTH * checks + SPARE_VOTES
    envelope = min(MAX_ENVELOPE_BYTES, OTHER_BYTES + votes * VOTE_BYTES)
    return Bounds(envelope, min(MAX_OFFER_BYTES, nodes * envelope))
