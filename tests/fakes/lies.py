"""What a peer says, whose key is trusted, that must not be believed all the same.

What comes in: who the peer is, and values that hypothesis drew. What goes out: lies, each with the reasons that must be
counted. Each is wrong by the way it was made, not because the code under test says so. Answers that break off are lies
too: then the poll fails. tests/fakes/hostile.py says them over sockets.
"""

import base64
import gzip
import hashlib
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from gtm.health.belief import Belief
from gtm.health.report.bounds import MAX_ENVELOPE_BYTES, MAX_OFFER_BYTES
from gtm.health.report.envelope import MAX_REPORTS, Sealed, compose_offer, seal
from gtm.health.report.payload import MAX_CARRIED, MAX_CHECK_LENGTH, MAX_VOTES, Base
from gtm.health.report.report import Edition, Report, Vote
from gtm.health.report.signature import PrivateKey
from gtm.health.strict_json import MAX_SECONDS
from gtm.health.verdict.reading import Reason
from gtm.ids import CheckId, NodeName, VantageName
from tests.fakes.peers import key_of

MALFORMED, FORGED, SKEWED, REPLAYED, EQUIVOCATED = "malformed", "forged", "skewed", "replayed", "equivocated"
BASELESS, STRANGER, OVERSIZED = "baseless", "unknown_reporter", "oversized"
EDITION, VANTAGE = "edition", "vantage"
FAILED = ""
"""The poll fails: no body came that could be looked at."""

KNOWN = Edition(5, 5)
"""Of the good report that every peer gives before its lies."""

_Drawn = TypeVar("_Drawn")


@dataclass(frozen=True, slots=True)
class Lie:
    """What a peer answers to one poll."""

    wire: bytes
    """The whole answer; ends with the connection unless the answer has a length."""
    reasons: tuple[str, ...]
    """Of the refusals that it must come to, one for each report in it."""
    hang_up: bool = False
    """After the answer."""


@dataclass(frozen=True)  # no slots: `seal` is costly, and `base` is made once
class Peer:
    """One peer, and what it said last that was good."""

    name: NodeName
    check: CheckId
    wall: float
    others: NodeName
    """Another trusted node."""

    @property
    def key(self) -> PrivateKey:
        return key_of(self.name)

    def good(self, edition: Edition, *, belief: Belief = Belief.UP, overrides: tuple[str, ...] = ()) -> Report:
        """A report that must be taken."""
        reason = Reason.OK if belief is Belief.UP else Reason.REFUSED
        votes = {self.check: Vote(belief, reason, "", 0.0, self.wall)}
        vantage = VantageName(f"at-{self.name}")
        return Report(self.name, vantage, *edition, self.wall, votes, overrides)

    def sealed(self, edition: Edition, *, belief: Belief = Belief.DOWN) -> Sealed:
        """A whole report under this peer's signature."""
        return seal(self.good(edition, belief=belief), self.key)

    def signed(self, payload: str, **more: object) -> bytes:
        """Any text under this peer's signature."""
        signature = base64.b64encode(self.key.sign(payload.encode())).decode()
        return _json({"payload": payload, "key": str(self.key.public), "signature": signature, **more})


Envelope = tuple[bytes, str]
"""One report on the wire, and the reason for which it must be refused."""


