"""The envelope: a report as signed JSON, and what a stranger's bytes must pass to become a report.

What comes in: a report and a key, or bytes from anywhere. What goes out: bytes, or a report; or ReportInvalid, and
nothing else, with one of these reasons, tried in this order:

    oversized         more than MAX_ENVELOPE_BYTES
    malformed         no envelope of this form
    unknown_reporter  signed by a key that nobody here trusts
    forged            the signature does not hold, or a trusted key speaks for another node
    malformed         signed, but no report of this form or within these bounds
    skewed            made more than MAX_SKEW_S from now, by the wall clocks of the two machines
    replayed          not newer than the edition known of its node; a relay that is behind does this innocently

    {"payload": "<the report, as JSON text>", "key": "ed25519:<base64>", "signature": "<base64>"}
    {"reports": [<envelope>, ...]}      an offer: what one node gives another

The payload is text inside JSON so that the exact bytes that were signed travel through every relay: they are
verified before anything in them is parsed, and no canonical form is needed.
"""

import base64
import json
import re
from collections.abc import Iterable, Mapping
from typing import Annotated, Literal, TypeVar

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from gtm.errors import ReportInvalid
from gtm.health.belief import Belief
from gtm.health.reading import MAX_DETAIL_LENGTH, Reason, clean_detail
from gtm.health.report import Edition, Report, Vote
from gtm.health.signature import SIGNATURE_BYTES, PrivateKey, PublicKey
from gtm.health.verdict import VerdictState
from gtm.ids import CheckId, NodeName, VantageName

MAX_ENVELOPE_BYTES = 8 << 20
"""About 20,000 votes with long details; a node reads so much of one report before it trusts a byte of it."""

MAX_OFFER_BYTES = 64 << 20
"""Eight of the largest envelopes, or hundreds of common ones."""

MAX_REPORTS = 1_000
"""In one offer; more probes than any mesh of this kind should have."""

MAX_VOTES = 20_000
"""Ten times what one probe can check at an interval of 1 s."""

MAX_CHECK_LENGTH = 600
"""A zone's name and a target's (255 each, RFC 1035 3.1) and a monitor's."""

MAX_SKEW_S = 30.0
"""How far two machines' wall clocks may differ; and how long a captured report can be replayed to a new node."""

MAX_EDITION = 2**63 - 1
"""What any other program can hold as an integer."""

MAX_SECONDS = 1e12
"""Far beyond any time and age; only to keep absurd numbers out of arithmetic."""

MAX_KEY_LENGTH = 100
MAX_SIGNATURE_LENGTH = 100
"""Both are shorter; longer text is not worth comparing or decoding."""


def compose_envelope(report: Report, key: PrivateKey) -> bytes:
    """Returns the report as a signed envelope."""
    payload = _compose_payload(report)
    signature = base64.b64encode(key.sign(payload.encode("ascii"))).decode("ascii")
    envelope = {"payload": payload, "key": str(key.public), "signature": signature}
    return _envelope_bytes(envelope)


def compose_offer(envelopes: Iterable[bytes]) -> bytes:
    """Returns an offer of these envelopes."""
    return b'{"reports":[' + b",".join(envelopes) + b"]}"


def parse_offer(body: bytes) -> tuple[bytes, ...]:
    """Returns the envelopes of an offer, still unverified, as they were composed; or raises ReportInvalid."""
    if len(body) > MAX_OFFER_BYTES:
        raise ReportInvalid("oversized", f"an offer of {len(body)} bytes; the limit is {MAX_OFFER_BYTES}")
    return tuple(_envelope_bytes(envelope.model_dump()) for envelope in _parsed(_Offer, body).reports)


def parse_envelope(
    raw: bytes,
    *,
    trusted: Mapping[NodeName, PublicKey],
    known: Mapping[NodeName, Edition],
    wall: float,
) -> Report:
    """Returns the report in an envelope from anywhere, or raises ReportInvalid."""
    if len(raw) > MAX_ENVELOPE_BYTES:
        raise ReportInvalid("oversized", f"an envelope of {len(raw)} bytes; the limit is {MAX_ENVELOPE_BYTES}")
    envelope = _parsed(_Envelope, raw)
    signers = {str(key): key for key in trusted.values()}
    payload = envelope.payload.encode()
    try:
        if envelope.key not in signers:
            raise ReportInvalid("unknown_reporter", "it is signed by a key that is not among the peers")
        if not signers[envelope.key].verifies(payload, base64.b64decode(envelope.signature)):
            raise ReportInvalid("forged", "the signature does not hold")
        report = _report(_parsed(_Payload, payload))
        _require_acceptable(report, envelope.key, trusted, known, wall=wall)
    except ReportInvalid as refused:
        raise ReportInvalid(refused.reason, str(refused), node=_claimed(payload), key=envelope.key) from refused
    return report


