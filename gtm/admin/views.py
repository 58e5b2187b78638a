"""What the admin API shows, as values: the JSON of each answer is one of these, and clients parse it back into it.

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
    """One endpoint of a service, what is believed of it, and on whose word."""

    endpoint: EndpointId
    region: RegionName
    type: str
    weight: int
    monitor: str
    """The monitor's name; empty when nobody checks it."""
    belief: Belief
    since: float | None
    """Unix time of the change to this belief; None when it never was anything else."""
    reason: Reason
    detail: str
    frozen: bool
    """Too few fresh voices: the last belief stands."""
    voices: tuple[Voice, ...]
    state: VerdictState = VerdictState.UNKNOWN
    """The belief in one word that knows of more: degraded, flapping."""
    flip_in_s: float = 0.0
    """From the last reading to the soonest that could change the belief; 0: at any time."""
    override: str = ""
    """What a person said of it and counts instead of the belief: up, down, drain; empty when nobody did."""
    held_by: str = ""
    """The safety rule by which it counts as up although it is believed down; empty for none."""
    down_from: tuple[VantageName, ...] = ()
    """The vantages from which it is down, and not elsewhere: clients near them get another one while there is one."""
    override_by: str = ""
    """Who said so."""
    override_until: float | None = None
    """Unix time; None where nobody did."""
    back_in_s: float | None = None
    """Of one that is down and answers again: from the last reading to when it is believed up, if all goes on so; 0
    where nobody can tell yet."""
    is_skipped: bool = False
    """Its region has fewer endpoints up than `min_healthy` asks for, and another has enough."""
    is_last_resort: bool = False
    """It is answered when all others are down, and not before."""


@dataclass(frozen=True, slots=True)
class DisabledView:
    """An endpoint that the zone file disables: nobody checks or answers it."""

    endpoint: EndpointId
    region: RegionName
    by: DisabledBy
    """What has `enabled: false` in the zone file, the widest."""


@dataclass(frozen=True, slots=True)
class SafetyView:
    """What a rule of safety does not let happen now."""

    rule: str
    subject: str
    words: str


@dataclass(frozen=True, slots=True)
class ServiceView:
    """One service."""

    service: ServiceId
    zone: str
    steer: str
    ttl: int
    state: State
    """The worst over all cells and types."""
    endpoints: tuple[EndpointView, ...]
    """Those that are enabled; where there are none, the answer is empty (NODATA)."""
    disabled: tuple[DisabledView, ...] = ()
    """The others that the zone file has."""


@dataclass(frozen=True, slots=True)
class ZoneView:
    """One zone that is served."""

    zone: str
    file: str
    serial: int
    services: int
    records: int
    shared_regions: tuple[RegionName, ...] = ()
    """Those of its regions that are of the shared file: the same place in every zone that has them."""


@dataclass(frozen=True, slots=True)
class GeoSourceView:
    """One geo file that serves."""

    file: str
    type: str
    built_at: int | None
    networks: int


@dataclass(frozen=True, slots=True)
class ProbeView:
    """One probe that was heard."""

    node: NodeName
    vantage: VantageName
    epoch: int
    serial: int
    heard_s_ago: float
    checks: int
    is_silent: bool
    """None of its votes is fresh any more: it is gone, or cut off."""
    is_quarantined: bool = False
    """It is always against the others, and its votes do not count."""
    dissent: float = 0.0
    """How much of what it says is against the others, of late: 0 nothing, 1 everything."""
    at: Coordinates | None = None
    """Where it looks from; None where its node file does not say."""


@dataclass(frozen=True, slots=True)
class PeerView:
    """One peer, as this node's own polls of it go."""

    node: NodeName
    state: PeerState
    trouble: str = ""
    """Why the last poll of it failed; empty when it did not."""


@dataclass(frozen=True, slots=True)
class RefusalView:
    """Reports that were refused."""

    peer: NodeName
    """Who gave them; they may be in anybody's name."""
    reason: str
    count: int