def drawn(strategy: "st.SearchStrategy[_Drawn]", tries: int) -> list[_Drawn]:
    """Distinct values of a strategy, at most so many, the same in every run."""
    found: dict[str, _Drawn] = {}

    @settings(
        max_examples=tries,
        database=None,
        derandomize=True,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(strategy)
    def collect(value: _Drawn) -> None:
        found.setdefault(repr(value), value)

    collect()
    return list(found.values())


# --- reports that are signed by a trusted key, or nearly ---------------------------------------------------------

_things = st.none() | st.booleans() | st.lists(st.integers(), max_size=3) | st.dictionaries(st.text(), st.none())
_wrong_name = (
    _things
    | st.integers()
    | st.just("")
    | st.text("abc", min_size=65, max_size=90)
    | st.text("/\n\x1b\u202e<>'\" ", min_size=1, max_size=20)
)
_wrong_count = (
    _things
    | st.text()
    | st.integers(max_value=-1)
    | st.integers(min_value=2**63)
    | st.integers().map(lambda n: n + 0.5)
)
_wrong_seconds = (
    _things
    | st.text()
    | st.floats(max_value=-1e-6)
    | st.floats(min_value=MAX_SECONDS * 2)
    | st.sampled_from([float("nan"), float("inf")])
)
_wrong_place = (
    _things.filter(lambda value: not (isinstance(value, list) and len(value) == 2))  # two numbers may be a place
    | st.text()
    | st.sampled_from([[91, 0], [0, -181], [1], [1, 2, 3], [float("nan"), 0], ["1", "2"]])
)
_wrong_choice = _things | st.integers() | st.text("xyz", min_size=1)
_WRONG_VOTE: Mapping[str, "st.SearchStrategy[object]"] = {
    "belief": _wrong_choice,
    "reason": _things | st.integers(),
    "detail": _things | st.integers() | st.just("x" * 1_000) | st.text("\n\x00\x1b", min_size=1),
    "age_s": _wrong_seconds,
    "since": _wrong_seconds,
    "state": _wrong_choice.filter(lambda value: value is not None),
    "flip_in_s": _wrong_seconds,
    "more": _things,
}
_wrong_vote = st.sampled_from(sorted(_WRONG_VOTE)).flatmap(
    lambda name: _WRONG_VOTE[name].map(lambda value: {**_PLAIN_VOTE, name: value})
)
_PLAIN_VOTE: Mapping[str, object] = {"belief": "down", "reason": "refused", "detail": "", "age_s": 0.0, "since": 0.0}
_wrong_votes = (
    st.none()
    | st.text()
    | st.lists(st.integers(), max_size=3)
    | (_wrong_vote | _wrong_choice).map(lambda vote: {"gtm.test/api/192.0.2.1": vote})
    | st.sampled_from(["", "\n", "x" * (MAX_CHECK_LENGTH + 1)]).map(lambda check: {check: _PLAIN_VOTE})
)
_WRONG: Mapping[str, "st.SearchStrategy[object]"] = {
    "version": _wrong_choice.filter(lambda value: value not in (1, 2)),
    "node": _wrong_name,
    "vantage": _wrong_name,
    "epoch": _wrong_count,
    "serial": _wrong_count,
    "made_at": _wrong_seconds,
    "votes": _wrong_votes,
    "at": _wrong_place.filter(lambda value: value is not None),
    "overrides": st.sampled_from([None, {}, "x", [1], [None], ["x"] * (MAX_CARRIED + 1), ["x" * 20_000]]),
    "more": _things,
}
wrong_fields = st.sampled_from(sorted(_WRONG)).flatmap(
    lambda name: _WRONG[name].map(lambda value: {name: value} | ({"version": 2} if name == "overrides" else {}))
)
"""Fields of a report, each of which makes it none."""

_DELTA_WRONG: Mapping[str, "st.SearchStrategy[object]"] = {
    "ages_ms": st.sampled_from([None, [], [1, 2], ["1"], [-1], [0.5], [2**63], {}, [[1]], [None]]),
    "base": _wrong_name.filter(lambda value: value != ""),
    "version": st.sampled_from([0, 2, "1", None]),
    "votes": _wrong_votes,
    "epoch": _wrong_count,
    "made_at": _wrong_seconds,
}
wrong_deltas = st.sampled_from(sorted(_DELTA_WRONG)).flatmap(
    lambda name: _DELTA_WRONG[name].map(lambda value: {name: value})
)


def malformed(peer: Peer, fields: Mapping[str, object], *, serial: int) -> Envelope:
    """A report with fields that make it none, well signed."""
    whole = json.loads(peer.sealed(Edition(KNOWN.epoch, serial)).base.text)
    return peer.signed(json.dumps({**whole, **fields})), MALFORMED


def malformed_delta(peer: Peer, fields: Mapping[str, object], *, serial: int) -> Envelope:
    """A delta with fields that make it none, well signed, to the base that is known."""
    base = peer.sealed(KNOWN, belief=Belief.UP).base
    whole = json.loads(base.text)
    votes = {peer.check: {**_PLAIN_VOTE, "since": 1.0}}
    delta = {**whole, "serial": serial, "base": base.digest, "ages_ms": [1], "votes": votes}
    return peer.signed(json.dumps({**delta, **fields}), base=None), MALFORMED


def crafted(peer: Peer, turn: int) -> Iterator[Envelope]:
    """Reports that are well formed, or nearly so, and wrong all the same; another turn gives other ones."""
    serial = 10 + turn
    whole = peer.sealed(Edition(KNOWN.epoch, serial))
    text, stranger = whole.base.text, key_of(f"stranger-{turn}")
    report = whole.report
    yield seal(report, stranger).full, STRANGER
    other = key_of(peer.others)
    yield seal(report, other).full, FORGED
    yield whole.full.replace(b"down", b"up!!"), FORGED
    yield whole.full.replace(f"{serial}".encode(), f"{serial + 1}".encode(), 1), FORGED
    yield peer.signed(text.replace(peer.name, peer.others)), FORGED
    signature = base64.b64encode(bytes([turn % 256]) * 64).decode()
    yield _json({"payload": text, "key": str(peer.key.public), "signature": signature}), FORGED
    for off_s in (1e3 + turn, -1e3 - turn, 1e9 + turn):
        yield peer.signed(_with(text, made_at=peer.wall + off_s)), SKEWED
    ahead_ms = int(peer.wall * 1000) + 120_000
    for edition in (Edition(2**63 - 1 - turn, 1), Edition(ahead_ms, turn), Edition(5, 2**63 - 1 - turn)):
        yield peer.sealed(edition).full, EDITION
    for more, vantage in enumerate((peer.others, f"at-{peer.others}", f"moved-{turn}")):
        yield peer.signed(_with(text, vantage=vantage, serial=serial + more)), VANTAGE
    for edition in (Edition(5, 4), Edition(4, 99 + turn), Edition(0, turn)):
        yield peer.sealed(edition).full, REPLAYED
    yield peer.signed(_with(text, epoch=5, serial=5, made_at=peer.wall - turn / 1000)), EQUIVOCATED
    yield from _baseless(peer, turn)
    yield peer.signed(text[: -1 - turn % 40]), MALFORMED
    yield peer.signed("[" * (1_000 + turn)), MALFORMED
    yield peer.signed('{"votes":' * (1_000 + turn)), MALFORMED
    yield peer.signed(text + f" {turn}"), MALFORMED
    yield peer.signed(f"{turn}"), MALFORMED
    yield peer.signed(_without(text, "made_at")), MALFORMED
    yield peer.signed(_without(text, "votes", "at")), MALFORMED


def _baseless(peer: Peer, turn: int) -> Iterator[Envelope]:
    """Deltas to what is not there, or does not fit, or is no report."""
    known = peer.sealed(KNOWN, belief=Belief.UP).base
    strange = peer.sealed(Edition(KNOWN.epoch, 900 + turn)).base

    def delta(base: Base, **fields: object) -> str:
        whole = json.loads(base.text)
        head = {name: whole[name] for name in ("version", "node", "vantage", "made_at")}
        return json.dumps(
            {
                **head,
                "epoch": KNOWN.epoch,
                "serial": 20 + turn,
                "base": base.digest,
                "ages_ms": [turn],
                "votes": {},
                **fields,
            }
        )

    yield peer.signed(delta(strange), base=None), BASELESS
    yield peer.signed(delta(strange), base=known.text), BASELESS
    yield peer.signed(delta(known, votes={f"other-{turn}": _PLAIN_VOTE}), base=None), MALFORMED
    yield peer.signed(delta(known, ages_ms=[turn] * 2), base=None), MALFORMED
    yield peer.signed(delta(known, epoch=KNOWN.epoch + 1 + turn), base=None), MALFORMED
    yield peer.signed(delta(known, vantage=f"moved-{turn}"), base=None), MALFORMED
    junk = "[" * (2_000 + turn)
    digest = hashlib.sha256(junk.encode()).hexdigest()
    yield peer.signed(_with(delta(known), base=digest), base=junk), MALFORMED
    older = peer.sealed(Edition(4, turn)).base
    yield peer.signed(delta(older), base=older.text), MALFORMED


def _with(text: str, **fields: object) -> str:
    return json.dumps({**json.loads(text), **fields})


def _without(text: str, *names: str) -> str:
    return json.dumps({name: value for name, value in json.loads(text).items() if name not in names})


# --- bodies that are no offer ------------------------------------------------------------------------------------

_json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)
_no_envelope = _json_values.filter(lambda value: value != {})
no_offers: "st.SearchStrategy[bytes]" = st.one_of(
    st.binary(min_size=1, max_size=400),
    _json_values.map(lambda value: json.dumps(value).encode()),
    _no_envelope.map(lambda value: json.dumps({"reports": [value]}).encode()),
    st.dictionaries(st.text(max_size=8), _json_values, min_size=1, max_size=3).map(
        lambda more: json.dumps({"reports": [], **{f"x{name}": value for name, value in more.items()}}).encode()
    ),
    st.text(max_size=50).map(lambda text: b'{"reports":["' + text.encode("utf-16-le", "surrogatepass") + b'\xff"]}'),
    st.integers(1, 30_000).map(lambda depth: b'{"reports":' + b"[" * depth),
    st.integers(1, 30_000).map(lambda depth: b'{"a":' * depth + b"1" + b"}" * depth),
    st.integers(1, 5_000).map(lambda digits: b'{"reports":' + b"9" * digits + b"}"),
)
"""Bodies that are no offer at all."""


