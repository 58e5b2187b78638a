"""The views of the admin API: the JSON of each answer is one of these values, and clients parse it back into it.

/v1/status    NodeStatus
/v1/regions   Regions
/v1/reload    Reloaded
/v1/events    Events
/v1/overrides gtm.admin.override_view.OverridesView
/v1/explain   gtm.explain.explain.Explanation
"""

from collections.abc import Mapping
from dataclasses import dataclass

from gtm.admin.override_view import OverrideView
from gtm.event import Recorded
from gtm.geo.place import Coordinates
from gtm.health.belief import Belief
from gtm.health.consensus.voices import Voice
from gtm.health.regions import RegionState
from gtm.health.report.peer import PeerState
from gtm.health.verdict.reading import Reason
from gtm.health.verdict.verdict import VerdictState
from gtm.ids import CheckId, EndpointId, Generation, NodeName, RegionName, ServiceId, VantageName
from gtm.steer.decide import State
from gtm.zone.model import DisabledBy


@dataclass(frozen=True, slots=True)
class EndpointView:
    """One endpoint of a service, with the belief of the node and the voices behind it."""

    endpoint: EndpointId
    region: RegionName
    type: str
    weight: int
    monitor: str
    """The monitor's name; empty when the service has no monitor."""
    belief: Belief
    since: float | None
    """Unix time of the change to this belief; None when the belief never changed."""
    reason: Reason
    detail: str
    frozen: bool
    """Whether there are too few fresh voices for a quorum, so that the last belief stands."""
    voices: tuple[Voice, ...]
    state: VerdictState = VerdictState.UNKNOWN
    """The belief in one word that is more exact, such as degraded or flapping."""
    flip_in_s: float = 0.0
    """Seconds from the last reading to the first one that could change the belief; 0: at any time."""
    override: str = ""
    """The action of the override that counts instead of the belief: up, down, drain; empty without an override."""
    held_by: str = ""
    """The safety rule by which the endpoint counts as up although its belief is down; empty for none."""
    down_from: tuple[VantageName, ...] = ()
    """The vantages that see it down while the quorum does not; clients near them get another one if there is any."""
    override_by: str = ""
    """Who set the override."""
    override_until: float | None = None
    """The Unix time at which the override ends; None without an override."""
    back_in_s: float | None = None
    """For an endpoint that is down and answers again: seconds from the last reading until its belief is up, if no
    reading is bad; 0 where this is not known yet. None for any other endpoint."""
    is_skipped: bool = False
    """Whether its region is skipped: fewer endpoints are up than `min_healthy` wants, and another region has enough."""
    is_last_resort: bool = False
    """Whether it is answered only when all others are down."""


@dataclass(frozen=True, slots=True)
class DisabledView:
    """An endpoint that the zone file disables: it is neither checked nor answered."""

    endpoint: EndpointId
    region: RegionName
    by: DisabledBy
    """What has `enabled: false` in the zone file: the service, else the region, else the endpoint."""


@dataclass(frozen=True, slots=True)
class SafetyView:
    """A change that a safety rule prevents now."""

    rule: str
    subject: str
    words: str


@dataclass(frozen=True, slots=True)
class ServiceView:
    """One service with its endpoints."""

    service: ServiceId
    zone: str
    steer: str
    ttl: int
    state: State
    """The worst over all cells and types."""
    endpoints: tuple[EndpointView, ...]
    """The enabled endpoints; where there are none, the answer is empty (NODATA)."""
    disabled: tuple[DisabledView, ...] = ()
    """The disabled endpoints of the zone file."""


@dataclass(frozen=True, slots=True)
class ZoneView:
    """One zone that is served."""

    zone: str
    file: str
    serial: int
    services: int
    records: int
    shared_regions: tuple[RegionName, ...] = ()
    """Its regions that are defined in the shared file (_shared.yaml): the same place in every zone that has them."""


@dataclass(frozen=True, slots=True)
class GeoSourceView:
    """One geo file in use."""

    file: str
    type: str
    built_at: int | None
    networks: int


@dataclass(frozen=True, slots=True)
class ProbeView:
    """One probe of which this node has a report."""

    node: NodeName
    vantage: VantageName
    epoch: int
    serial: int
    heard_s_ago: float
    checks: int
    is_silent: bool
    """Whether none of its votes is fresh any more: the probe has stopped, or is cut off."""
    is_quarantined: bool = False
    """Whether its votes do not count because it always contradicts the other probes."""
    dissent: float = 0.0
    """The share of its recent votes that contradict the other probes: 0 none, 1 all."""
    at: Coordinates | None = None
    """The place of the probe; None where its node file does not have it."""


@dataclass(frozen=True, slots=True)
class PeerView:
    """One peer, with the result of this node's last poll of it."""

    node: NodeName
    state: PeerState
    trouble: str = ""
    """Why the last poll of the peer failed; empty when it succeeded."""