def _claimed(payload: bytes) -> str:
    """Returns in whose name a refused report is; nothing of it is believed, it is for the log."""
    try:
        return _Claim.model_validate_json(payload).node
    except ValidationError:
        return ""


def _require_acceptable(
    report: Report,
    key: str,
    trusted: Mapping[NodeName, PublicKey],
    known: Mapping[NodeName, Edition],
    *,
    wall: float,
) -> None:
    if report.node not in trusted or str(trusted[report.node]) != key:
        raise ReportInvalid("forged", f"this key may not report for {report.node}")
    if abs(report.made_at - wall) > MAX_SKEW_S:
        ahead_s = report.made_at - wall
        raise ReportInvalid("skewed", f"the report of {report.node} was made {ahead_s:+.0f} s from this node's now")
    newest = known.get(report.node)
    if newest is not None and report.edition <= newest:
        raise ReportInvalid("replayed", f"{report.node} already reported {newest}; this is {report.edition}")


def _signature(value: str) -> str:
    if len(base64.b64decode(value, validate=True)) != SIGNATURE_BYTES:
        raise ValueError(f"a signature has {SIGNATURE_BYTES} bytes")
    return value


def _key_text(value: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9:+/=]*", value):
        raise ValueError("holds characters that no key has")  # it goes into the log
    return value


def _printable(value: str) -> str:
    if not value.isprintable():
        raise ValueError("holds characters that do not print")
    return value


_Name = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9._-]{1,64}$")]
_CheckText = Annotated[str, StringConstraints(min_length=1, max_length=MAX_CHECK_LENGTH), AfterValidator(_printable)]
_Detail = Annotated[str, StringConstraints(max_length=MAX_DETAIL_LENGTH), AfterValidator(_printable)]
_Seconds = Annotated[float, Field(ge=0, le=MAX_SECONDS, allow_inf_nan=False)]
_Count = Annotated[int, Field(ge=0, le=MAX_EDITION)]


class _Wire(BaseModel):
    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)


class _Envelope(_Wire):
    payload: str
    key: Annotated[str, StringConstraints(max_length=MAX_KEY_LENGTH), AfterValidator(_key_text)]
    signature: Annotated[str, StringConstraints(max_length=MAX_SIGNATURE_LENGTH), AfterValidator(_signature)]


class _Vote(_Wire):
    belief: Belief
    reason: Reason
    detail: _Detail
    age_s: _Seconds
    since: _Seconds
    state: VerdictState | None = None
    flip_in_s: _Seconds = 0.0
    """Both are left out where they say no more than the belief, and by nodes that do not know of them."""


class _Payload(_Wire):
    version: Literal[1]
    node: _Name
    vantage: _Name
    epoch: _Count
    serial: _Count
    made_at: _Seconds
    votes: Annotated[dict[_CheckText, _Vote], Field(max_length=MAX_VOTES)]


class _Claim(BaseModel):
    node: _Name


class _Offer(_Wire):
    reports: Annotated[list[_Envelope], Field(max_length=MAX_REPORTS)]


def _envelope_bytes(fields: Mapping[str, str]) -> bytes:
    return json.dumps(fields, separators=(",", ":")).encode("ascii")


_Model = TypeVar("_Model", bound=_Wire)


def _parsed(model: type[_Model], raw: bytes) -> _Model:
    try:
        return model.model_validate_json(raw)
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False, include_input=False)[0]
        where = ".".join(str(part) for part in first["loc"])
        raise ReportInvalid("malformed", clean_detail(f"{where}: {first['msg']}")) from error


def _report(payload: _Payload) -> Report:
    votes = {
        CheckId(check): Vote(
            vote.belief,
            vote.reason,
            vote.detail,
            vote.age_s,
            vote.since,
            VerdictState(vote.belief.value) if vote.state is None else vote.state,
            vote.flip_in_s,
        )
        for check, vote in payload.votes.items()
    }
    node, vantage = NodeName(payload.node), VantageName(payload.vantage)
    return Report(node, vantage, payload.epoch, payload.serial, payload.made_at, votes)


def _compose_payload(report: Report) -> str:
    fields = {
        "version": 1,
        "node": report.node,
        "vantage": report.vantage,
        "epoch": report.epoch,
        "serial": report.serial,
        "made_at": report.made_at,
        "votes": {check: _compose_vote(vote) for check, vote in report.votes.items()},
    }
    return json.dumps(fields, separators=(",", ":"), allow_nan=False)


def _compose_vote(vote: Vote) -> Mapping[str, str | float]:
    return {
        "belief": vote.belief.value,
        "reason": vote.reason.value,
        "detail": vote.detail,
        "age_s": vote.age_s,
        "since": vote.since,
        **({} if vote.state.value == vote.belief.value else {"state": vote.state.value}),
        **({"flip_in_s": vote.flip_in_s} if vote.flip_in_s else {}),
    }