def broken_offer(peer: Peer, turn: int) -> bytes:
    """An offer of a report that would be good, broken in one place."""
    envelope = peer.sealed(Edition(KNOWN.epoch, 500 + turn)).full
    good = compose_offer([envelope])
    cut = 1 + turn * 7 % (len(good) - 2)
    ways: tuple[Callable[[], bytes], ...] = (
        lambda: good[:-cut],
        lambda: good[:cut] + b"\xff" + good[cut:],
        lambda: good[:cut] + b"\x00" + good[cut:],
        lambda: b"\xef\xbb\xbf" + good + b" " * turn,
        lambda: good + good[:cut],
        lambda: b" " * turn + good.decode().encode("utf-16"),
        lambda: compose_offer([_with_key(envelope, "k" * (101 + turn))]),
        lambda: compose_offer([_with_key(envelope, f"ed25519:{turn}\n\x1b[31m")]),
        lambda: compose_offer([envelope, b"null" + b" " * turn]),
        lambda: compose_offer([_json({**json.loads(envelope), "more": turn})]),
        lambda: compose_offer([_json({**json.loads(envelope), "base": turn})]),
        lambda: compose_offer([_json({**json.loads(envelope), "signature": "A" * (turn % 88)})]),
        lambda: compose_offer([_json({**json.loads(envelope), "payload": [turn]})]),
        lambda: gzip.compress(good + b" " * turn),
    )
    return ways[turn % len(ways)]()