@dataclass(frozen=True, slots=True)
class WithheldView:
    """Why this node, as a probe, does not make some checks: its own file does not let it."""

    reason: str
    checks: int
    """So many."""
    example: CheckId
    """One of them."""


@dataclass(frozen=True, slots=True)
class UnreadView:
    """Why a probe cannot make some checks; only that node can be mended."""

    node: NodeName
    reason: str
    checks: int
    """So many."""
    example: CheckId
    """One of them."""


@dataclass(frozen=True, slots=True)
class VotersView:
    """Whose votes there could be, and how many it takes to change a belief."""

    probes: int
    """That this node knows of, itself counted where it is one."""
    votes: int
    """So many must count."""
    vantages: int
    """And be from so many vantages."""


@dataclass(frozen=True, slots=True)
class NodeStatus:
    """Everything about one node."""

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
    """Of zone files, as `gtm check` prints them, the last good zone of each serves; of the state folder; of peers
    whose signed reports do not count; and of what people said."""
    geo: tuple[GeoSourceView, ...]
    geo_problems: tuple[str, ...]
    probes: tuple[ProbeView, ...]
    services: tuple[ServiceView, ...]
    counters: Mapping[str, int]
    unheard: tuple[NodeName, ...] = ()
    """Peers of which no report came since this node started, sorted: a wrong key or URL, a silent or no probe."""
    refusals: tuple[RefusalView, ...] = ()
    """By peer and reason, sorted."""
    peers: tuple[PeerView, ...] = ()
    """Sorted by name."""
    overrides: tuple[OverrideView, ...] = ()
    """What people said and is in force, by scope."""
    safety: tuple[SafetyView, ...] = ()
    """What automatics are not allowed now."""
    vantages: tuple[VantageName, ...] = ()
    """Those that are known to be somewhere, sorted; from three on each has a local truth for the clients near it."""
    withheld: tuple[WithheldView, ...] = ()
    """What this node's own file keeps it from checking, the commonest reason first; 20 at most."""
    warnings: tuple[str, ...] = ()
    """Of zone files that serve: what is odd in them, as `gtm check` prints it."""
    unread: tuple[UnreadView, ...] = ()
    """What probes cannot check, this node's own too: by node, the commonest reason first, 20 of each at most."""
    voters: VotersView | None = None
    """None of a node that does not say."""
    unready: str = ""
    """Why it is not ready."""


@dataclass(frozen=True, slots=True)
class HoldView:
    """What decides for endpoints of a region besides what the checks say."""

    what: str
    """What a person said: up, down, drain; or the safety rule that holds what is down up; or min_healthy."""
    by: str
    """Who said it; empty for a rule."""
    until: float | None
    """Unix time; None for a rule."""
    endpoints: int
    """For so many of them, each counted once for each service."""


@dataclass(frozen=True, slots=True)
class RegionView:
    """One region of a zone."""

    region: RegionName
    zone: str
    at: Coordinates | None
    country: str
    state: RegionState
    up: int
    """Of its distinct checks, and of the addresses that nobody checks: an address counts once for all its services."""
    down: int
    unknown: int
    endpoints: int = 0
    """Enabled ones, each counted once for each service."""
    holds: tuple[HoldView, ...] = ()
    """What decides besides the checks, for the most endpoints first."""


@dataclass(frozen=True, slots=True)
class RegionList:
    """The regions of every zone."""

    node: NodeName
    generation: Generation
    regions: tuple[RegionView, ...]


@dataclass(frozen=True, slots=True)
class LastChange:
    """A change of the zones that serves."""

    generation: Generation
    ago_s: float
    changes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Reloaded:
    """What a reload found."""

    generation: Generation
    problems: tuple[str, ...]
    changes: tuple[str, ...] | None = None
    """What came, went and changed in the zones with it; None of a node that does not say."""
    last: LastChange | None = None
    """The last change, where this reload made none: a look at the folder may have been faster."""
    node: tuple[str, ...] = ()
    """What of the node file was taken, and what needs a restart."""


@dataclass(frozen=True, slots=True)
class Events:
    """Changes of mind, oldest first."""

    events: tuple[Recorded, ...]
