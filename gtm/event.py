"""Events: every change of mind as a value, linked to what caused it.

What comes in: whoever changes its mind makes an Event and hands it to a Recorder, which never waits and never fails.
What goes out: an id, which the events that follow from this one name among their causes:

    reading -> verdict -> endpoint -> region, service, plan    a change of health; the verdict may be another node's
    config  -> plan                                            a change of the zone files

and lines of JSON, one per event. A new kind is one line of EventKind.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import NewType, Protocol

import msgspec

from gtm.errors import StateInvalid
from gtm.ids import CheckId, NodeName

EventId = NewType("EventId", str)
"""`NODE:BOOT:NUMBER`, or the name of a verdict (`verdict_id`). Empty: it was not recorded."""

Fact = str | int | float | bool | tuple[str, ...]

UNRECORDED = EventId("")


class EventKind(Enum):
    """What can happen, by the name that logs, webhooks and alerts use."""

    READING = "gtm.reading.decisive"
    """A reading turned a probe's verdict; other readings are only counted."""
    VERDICT = "gtm.verdict.changed"
    """This node's probe changed its verdict of a check."""
    ENDPOINT_UP = "gtm.endpoint.up"
    """This node believes, by quorum, that the address of a check is up."""
    ENDPOINT_DOWN = "gtm.endpoint.down"
    """This node believes, by quorum, that the address of a check is down."""
    ENDPOINT_UNKNOWN = "gtm.endpoint.unknown"
    """This node no longer knows whether the address of a check is up."""
    ENDPOINT_DEGRADED = "gtm.endpoint.degraded"
    """It is up, and some of its last readings were bad; once until all are good again."""
    ENDPOINT_FLAPPING = "gtm.endpoint.flapping"
    """It goes up and down again and again; once until it is calm."""
    ENDPOINT_LOCAL = "gtm.endpoint.local"
    """One vantage sees a check otherwise than the quorum, or does so no longer."""
    REGION_UP = "gtm.region.up"
    """Some endpoint of a region of a service is up again."""
    REGION_DOWN = "gtm.region.down"
    """Every endpoint of a region of a service is down."""
    NAME_FAIL_OPEN = "gtm.name.fail_open"
    """Nothing of a service is up, for some clients at least: it answers what `on_all_down` says."""
    NAME_RECOVERED = "gtm.name.recovered"
    """Something of a service is up again for every client."""
    PLAN = "gtm.plan.swapped"
    """Another plan answers queries, with a new generation."""
    PLAN_FAILED = "gtm.plan.failed"
    """No plan could be made of a change; the last good one stays."""
    CONFIG_APPLIED = "gtm.config.applied"
    """Changed zone files, or a changed node file, are in use."""
    CONFIG_REJECTED = "gtm.config.rejected"
    """Zone files or the node file have mistakes; the last good ones stay in use."""
    GEOIP_UPDATED = "gtm.geoip.updated"
    """Changed geo data is in use."""
    GEOIP_HELD = "gtm.geoip.held"
    """Geo data could not be read; the last good data stays in use."""
    QUORUM_LOST = "gtm.quorum.lost"
    """Checks have too few fresh votes: their last beliefs stay."""
    QUORUM_FOUND = "gtm.quorum.found"
    """All checks have enough fresh votes again."""
    PROBE_SILENT = "gtm.probe.silent"
    """No vote of a probe is fresh."""
    PROBE_HEARD = "gtm.probe.heard"
    """A vote of a silent probe is fresh again."""
    PROBE_UNREAD = "gtm.probe.unread"
    """This node's probe cannot make a check, for the first time; further times are only counted."""
    PROBE_QUARANTINED = "gtm.probe.quarantined"
    """A probe contradicts most others again and again: its votes do not count."""
    PROBE_RELEASED = "gtm.probe.released"
    """A probe in quarantine agrees with the others again: its votes count."""
    REPORT_REFUSED = "gtm.report.refused"
    """A report of a peer was refused: the first of that peer and reason; further ones are only counted."""
    SAFETY_BLOCKED = "gtm.safety.blocked"
    """A safety rule keeps endpoints in the answers, or refuses what a person asked for."""
    SAFETY_RELEASED = "gtm.safety.released"
    """A rule holds something no longer: it leaves the answers, unless it is up again or another rule holds it."""
    SAFETY_BREACHED = "gtm.safety.breached"
    """People together took out more than a rule allows; they are followed."""
    OVERRIDE_SET = "gtm.override.set"
    """A person set an override, here or at another node."""
    OVERRIDE_FOLLOWED = "gtm.override.followed"
    """The scope of an override has another name in the zone files now; the override goes on for that name."""
    OVERRIDE_EXPIRED = "gtm.override.expired"
    """The time of an override is over."""
    OVERRIDE_ENDED = "gtm.override.ended"
    """An override ended before its time; the fact `cause` says why."""
    CERTIFICATE_RENEWED = "gtm.cert.renewed"
    """Changed TLS files of this node are in use."""
    CERTIFICATE_REFUSED = "gtm.cert.refused"
    """Changed TLS files of this node cannot be used; the former ones stay in use."""
    CERTIFICATE_EXPIRING = "gtm.cert.expiring"
    """A certificate of an endpoint or of this node should have been renewed; once for each certificate."""
    STATE_DAMAGED = "gtm.state.damaged"
    """A file of the state folder is damaged, or cannot be read or written; once until it is well again."""
    NODE_BLIND = "gtm.node.blind"
    """No vote of any probe counts at this node."""
    NODE_SEES = "gtm.node.sees"
    """A vote counts again at a node that was blind."""
    CLOCK_OFF = "gtm.clock.off"
    """The clock of this node, or of a peer, differs from the others' by more than 10 s."""
    CLOCK_RIGHT = "gtm.clock.right"
    """That clock is right again."""
    NODE_STARTED = "gtm.node.started"
    """A node started."""
    NODE_STOPPED = "gtm.node.stopped"
    """A node was told to stop."""


