"""The envelope: a signed payload, and what a stranger's bytes must pass to become a report.

What comes in: a report and a key, or bytes from anywhere. What goes out: envelopes, or a report; or ReportInvalid, and
nothing else, with one of these reasons, tried in this order:

    oversized         more than the bound for envelopes (bounds.py)
    malformed         no envelope of this form
    unknown_reporter  signed by a key that nobody here trusts
    forged            the signature does not hold, or a trusted key speaks for another node
    malformed         signed, but no report of this form or within these bounds
    skewed            made more than MAX_SKEW_S from now, by the wall clocks of the two machines
    edition           an edition that its node cannot have reached by now
    equivocated       of an edition that is here with other content: its key signed two reports of one edition
    replayed          not newer than the edition known of its node; a relay that is behind does this innocently
    baseless          a delta to a base that is not here; the giver took this node for better informed than it is
    malformed         a delta that does not fit its base

    {"payload": "<a report, as JSON text>", "key": "ed25519:<base64>", "signature": "<base64>"}
    {"payload": "<a delta>", ..., "base": "<the whole payload it is to>"}     to who may not have the base
    {"payload": "<a delta>", ..., "base": null}                               to who has it
    {"reports": [<envelope>, ...]}      an offer: what one node gives another

The payload is text inside JSON so that the exact bytes that were signed travel through every relay: they are
verified before anything in them is parsed, and no canonical form is needed.
"""

import base64
import hashlib
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Annotated

import msgspec
from msgspec import UNSET, Meta, UnsetType

from gtm.errors import ReportInvalid
from gtm.health.report.bounds import MAX_ENVELOPE_BYTES, MAX_OFFER_BYTES
from gtm.health.report.payload import (
    Base,
    Delta,
    claimed_node,
    compose_delta,
    compose_payload,
    parse_delta,
    parse_payload,
    patched,
)
from gtm.health.report.report import Edition, Report, excess
from gtm.health.report.signature import SIGNATURE_BYTES, Keys, PrivateKey, each_key
from gtm.health.strict_json import Strict, decoded
from gtm.ids import NodeName

MAX_REPORTS = 1_000
"""In one offer; more probes than any mesh of this kind should have."""

MAX_SKEW_S = 30.0
"""How far two machines' wall clocks may differ; and how long a captured report can be replayed to a new node."""

DIGEST_LENGTH = 32
"""Hex digits, 128 bits: of 64 bits whoever has a key could find two reports with one digest."""

MAX_KEY_LENGTH = 100
MAX_SIGNATURE_LENGTH = 100
"""Both are shorter; longer text is not worth comparing or decoding."""


@dataclass(frozen=True, slots=True)
class Sealed:
    """A report in its envelope, and what deltas after it may be to."""

    report: Report
    base: Base
    """Its own payload for a whole report."""
    brief: bytes
    """The envelope for who has the base."""
    full: bytes
    """The envelope for anybody."""
    digest: str
    """Of the payload that was signed: the same in both envelopes, and no other report of this edition has it."""


def seal(report: Report, key: PrivateKey, *, last: Base | None = None) -> Sealed:
    """Returns the report signed in its envelope: as a delta to the base `last` if that is shorter, else whole."""
    delta = None if last is None else compose_delta(report, last)
    if delta is None or last is None:
        base = Base(report, compose_payload(report))
        whole = _json(_signed(base.text, key))
        return Sealed(report, base, whole, whole, payload_digest(base.text))
    signed = _signed(delta, key)
    brief, full = _json({**signed, "base": None}), _json({**signed, "base": last.text})
    return Sealed(report, last, brief, full, payload_digest(delta))


def payload_digest(payload: str) -> str:
    """Returns a digest of a payload, too long for anybody to make two payloads with the same one."""
    return hashlib.sha256(payload.encode()).hexdigest()[:DIGEST_LENGTH]


def signer_of(envelope: bytes) -> str:
    """Returns the text of the key that an envelope names as its signer, without verifying the signature."""
    return decoded(_ENVELOPE, envelope).key


def compose_envelope(report: Report, key: PrivateKey) -> bytes:
    """Returns the whole report as a signed envelope."""
    return seal(report, key).full


def compose_offer(envelopes: Iterable[bytes]) -> bytes:
    """Returns an offer of these envelopes."""
    return b'{"reports":[' + b",".join(envelopes) + b"]}"


def parse_offer(body: bytes | bytearray, *, most_bytes: int = MAX_OFFER_BYTES) -> tuple[bytes, ...]:
    """Returns the envelopes of an offer, still unverified, as they were composed; or raises ReportInvalid."""
    if len(body) > most_bytes:
        raise ReportInvalid("oversized", f"an offer of {len(body)} bytes; the limit is {most_bytes}")
    return tuple([envelope.raw for envelope in decoded(_OFFER, body).reports])


def parse_envelope(
    raw: bytes,
    *,
    trusted: Mapping[NodeName, Keys],
    known: Mapping[NodeName, Edition],
    wall: float,
    held: Mapping[NodeName, Sealed] | None = None,
    most_bytes: int = MAX_ENVELOPE_BYTES,
) -> Sealed:
    """Returns the report in an envelope from anywhere, or raises ReportInvalid.

    `held` has what was heard last of each node: its base is for deltas that come without theirs.
    """
    if len(raw) > most_bytes:
        raise ReportInvalid("oversized", f"an envelope of {len(raw)} bytes; the limit is {most_bytes}")
    envelope = decoded(_ENVELOPE, raw)
    try:
        _require_signed(envelope, trusted)
        text = envelope.payload
        head: Report | Delta = parse_delta(text) if envelope.is_delta else parse_payload(text)
        # before its base is looked for: what comes late, over a slow relay, may be to a base that is gone
        _require_acceptable(head, envelope.key, trusted, wall=wall)
        digest, last = payload_digest(text), (held or {}).get(NodeName(head.node))
        require_newer(head, known, digest=digest, held=last)
        return _sealed(envelope, raw, head, digest, None if last is None else last.base)
    except ReportInvalid as refused:
        claimed = claimed_node(envelope.payload)
        raise ReportInvalid(
            refused.reason, str(refused), node=claimed, key=envelope.key, made_at=refused.made_at
        ) from refused


