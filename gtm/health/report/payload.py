"""The payload: a report as JSON text, whole or as a delta, before it is signed and after it was verified.

    whole    {"version": 1, "node": ..., "epoch": ..., "serial": ..., "made_at": ..., "votes": {CHECK: vote, ...}}
    delta    the same with `base`, a digest of a whole payload of the same node and epoch;
             `ages_ms`, the age of every vote of the base in its order; and of `votes` only those that changed

Either may have `at`, where the probe is: [latitude, longitude].
A whole one may have `overrides`: what people said (gtm/health/override/signed.py), each signed by the node where it was
said, and carried on by all. Then its version is 2, which nodes that know of no overrides refuse. A delta has those of
its base.

Most of the time nothing changes but ages: two thousand votes are 300 kB whole, and 10 kB as a delta. A delta names its
base by digest, and is signed, so the base needs no proof of its own. A delta is always to the base, never to another
delta: whoever holds the base understands the newest one, whatever he missed.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from gtm.errors import ReportInvalid
from gtm.geo.place import Coordinates
from gtm.health.belief import Belief
from gtm.health.report.report import Edition, Report, Vote
from gtm.health.strict_json import Count, Name, Position, Seconds, Strict, decoded
from gtm.health.verdict.reading import MAX_DETAIL_LENGTH, Reason
from gtm.health.verdict.verdict import VerdictState
from gtm.ids import CheckId, NodeName, VantageName

MAX_VOTES = 20_000
"""Ten times what one probe can check at an interval of 1 s."""

MAX_CHECK_LENGTH = 600
"""A zone's name and a target's (255 each, RFC 1035 3.1) and a monitor's."""

MAX_CARRIED = 500
MAX_CARRIED_LENGTH = 16 * 1024
"""Of overrides, and of each: gtm/node/overrides/store.py keeps to so many, and gtm/health/override/signed.py to so
long ones."""

MAX_CHANGED_SHARE = 0.2
"""Of the votes: when more of them changed, a new base costs less than carrying the changes on."""


@dataclass(frozen=True)  # no slots: they have no room for the digest
class Base:
    """A whole report that deltas refer to."""

    report: Report
    text: str
    """The payload, as it was composed."""

    @property
    def edition(self) -> Edition:
        """Returns the lowest edition that a node with this base has heard."""
        return self.report.edition

    @cached_property
    def digest(self) -> str:
        """Returns the SHA-256 digest of the payload, in hex; a delta names its base by it."""
        return hashlib.sha256(self.text.encode()).hexdigest()


def compose_payload(report: Report) -> str:
    """Returns the whole report as JSON text."""
    votes = {check: _compose_vote(vote) for check, vote in report.votes.items()}
    return _json({**_head(report), **_carried(report.overrides), "votes": votes})


def compose_delta(report: Report, base: Base) -> str | None:
    """Returns the report as a delta to the base; None if the head differs, or if it would be nearly as long."""
    old = base.report
    if (old.node, old.vantage, old.epoch) != (report.node, report.vantage, report.epoch):
        return None
    if old.votes.keys() != report.votes.keys() or old.overrides != report.overrides:
        return None
    changed = {check: vote for check, vote in report.votes.items() if not vote.says_the_same(old.votes[check])}
    if len(changed) > MAX_CHANGED_SHARE * len(old.votes):
        return None
    ages_ms = [round(report.votes[check].age_s * 1000) for check in old.votes]
    votes = {check: _compose_vote(vote) for check, vote in changed.items()}
    return _json({**_head(report), "base": base.digest, "ages_ms": ages_ms, "votes": votes})


def parse_payload(text: str) -> Report:
    """Returns the report of a whole payload, or raises ReportInvalid."""
    payload = decoded(_PAYLOAD, text)
    return _report(payload, _votes(payload.votes), payload.overrides)


def parse_delta(text: str) -> "Delta":
    """Returns a delta, which is a report only with its base; or raises ReportInvalid."""
    return decoded(_DELTA, text)


def patched(delta: "Delta", base: Report) -> Report:
    """Returns the report of a delta and its base, or raises ReportInvalid when they do not fit."""
    if (base.node, base.vantage, base.epoch) != (delta.node, delta.vantage, delta.epoch):
        raise ReportInvalid("malformed", "base: of another node or time")
    if len(delta.ages_ms) != len(base.votes) or not delta.votes.keys() <= base.votes.keys():
        raise ReportInvalid("malformed", "base: of other checks")
    changed = _votes(delta.votes)
    votes = {
        check: changed[check] if check in changed else _aged(vote, age_ms / 1000)
        for (check, vote), age_ms in zip(base.votes.items(), delta.ages_ms, strict=True)
    }
    return _report(delta, votes, base.overrides)


