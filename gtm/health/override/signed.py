"""An override as signed text: the form in which nodes share overrides, and keep them on disk.

What comes in: an override and a key, or a text from anywhere. What goes out: a text, or an override; or ReportInvalid,
and no other error, with one of these reasons, tested in this order:

    oversized         more than MAX_SEALED_LENGTH
    malformed         no envelope of this form
    unknown_reporter  signed by a key that this node does not trust
    forged            the signature is invalid, or the trusted key is of another node
    malformed         signed, but no override of this form or within these bounds
    skewed            made later than MAX_SKEW_S from now; what is less ahead waits (gtm/node/overrides/acceptance.py)

    {"payload": "<an override, as JSON text>", "key": "ed25519:<base64>", "signature": "<base64>"}

Each override is signed separately, by the node where it was made. So other nodes can pass it on when that node is down,
and the receiver need not trust them. The only limit of its age is its own `until`, at most 72 h after it was made.

`clear` is written as an `obey` that lasts CLEAR_SPAN_S. Nodes of the version before, which do not know `clear`, also
end the earlier override of the scope by it. No other `obey` is as short.
"""

import base64
import json
from collections.abc import Mapping
from typing import Annotated, Literal

import msgspec
from msgspec import Meta
from pydantic import AfterValidator, Field, StringConstraints

from gtm.errors import ReportInvalid
from gtm.health.override.override import (
    CLEAR_SPAN_S,
    MAX_BY_LENGTH,
    MAX_SKEW_S,
    MAX_SPAN_S,
    MAX_WHY_LENGTH,
    MIN_SPAN_S,
    Action,
    Override,
    OverrideId,
    SafetyRule,
)
from gtm.health.override.scope import MAX_SCOPE_LENGTH, parse_scope
from gtm.health.report.envelope import Signed
from gtm.health.report.signature import Keys, PrivateKey, each_key
from gtm.health.strict_json import Name, Seconds, Strict, decoded, printable
from gtm.ids import NodeName

MAX_SEALED_LENGTH = 16 * 1024
"""The most characters of a signed override; the longest texts in it, escaped twice, are shorter."""


def seal_override(override: Override, key: PrivateKey) -> str:
    """Returns the override as signed text."""
    payload = json.dumps(
        {
            "version": 1,
            "id": override.id,
            "node": override.node,
            "scope": str(override.scope),
            "action": _written(override.action).value,
            "why": override.why,
            "by": override.by,
            "made_at": override.made_at,
            "until": override.until,
            "rules": [rule.value for rule in override.rules],
        },
        separators=(",", ":"),
        allow_nan=False,
    )
    signature = base64.b64encode(key.sign(payload.encode("ascii"))).decode("ascii")
    return json.dumps({"payload": payload, "key": str(key.public), "signature": signature}, separators=(",", ":"))


def _written(action: Action) -> Action:
    return Action.OBEY if action is Action.CLEAR else action


def open_override(text: str, *, trusted: Mapping[NodeName, Keys], wall: float) -> Override:
    """Returns the override of a signed text from anywhere, after verifying it; raises ReportInvalid if it is invalid.

    `trusted` has the keys of each node. `wall` is in Unix seconds.
    """
    if len(text) > MAX_SEALED_LENGTH:
        raise ReportInvalid("oversized", f"an override of {len(text)} characters; the limit is {MAX_SEALED_LENGTH}")
    envelope = decoded(_SIGNED, text.encode(errors="replace"))
    signers = {str(key): key for keys in trusted.values() for key in each_key(keys)}
    if envelope.key not in signers:
        raise ReportInvalid("unknown_reporter", "it is signed by a key that is not among the peers", key=envelope.key)
    if not signers[envelope.key].verifies(envelope.payload.encode(), base64.b64decode(envelope.signature)):
        raise ReportInvalid("forged", "the signature does not hold")
    override = _override(decoded(_PAYLOAD, envelope.payload))
    if envelope.key not in map(str, each_key(trusted.get(override.node, ()))):
        raise ReportInvalid("forged", f"this key may not speak for {override.node}")
    if override.made_at > wall + MAX_SKEW_S:
        raise ReportInvalid("skewed", f"it was made {override.made_at - wall:.0f} s after this node's now")
    return override


def signer_of(text: str) -> str:
    """Returns the key that a signed text names, without verifying the signature; raises ReportInvalid for bad form."""
    return decoded(_SIGNED, text.encode(errors="replace")).key


def read_own(text: str, node: NodeName) -> Override:
    """Returns the override of a signed text that this node itself kept, without verifying its signature.

    So a node may have another key than then. Raises ReportInvalid if it is malformed or of another node.
    """
    override = claimed_override(text)
    if override.node != node:
        raise ReportInvalid("forged", f"it is of {override.node}")
    return override


def claimed_override(text: str) -> Override:
    """Returns the override of a signed text without verifying it: for the log only; raises ReportInvalid."""
    envelope = decoded(_SIGNED, text.encode(errors="replace"))
    return _override(decoded(_PAYLOAD, envelope.payload))


def _override(payload: "_Payload") -> Override:
    is_end = payload.action is Action.OBEY and payload.until - payload.made_at < MIN_SPAN_S / 2
    return Override(
        OverrideId(payload.id),
        NodeName(payload.node),
        parse_scope(payload.scope),
        Action.CLEAR if is_end else payload.action,
        payload.why,
        payload.by,
        payload.made_at,
        payload.until,
        payload.rules,
    )


def _scope_text(value: str) -> str:
    if str(parse_scope(value)) != value:
        raise ValueError("is not as scopes are written")
    return value


def _words(value: str) -> str:
    if not value.strip():
        raise ValueError("says nothing")
    return printable(value)


ScopeText = Annotated[str, StringConstraints(max_length=MAX_SCOPE_LENGTH), AfterValidator(_scope_text)]
Why = Annotated[str, StringConstraints(min_length=1, max_length=MAX_WHY_LENGTH), AfterValidator(_words)]
By = Annotated[str, StringConstraints(min_length=1, max_length=MAX_BY_LENGTH), AfterValidator(_words)]
Rules = Annotated[list[SafetyRule], Field(max_length=len(SafetyRule))]
"""Why, By, ScopeText and Rules are for bodies of the admin API: there people want to read what is wrong."""


class _Payload(Strict, frozen=True, kw_only=True):
    version: Literal[1]
    id: Annotated[str, Meta(pattern=r"\A[A-Za-z0-9._-]{1,64}:[0-9]{1,19}\Z")]
    node: Name
    scope: Annotated[str, Meta(max_length=MAX_SCOPE_LENGTH)]
    action: Action
    why: Annotated[str, Meta(min_length=1, max_length=MAX_WHY_LENGTH)]
    by: Annotated[str, Meta(min_length=1, max_length=MAX_BY_LENGTH)]
    made_at: Seconds
    until: Seconds
    rules: Annotated[tuple[SafetyRule, ...], Meta(max_length=len(SafetyRule))]

    def __post_init__(self) -> None:
        _scope_text(self.scope)
        _words(self.why)
        _words(self.by)
        if self.action is Action.CLEAR:
            raise ValueError(f"an end is written as `obey` for {CLEAR_SPAN_S} s")
        if not self.made_at < self.until <= self.made_at + MAX_SPAN_S:
            raise ValueError(f"it ends at most {MAX_SPAN_S / 3600:.0f} h after it was made")
        if self.id.partition(":")[0] != self.node:
            raise ValueError("its id is another node's")


_SIGNED = msgspec.json.Decoder(Signed)
_PAYLOAD = msgspec.json.Decoder(_Payload)