def _require_signed(envelope: "_Envelope", trusted: Mapping[NodeName, Keys]) -> None:
    signers = {str(key): key for keys in trusted.values() for key in each_key(keys)}
    if envelope.key not in signers:
        raise ReportInvalid("unknown_reporter", "it is signed by a key that is not among the peers")
    if not signers[envelope.key].verifies(envelope.payload.encode(), base64.b64decode(envelope.signature)):
        raise ReportInvalid("forged", "the signature does not hold")


def _sealed(envelope: "_Envelope", raw: bytes, head: Report | Delta, digest: str, last: Base | None) -> Sealed:
    if isinstance(head, Report):
        return Sealed(head, Base(head, envelope.payload), raw, raw, digest)
    base = _base(head.base, envelope.base or None, last)
    signed = {"payload": envelope.payload, "key": envelope.key, "signature": envelope.signature}
    brief, full = _json({**signed, "base": None}), _json({**signed, "base": base.text})
    return Sealed(patched(head, base.report), base, brief, full, digest)


def _base(digest: str, given: str | None, last: Base | None) -> Base:
    """Returns the base of a delta: the signed digest proves it, wherever it comes from."""
    if last is not None and last.digest == digest:
        return last
    if given is None or hashlib.sha256(given.encode()).hexdigest() != digest:
        raise ReportInvalid("baseless", "it is a delta to a report that is not here")
    return Base(parse_payload(given), given)


def _require_acceptable(
    report: Report | Delta,
    key: str,
    trusted: Mapping[NodeName, Keys],
    *,
    wall: float,
) -> None:
    node = NodeName(report.node)
    if key not in map(str, each_key(trusted.get(node, ()))):
        raise ReportInvalid("forged", f"this key may not report for {node}")
    if abs(report.made_at - wall) > MAX_SKEW_S:
        ahead_s = report.made_at - wall
        message = f"the report of {node} was made {ahead_s:+.0f} s from this node's now"
        raise ReportInvalid("skewed", message, made_at=report.made_at)
    too_new = excess(report.edition, wall=wall, skew_s=MAX_SKEW_S)
    if too_new:
        raise ReportInvalid("edition", f"the report of {node} cannot be of now: {too_new}")


def require_newer(
    report: Report | Delta, known: Mapping[NodeName, Edition], *, digest: str, held: Sealed | None
) -> None:
    """Raises ReportInvalid for a report that is not newer than the edition known of its node.

    `digest` is of its payload, `held` the last report of its node: another one of the same edition is no replay.
    """
    newest = known.get(NodeName(report.node))
    if newest is not None and report.edition <= newest:
        if held is not None and held.report.edition == report.edition and held.digest != digest:
            message = f"{report.node} signed two different reports of one edition, {report.epoch}.{report.serial}"
            raise ReportInvalid("equivocated", message, node=report.node)
        message = f"{report.node} already reported {newest}; this is {report.edition}"
        raise ReportInvalid("replayed", message, node=report.node)


def signature_text(value: str) -> str:
    """Returns the text of a signature; raises ValueError for other."""
    if len(base64.b64decode(value, validate=True)) != SIGNATURE_BYTES:
        raise ValueError(f"a signature has {SIGNATURE_BYTES} bytes")
    return value


def key_text(value: str) -> str:
    """Returns the possible text of a key; raises ValueError for other."""
    if not re.fullmatch(r"[A-Za-z0-9:+/=]*", value):
        raise ValueError("holds characters that no key has")  # it goes into the log
    return value


class Signed(Strict, frozen=True, kw_only=True):
    """A payload and its signature: what can be read of a stranger's words before they are verified."""

    payload: str
    key: Annotated[str, Meta(max_length=MAX_KEY_LENGTH)]
    signature: Annotated[str, Meta(max_length=MAX_SIGNATURE_LENGTH)]

    def __post_init__(self) -> None:
        key_text(self.key)
        signature_text(self.signature)


class _Envelope(Signed, frozen=True, kw_only=True):
    base: str | UnsetType | None = UNSET

    @property
    def is_delta(self) -> bool:
        """Returns whether the payload is a delta: whether the envelope has the field `base`."""
        return self.base is not UNSET

    @property
    def raw(self) -> bytes:
        """Returns the envelope as JSON, the same bytes as it was composed with."""
        fields = {"payload": self.payload, "key": self.key, "signature": self.signature}
        return _json({**fields, "base": self.base} if self.is_delta else fields)


class _Offer(Strict, frozen=True, kw_only=True):
    reports: Annotated[list[_Envelope], Meta(max_length=MAX_REPORTS)]


_ENVELOPE = msgspec.json.Decoder(_Envelope)
_OFFER = msgspec.json.Decoder(_Offer)


def _signed(payload: str, key: PrivateKey) -> dict[str, str | None]:
    signature = base64.b64encode(key.sign(payload.encode("ascii"))).decode("ascii")
    return {"payload": payload, "key": str(key.public), "signature": signature}


def _json(fields: Mapping[str, object]) -> bytes:
    return json.dumps(fields, separators=(",", ":")).encode("ascii")
