"""Events: every change of what a node believes or uses, as a value that names its causes.

What comes in: a part of the node whose belief or state changes makes an Event and passes it to a Recorder, which never
waits and never fails. What goes out: an id, which the events that follow from this one name among their causes:

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
    """The kind of an event, by the name that logs, webhooks and alerts use."""

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
    """An endpoint is up, and some of its last readings were bad; recorded once until all are good again."""
    ENDPOINT_FLAPPING = "gtm.endpoint.flapping"
    """An endpoint goes up and down again and again; recorded once until it stays up or down."""
    ENDPOINT_LOCAL = "gtm.endpoint.local"
    """One vantage believes something else of a check than the quorum, or no longer does."""
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
    """A safety rule no longer keeps an endpoint: it leaves the answers, unless it is up or another rule keeps it."""
    SAFETY_BREACHED = "gtm.safety.breached"
    """Overrides of people took out more endpoints than a safety rule allows; the overrides are obeyed."""
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
    """A file of the state folder is damaged, or cannot be read or written; recorded once until that is fixed."""
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
    """One event as it is made, before the recorder adds its time."""

    kind: EventKind
    subject: str
    """The name of what it is about: a check, a region, a service, a node, a file, a safety rule or a scope."""
    message: str
    """One line for people."""
    facts: Mapping[str, Fact] = field(default_factory=dict)
    causes: tuple[EventId, ...] = ()
    id: EventId = UNRECORDED
    """Set only where other nodes must be able to compute it (`verdict_id`); otherwise the recorder gives a number."""


class Recorder(Protocol):
    """Stores events and numbers them."""

    def record(self, event: Event) -> EventId:
        """Records an event and returns its id; never waits, and never raises."""


class NoRecorder:
    """A recorder that stores nothing: for a part that runs outside of a node."""

    def record(self, event: Event) -> EventId:
        """Returns the event's own id, which is empty for most; stores nothing."""
        return event.id


@dataclass(frozen=True, slots=True)
class Recorded:
    """An event as one line of the event log, with its id and its times."""

    id: str
    type: str
    """A value of EventKind, or one that only a newer version of this program knows."""
    at: str
    """UTC by this node's clock, for people: `2026-01-31T12:00:00.123Z`."""
    wall: float
    """The same time in Unix seconds."""
    monotonic: float
    """Monotonic seconds: they order the events of one boot even if the wall clock was set."""
    boot: int
    """A number that grows with every start of the node."""
    node: str
    subject: str
    message: str
    facts: dict[str, Fact] = field(default_factory=dict)
    causes: tuple[str, ...] = ()


MAX_LIST = 20
"""The most items of a fact that is a list, and the most causes: so a large outage does not make a line of megabytes."""
MAX_TEXT = 2_000
"""Characters of one text."""


def recorded(
    event: Event, number: int, *, node: NodeName, boot: int, monotonic: float, wall: float, at: str
) -> Recorded:
    """Returns the log line of an event: with its id and times, and with long texts and lists cut."""
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
    """Returns text of at most MAX_TEXT characters that UTF-8 can encode; a file's name may be other text."""
    if text.isascii() and len(text) <= MAX_TEXT:
        return text  # most are, and of thousands in memory no copy is needed
    return text[:MAX_TEXT].encode(errors="backslashreplace").decode()


def verdict_id(node: NodeName, check: CheckId, since: float) -> EventId:
    """Returns the id of a verdict: that of the probe `node` on `check`, held since `since` (Unix seconds, its clock).

    A report contains all three. So another node can name the verdict as a cause without having seen its event.
    """
    return EventId(f"{node}:verdict:{check}:{since:.3f}")


def kinds_of(names: Sequence[str]) -> frozenset[str]:
    """Returns the kinds of events that these names mean: `gtm.endpoint.down` is one, `endpoint` all `gtm.endpoint.*`.

    Raises ValueError for a name that means no kind.
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
    """Returns an event as one line of the event log: JSON with one newline at its end."""
    return _ENCODER.encode(event) + b"\n"


def parse_line(line: bytes) -> Recorded:
    """Returns the event of a line of the event log; raises StateInvalid if the line is cut, damaged or not an event."""
    try:
        return _DECODER.decode(line)
    except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
        raise StateInvalid(f"a line of the event log is damaged: {error}") from error


_ENCODER = msgspec.json.Encoder()
_DECODER = msgspec.json.Decoder(Recorded)