@dataclass(frozen=True, slots=True)
class RefusalView:
    """The number of reports from one peer that this node refused for one reason."""

    peer: NodeName
    """The peer that sent the reports; they may have the name of another node."""
    reason: str
    count: int


@dataclass(frozen=True, slots=True)
class WithheldView:
    """A reason for which this node, as a probe, does not make some checks: its node file does not allow them."""

    reason: str
    checks: int
    """So many."""
    example: CheckId
    """One of them."""


@dataclass(frozen=True, slots=True)
class UnreadView:
    """A reason for which a probe cannot make some checks; it must be fixed on that node."""

    node: NodeName
    reason: str
    checks: int
    """So many."""
    example: CheckId
    """One of them."""


@dataclass(frozen=True, slots=True)
class VotersView:
    """The probes that could vote, and the number of votes that change a belief."""

    probes: int
    """The number of probes that this node knows; it counts itself if it is a probe."""
    votes: int
    """The number of votes that a change needs."""
    vantages: int
    """The number of vantages that these votes must come from."""


@dataclass(frozen=True, slots=True)
class NodeStatus:
    """The whole status of one node."""

    node: NodeName
    version: str
    engine: str
    vantage: VantageName
    roles: tuple[str, ...]
    started_at: float
    uptime_s: float
    generation: Generation
    ready: bool
    quorum: str
    zones: tuple[ZoneView, ...]
    problems: tuple[str, ...]
    """Problems of zone files as `gtm check` prints them (the last valid zone of each is served), of the state folder,
    of peers whose signed reports do not count, and of overrides."""
    geo: tuple[GeoSourceView, ...]
    geo_problems: tuple[str, ...]
    probes: tuple[ProbeView, ...]
    services: tuple[ServiceView, ...]
    counters: Mapping[str, int]
    unheard: tuple[NodeName, ...] = ()
    """Peers without a report since this node started, sorted: a wrong key or URL, a silent probe, or no probe."""
    refusals: tuple[RefusalView, ...] = ()
    """Refused reports, sorted by peer and reason."""
    peers: tuple[PeerView, ...] = ()
    """Sorted by name."""
    overrides: tuple[OverrideView, ...] = ()
    """The overrides in force, sorted by scope."""
    safety: tuple[SafetyView, ...] = ()
    """The changes that safety rules prevent now."""
    vantages: tuple[VantageName, ...] = ()
    """The vantages with a known place, sorted; with three or more, each has a local truth for its clients."""
    withheld: tuple[WithheldView, ...] = ()
    """The checks that this node's own node file does not allow, the most common reason first; 20 reasons at most."""
    warnings: tuple[str, ...] = ()
    """The warnings about zone files that are served, as `gtm check` prints them."""
    unread: tuple[UnreadView, ...] = ()
    """The checks that probes (this node too) cannot make: by node, the most common reason first, 20 of each at most."""
    voters: VotersView | None = None
    """None from a node that does not report it."""
    unready: str = ""
    """Why the node is not ready; empty when it is."""


@dataclass(frozen=True, slots=True)
class HoldView:
    """An override or safety rule that decides for endpoints of a region, besides the checks."""

    what: str
    """The action of an override (up, down, drain); or the safety rule that keeps endpoints up; or min_healthy."""
    by: str
    """Who set the override; empty for a rule."""
    until: float | None
    """The Unix time at which the override ends; None for a rule."""
    endpoints: int
    """The number of endpoints for which it decides, each counted once for each service."""


@dataclass(frozen=True, slots=True)
class RegionView:
    """One region of a zone."""

    region: RegionName
    zone: str
    at: Coordinates | None
    country: str
    state: RegionState
    up: int
    """The number of its checks that are up. An unchecked address counts as up, and once for all its services."""
    down: int
    unknown: int
    endpoints: int = 0
    """The number of its enabled endpoints, each counted once for each service."""
    holds: tuple[HoldView, ...] = ()
    """The overrides and safety rules that decide besides the checks; those for the most endpoints are first."""


@dataclass(frozen=True, slots=True)
class RegionList:
    """The regions of every zone."""

    node: NodeName
    generation: Generation
    regions: tuple[RegionView, ...]


@dataclass(frozen=True, slots=True)
class LastChange:
    """The last change of the zones that are served."""

    generation: Generation
    ago_s: float
    changes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Reloaded:
    """The result of a reload."""

    generation: Generation
    problems: tuple[str, ...]
    changes: tuple[str, ...] | None = None
    """What the reload added, removed and changed in the zones; None from a node that does not report it."""
    last: LastChange | None = None
    """The last change, where this reload made none: the node may have read the changed files by itself before."""
    node: tuple[str, ...] = ()
    """The changes of the node file that took effect, and those that need a restart."""


@dataclass(frozen=True, slots=True)
class Events:
    """Events of a node, oldest first."""

    events: tuple[Recorded, ...]