def _with_key(envelope: bytes, key: str) -> bytes:
    return _json({**json.loads(envelope), "key": key})


# --- answers -----------------------------------------------------------------------------------------------------


LONG_BYTES = 140_000
"""Shorter bodies are filled up with spaces. From 128 KiB on glibc asks the kernel for each (mallopt(3)), and fills no
hole with it: whoever kept a few bodies would be seen to grow."""


def answer(body: bytes, *reasons: str, headers: str = "", status: str = "200 OK") -> Lie:
    """An answer with a length."""
    body = body.ljust(LONG_BYTES)
    head = f"HTTP/1.1 {status}\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n{headers}\r\n"
    return Lie(head.encode() + body, reasons)


def offer(envelopes: Sequence[Envelope]) -> Lie:
    """An offer of these reports."""
    body = compose_offer(raw for raw, _ in envelopes)
    return answer(body, *(reason for _, reason in envelopes), headers='ETag: "x"\r\n')


def packed(body: bytes) -> Lie:
    """A body that says that it is compressed, as it is."""
    return answer(gzip.compress(body), MALFORMED, headers="Content-Encoding: gzip\r\n")


def large(peer: Peer, turn: int) -> list[Lie]:
    """Answers near the limits, and beyond them."""
    text = peer.sealed(Edition(KNOWN.epoch, 800 + turn)).base.text
    votes = {f"check-{number}": _PLAIN_VOTE for number in range(MAX_VOTES + 1)}
    crowd_of = [peer.signed(f"{turn}")] * (MAX_REPORTS + 1)
    return [
        answer(compose_offer([peer.signed("x" * MAX_ENVELOPE_BYTES)]), OVERSIZED),
        offer([(peer.signed(_with(text, votes=votes)), MALFORMED)]),
        answer(compose_offer(crowd_of), MALFORMED),
        packed(bytes(10_000_000 + turn)),
        Lie(answer(bytes(MAX_OFFER_BYTES + 1)).wire, (FAILED,), hang_up=True),
    ]


def broken_http(turn: int) -> Lie:
    """An answer that is no HTTP, is no 200, or breaks off."""
    start = "HTTP/1.1 200 OK\r\n"
    ways: tuple[bytes, ...] = (
        b"",
        f"SSH-2.0-{turn}\r\n\r\n".encode(),
        f"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/{turn}\r\nContent-Length: 0\r\n\r\n".encode(),
        f"HTTP/1.1 500 Failed\r\nX: {turn}\r\nContent-Length: 0\r\n\r\n".encode(),
        f"HTTP/1.1 204 None\r\nX: {turn}\r\n\r\n".encode(),
        f"{start}Content-Length: {100 + turn}\r\n\r\nshort".encode(),
        f"{start}Transfer-Encoding: chunked\r\n\r\nZZ{turn}\r\n".encode(),
        f"{start}Transfer-Encoding: chunked\r\n\r\n{5 + turn:x}\r\n[".encode(),
        f"{start}Content-Length: -{1 + turn}\r\n\r\n".encode(),
        f"{start}Content-Length: 1\r\nContent-Length: {2 + turn}\r\n\r\n[]".encode(),
        f"{start}X: {'y' * (20_000 + turn)}\r\n\r\n".encode(),
        f"{start}X\x00{turn}: y\r\n\r\n".encode(),
    )
    return Lie(ways[turn % len(ways)], (FAILED,), hang_up=True)


def _json(fields: Mapping[str, object]) -> bytes:
    return json.dumps(fields, separators=(",", ":")).encode()
