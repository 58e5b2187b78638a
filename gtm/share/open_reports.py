"""Opening: the offers and envelopes of peers -> reports, or refusals; plain functions, so that a thread can run them.

What comes in: a body or an envelope as it came, and what the store knows at that moment. What goes out: an outcome of
each envelope, in their order: a report, or a refusal; none of those that are held already, the same bytes. It changes
nothing: by the time that the store gets the outcomes it may know more, and looks again.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace

from gtm.errors import ReportInvalid
from gtm.health.report.bounds import Bounds
from gtm.health.report.envelope import Sealed, parse_envelope, parse_offer
from gtm.health.report.report import Edition
from gtm.health.report.signature import Keys
from gtm.ids import NodeName

OpenedReport = Sealed | ReportInvalid

SPARE_CHECKS = 20
"""Signatures of one offer that are verified, besides one of each node that is trusted: an honest one has no more than
those, and to verify a thousand takes a quarter of a second."""


@dataclass(frozen=True, slots=True)
class Known:
    """What a store needs to verify reports: trusted keys, last editions and reports, size bounds, and the wall time."""

    trusted: Mapping[NodeName, Keys]
    editions: Mapping[NodeName, Edition]
    held: Mapping[NodeName, Sealed]
    bounds: Bounds
    wall: float


def opened_offer(body: bytes | bytearray, known: Known) -> list[OpenedReport]:
    """Returns a report or a refusal for each new envelope in an offer."""
    try:
        envelopes = parse_offer(body, most_bytes=known.bounds.offer)
    except ReportInvalid as refused:
        return [_bare(refused)]
    return opened(envelopes, known)


def opened(envelopes: Collection[bytes], known: Known) -> list[OpenedReport]:
    """Returns a report or a refusal for each new envelope; envelopes that the store has already are left out."""
    outcomes: list[OpenedReport] = []
    left = len(known.trusted) + SPARE_CHECKS
    for envelope in envelopes:
        if is_held(envelope, known.held):
            continue
        if not left:
            outcomes.append(ReportInvalid("malformed", "more reports than there are nodes; the rest is not looked at"))
            break
        outcome = _opened(envelope, known)
        outcomes.append(outcome)
        if isinstance(outcome, Sealed) or outcome.reason != "unknown_reporter":
            left -= 1
        if isinstance(outcome, Sealed):
            node = outcome.report.node
            editions = {**known.editions, node: outcome.report.edition}
            known = replace(known, editions=editions, held={**known.held, node: outcome})
    return outcomes


def is_held(envelope: bytes, held: Mapping[NodeName, Sealed]) -> bool:
    """Returns whether the store has an envelope with the same bytes already: the most common case in a mesh."""
    return any(envelope in (sealed.brief, sealed.full) for sealed in held.values())


def _opened(envelope: bytes, known: Known) -> OpenedReport:
    try:
        return parse_envelope(
            envelope,
            trusted=known.trusted,
            known=known.editions,
            wall=known.wall,
            held=known.held,
            most_bytes=known.bounds.envelope,
        )
    except ReportInvalid as refused:
        return _bare(refused)


def _bare(refused: ReportInvalid) -> ReportInvalid:
    """Returns a refusal without its frames: they have the whole body, and who holds the refusal is one of them."""
    refused.__cause__ = refused.__context__ = None
    return refused.with_traceback(None)
