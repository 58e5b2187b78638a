"""An override as signed text: what nodes share, and keep on disk.

What comes in: an override and a key, or a text from anywhere. What goes out: a text, or an override; or ReportInvalid,
and nothing else, with one of these reasons, tried in this order:

    oversized         more than MAX_SEALED_LENGTH
    malformed         no envelope of this form
    unknown_reporter  signed by a key that nobody here trusts
    forged            the signature does not hold, or a trusted key speaks for another node
    malformed         signed, but no override of this form or within these bounds
    skewed            made later than MAX_SKEW_S from now; what is less ahead waits (gtm/node/overrides/acceptance.py)

    {"payload": "<an override, as JSON text>", "key": "ed25519:<base64>", "signature": "<base64>"}

Each is signed alone, by the node where it was said. So it outlives that node: whoever has it gives it along, and who
gets it need not trust the giver. An old one has no age limit but its own `until`, at most 72 h after it was made.

`clear` is written as an `obey` that lasts CLEAR_SPAN_S: nodes of the version before, which know no `clear`, end by it
what was said of the scope before, too, and nobody's `obey` was ever as short.
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
"""Characters of one; the longest texts in it, escaped twice, are shorter."""


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
    """Returns the override of a text from anywhere, or raises ReportInvalid."""
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
    """Returns the text of the key that a text was signed by, as it says; raises ReportInvalid."""
    return decoded(_SIGNED, text.encode(errors="replace")).key


def read_own(text: str, node: NodeName) -> Override:
    """Returns the override of a text that this node kept, whatever key it had then; or raises ReportInvalid."""
    override = claimed_override(text)
    if override.node != node:
        raise ReportInvalid("forged", f"it is of {override.node}")
    return override


def claimed_override(text: str) -> Override:
    """Returns the override of a text that nobody vouches for: for the log alone; or raises ReportInvalid."""
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