@dataclass(frozen=True, slots=True)
class Event:
    """One change of mind, before it has a time."""

    kind: EventKind
    subject: str
    """Whom it is about: a check, a region, a service, a node, a file, a rule, a scope."""
    message: str
    """One line for people."""
    facts: Mapping[str, Fact] = field(default_factory=dict)
    causes: tuple[EventId, ...] = ()
    id: EventId = UNRECORDED
    """Only where others must know it without being told (`verdict_id`); else the recorder numbers it."""


class Recorder(Protocol):
    """Where events go."""

    def record(self, event: Event) -> EventId:
        """Takes an event and returns its id; it never waits, and never raises."""


class NoRecorder:
    """Keeps nothing: for a part that runs without a node around it."""

    def record(self, event: Event) -> EventId:
        """Returns the id of nothing."""
        return event.id


@dataclass(frozen=True, slots=True)
class Recorded:
    """One line of the log."""

    id: str
    type: str
    """Of EventKind, or of a version that knows more kinds."""
    at: str
    """UTC by this node's clock, for people: `2026-01-31T12:00:00.123Z`."""
    wall: float
    """The same in Unix seconds."""
    monotonic: float
    """Seconds that order the events of one boot, whatever became of the clock."""
    boot: int
    """Grows with every start of the node."""
    node: str
    subject: str
    message: str
    facts: dict[str, Fact] = field(default_factory=dict)
    causes: tuple[str, ...] = ()


MAX_LIST = 20
"""Of a fact that is a list, and of causes, so many stay: an outage of everything must not make a line of megabytes."""
MAX_TEXT = 2_000
"""Characters of one text."""


def recorded(
    event: Event, number: int, *, node: NodeName, boot: int, monotonic: float, wall: float, at: str
) -> Recorded:
    """Returns an event with its id and its times, every text and list of it bounded."""
    return Recorded(
        id=event.id or f"{node}:{boot}:{number}",
        type=event.kind.value,
        at=at,
        wall=round(wall, 6),
        monotonic=round(monotonic, 6),
        boot=boot,
        node=node,
        subject=_clean(event.subject),
        message=_clean(event.message),
        facts={name: _clean_fact(fact) for name, fact in event.facts.items()},
        causes=tuple(_clean(cause) for cause in event.causes if cause)[:MAX_LIST],
    )


def _clean_fact(fact: Fact) -> Fact:
    if isinstance(fact, tuple):
        return tuple(_clean(text) for text in fact[:MAX_LIST])
    return _clean(fact) if isinstance(fact, str) else fact


def _clean(text: str) -> str:
    """Returns text that UTF-8 can say: a file's name need not be."""
    if text.isascii() and len(text) <= MAX_TEXT:
        return text  # most are, and of thousands in memory no copy is needed
    return text[:MAX_TEXT].encode(errors="backslashreplace").decode()


def verdict_id(node: NodeName, check: CheckId, since: float) -> EventId:
    """Returns the id of the verdict that a probe has had of a check since a time by its clock.

    A report says all three, so the node that believes a verdict can name it without ever having seen the event.
    """
    return EventId(f"{node}:verdict:{check}:{since:.3f}")


def kinds_of(names: Sequence[str]) -> frozenset[str]:
    """Returns the kinds that these names stand for: `gtm.endpoint.down`, or `endpoint` for all that start so.

    Raises ValueError for a name that stands for none.
    """
    known = [kind.value for kind in EventKind]
    kinds: set[str] = set()
    for name in names:
        full = name if name.startswith("gtm.") else f"gtm.{name}"
        matching = {kind for kind in known if kind == full or kind.startswith(f"{full}.")}
        if not matching:
            groups = ", ".join(sorted({kind.split(".")[1] for kind in known}))
            raise ValueError(f'"{name}" is no type of event; types start with one of: {groups}')
        kinds |= matching
    return frozenset(kinds)


def compose_line(event: Recorded) -> bytes:
    """Returns a line of the log with its newline; no value can put another newline into it."""
    return _ENCODER.encode(event) + b"\n"


def parse_line(line: bytes) -> Recorded:
    """Returns the event of a line; raises StateInvalid when it is torn, damaged or no event."""
    try:
        return _DECODER.decode(line)
    except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
        raise StateInvalid(f"a line of the event log is damaged: {error}") from error


_ENCODER = msgspec.json.Encoder()
_DECODER = msgspec.json.Decoder(Recorded)