def claimed_node(text: str) -> str:
    """Returns the claimed sender of a refused payload; nothing of it is believed, it is for the log."""
    try:
        return decoded(_CLAIM, text).node
    except ReportInvalid:
        return ""


_CheckText = Annotated[str, Meta(min_length=1, max_length=MAX_CHECK_LENGTH)]
_Detail = Annotated[str, Meta(max_length=MAX_DETAIL_LENGTH)]
_Carried = Annotated[str, Meta(max_length=MAX_CARRIED_LENGTH)]
_Digest = Annotated[str, Meta(pattern=r"\A[0-9a-f]{64}\Z")]

_REASONS = {reason.value: reason for reason in Reason}


class _Vote(Strict, frozen=True, kw_only=True):
    belief: Belief
    reason: str
    """A reason of a newer node must not make all of its report unreadable."""
    detail: _Detail
    age_s: Seconds
    since: Seconds
    state: VerdictState | None = None
    flip_in_s: Seconds = 0.0
    """Both are left out where they say no more than the belief, and by nodes that do not know of them."""


class _Head(Strict, frozen=True, kw_only=True):
    node: Name
    vantage: Name
    epoch: Count
    serial: Count
    made_at: Seconds
    votes: Annotated[dict[_CheckText, _Vote], Meta(max_length=MAX_VOTES)]
    at: Position | None = None


class _Payload(_Head, frozen=True, kw_only=True):
    version: Literal[1, 2]
    overrides: Annotated[tuple[_Carried, ...], Meta(max_length=MAX_CARRIED)] = ()


class Delta(_Head, frozen=True, kw_only=True):
    """The parts of a report that differ from its base."""

    version: Literal[1]
    base: _Digest
    ages_ms: Annotated[list[Count], Meta(max_length=MAX_VOTES)]

    @property
    def edition(self) -> Edition:
        """Returns the edition of the report."""
        return Edition(self.epoch, self.serial)


class _Claim(msgspec.Struct, frozen=True):
    node: Name


_PAYLOAD = msgspec.json.Decoder(_Payload)
_DELTA = msgspec.json.Decoder(Delta)
_CLAIM = msgspec.json.Decoder(_Claim)


def _head(report: Report) -> dict[str, object]:
    return {
        "version": 1,
        "node": report.node,
        "vantage": report.vantage,
        "epoch": report.epoch,
        "serial": report.serial,
        "made_at": report.made_at,
        **({} if report.at is None else {"at": list(report.at)}),
    }


def _json(fields: Mapping[str, object]) -> str:
    return json.dumps(fields, separators=(",", ":"), allow_nan=False)


def _carried(overrides: tuple[str, ...]) -> dict[str, object]:
    return {"version": 2, "overrides": list(overrides)} if overrides else {}


def _report(head: _Head, votes: Mapping[CheckId, Vote], overrides: tuple[str, ...]) -> Report:
    who = (NodeName(head.node), VantageName(head.vantage))
    at = None if head.at is None else Coordinates(*head.at)
    return Report(*who, head.epoch, head.serial, head.made_at, votes, overrides, at)


def _aged(vote: Vote, age_s: float) -> Vote:
    # written out: `replace` takes three times as long, and this runs for every vote of every report
    return Vote(vote.belief, vote.reason, vote.detail, age_s, vote.since, vote.state, vote.flip_in_s)


def _votes(votes: Mapping[str, _Vote]) -> dict[CheckId, Vote]:
    """Returns votes as values, or raises ReportInvalid where a text in them does not print."""
    if not all(check.isprintable() and vote.detail.isprintable() for check, vote in votes.items()):
        raise ReportInvalid("malformed", "votes: hold characters that do not print")
    return {
        CheckId(check): Vote(
            vote.belief,
            _REASONS.get(vote.reason, Reason.OTHER),
            vote.detail,
            vote.age_s,
            vote.since,
            VerdictState(vote.belief.value) if vote.state is None else vote.state,
            vote.flip_in_s,
        )
        for check, vote in votes.items()
    }


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
