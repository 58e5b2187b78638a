"""The zone as a value: what a zone file says, parsed once and valid.

Everything is frozen. Names are absolute dnspython names, durations are seconds, RDATA is wire format: no text of the
file is left to interpret. Only gtm/zone/parse.py makes a Zone.

Long because it is one vocabulary: every value of a zone, and nothing that reads them.
"""

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from enum import Enum
from ipaddress import IPv4Address
from typing import Literal

from dns.name import Name
from dns.rdatatype import RdataType

from gtm.errors import Problem
from gtm.geo.place import Coordinates
from gtm.ids import Address, CheckId, EndpointId, MonitorName, RegionName, ServiceId
from gtm.zone.graph import outer_first
from gtm.zone.monitors.addresses import Addresses
from gtm.zone.monitors.kinds.calculated import CalculatedSettings
from gtm.zone.monitors.kinds.http import HttpSettings
from gtm.zone.monitors.registry import MonitorType
from gtm.zone.monitors.settings import Settings
from gtm.zone.records_file.packed import NO_BULK, Bulk
from gtm.zone.soa import DEFAULT_SOA, Soa
from gtm.zone.steering import Steer

DEFAULT_WEIGHT = 1
MAX_WEIGHT = 255
"""The range of weights is Route 53's, so that its records move here unchanged."""


@dataclass(frozen=True, slots=True)
class Region:
    """A place endpoints run in."""

    name: RegionName
    at: Coordinates | None = None
    """Where it is; None means `auto`: the plan looks up the region's endpoints in the geo data."""
    country: str = ""
    continent: str = ""
    bias: int = 0
    """-99..99, as Route 53 geoproximity: positive draws clients in, negative pushes them away."""
    enabled: bool = True
    """Whether the endpoints in it are used (enabled.py)."""


PLAIN_HTTP = HttpSettings(secure=False)


MonitorKey = tuple[str, MonitorName]
"""The scope and the name of a monitor."""


@dataclass(frozen=True, slots=True)
class Monitor:
    """How an endpoint is checked."""

    scope: str
    """Where it was defined: a zone's name without trailing dot, or `_shared`."""
    name: MonitorName
    type: MonitorType
    port: int
    """0 where the kind has none."""
    settings: Settings = PLAIN_HTTP
    interval_s: float = 5.0
    timeout_s: float = 2.0
    fall: int = 3
    """So many bad readings in a row take an endpoint down."""
    rise: int = 5
    """So many good readings in a row bring it back."""
    window: tuple[int, int] | None = (6, 10)
    """(bad, of): so many bad readings of the last so many take an endpoint down, in whatever order."""
    recheck_s: float = 1.0
    """After a bad reading of an endpoint that is not down, until it is good or down; not more than the interval."""
    failback_delay_s: float = 60.0
    """So long an endpoint that went down stays down, however many readings are good."""
    damping: bool = True
    """Whether an endpoint that flaps takes longer and longer to come back."""
    addresses: Addresses = Addresses.NEXT
    """Which of the addresses of a target have to pass, where it is a name with several."""
    parts: tuple["Monitor", ...] = field(default=(), compare=False, repr=False)
    """The monitors that one of kind `calculated` combines, in the order of its settings. They are compared and hashed
    by `parts_digest`: parts that share their parts have more ways down than anybody can walk."""
    parts_digest: str = field(init=False, default="")

    def __post_init__(self) -> None:
        """Takes the digest of the parts, each of which has that of its own."""
        if self.parts:
            digest = hashlib.sha256(b"\0".join(repr(part).encode("utf-8", "surrogatepass") for part in self.parts))
            object.__setattr__(self, "parts_digest", digest.hexdigest())

    @property
    def key(self) -> MonitorKey:
        """Returns the key that no other monitor of the same files has.

        To hash that is faster than to hash all there is.
        """
        return self.scope, self.name

    def all_parts(self) -> Iterator["Monitor"]:
        """Yields the monitor and what it is calculated from, at any depth, once each."""
        return outer_first(self, lambda monitor: monitor.parts, lambda monitor: monitor.key)


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One address or target name that serves a service, in a region."""

    region: RegionName
    answer: Address | Name
    """An address answers A or AAAA; a name answers CNAME."""
    weight: int = DEFAULT_WEIGHT
    priority: int = 1
    """Lower is preferred by the filter `priority`. Where the file names none, it is the rank of the region in the
    order in which the service's endpoints first name them, from 1."""
    last_resort: bool = False
    """Kept out of every answer until all others are down, and then given whatever its health."""
    enabled: bool = True
    """As the file says of this endpoint; its region may be disabled besides."""

    @property
    def rtype(self) -> Literal[RdataType.A, RdataType.AAAA, RdataType.CNAME]:
        """Returns the type of record that this endpoint answers with."""
        if isinstance(self.answer, Name):
            return RdataType.CNAME
        return RdataType.A if isinstance(self.answer, IPv4Address) else RdataType.AAAA

    @property
    def id(self) -> EndpointId:
        """Returns `REGION/ADDRESS`, the endpoint's name within its service."""
        return EndpointId(f"{self.region}/{self.target}")

    @property
    def target(self) -> str:
        """Returns the address, or the name without its trailing dot: what a check connects to."""
        return self.answer.to_text(omit_final_dot=True) if isinstance(self.answer, Name) else str(self.answer)


class DisabledBy(Enum):
    """What has `enabled: false` in the zone file."""

    SERVICE = "service"
    REGION = "region"
    ENDPOINT = "endpoint"

    def __str__(self) -> str:
        """Returns it in words, said of an endpoint."""
        return (
            "disabled in the zone file" if self is self.ENDPOINT else f"its {self.value} is disabled in the zone file"
        )


class OnAllDown(Enum):
    """What a service answers when every endpoint is down."""

    SERVE_ALL = "serve_all"
    """As if every endpoint were up: fail open (Route 53, Azure Traffic Manager)."""
    SERVE_LAST_GOOD = "serve_last_good"
    """What it answered when the last endpoint was up."""
    LAST_RESORT = "last_resort"
    """The endpoints marked `last_resort`, whatever their health."""
    NODATA = "nodata"
    SERVFAIL = "servfail"


class HealthView(Enum):
    """Whose word counts of the endpoints of a service."""

    LOCAL = "local"
    """That of the quorum; and of the nearest vantage, where its probes see an endpoint down."""
    GLOBAL = "global"
    """That of the quorum, everywhere."""


@dataclass(frozen=True, slots=True)
class Safety:
    """What automatics may not do to a service (gtm/plan/safety/rules.py)."""

    at_least: int = 1
    """So many of its regions stay in the answers while something of it is up."""
    max_share: float = 0.25
    """Of the weights, so much may be taken out in a minute."""
    correlated_failure: bool = True
    """Whether failures of half the world at once are blamed on the probes."""
    is_apart: bool = False
    """Whether its share is counted by itself, and not with the rest of the zone."""


DEFAULT_SAFETY = Safety()


@dataclass(frozen=True, slots=True)
class Service:
    """A name whose answer is steered."""

    name: Name
    ttl: int
    steer: Steer
    endpoints: tuple[Endpoint, ...]
    """Those that are enabled; there are some, but in `disabled_services`."""
    monitor: Monitor | None = None
    """None: nobody checks the endpoints, and they count as up."""
    on_all_down: OnAllDown = OnAllDown.SERVE_ALL
    ttl_min: int | None = None
    """Where the TTL follows health, this is the least and `ttl` the most; None: it does not."""
    ttl_degraded: int | None = None
    """Instead of `ttl` while the answer is not the steady one; None: half of it, but 5 s at least."""
    safety: Safety = DEFAULT_SAFETY
    min_healthy: tuple[tuple[RegionName, int], ...] = ()
    """Regions that are skipped while fewer of their endpoints are up."""
    health_view: HealthView = HealthView.LOCAL
    enabled: bool = True
    disabled: tuple[Endpoint, ...] = ()
    """Those that the file has and are not used: they, their regions or the service are disabled."""

    @property
    def id(self) -> ServiceId:
        """Returns the absolute name without its trailing dot, in lower case."""
        return ServiceId(self.name.to_text(omit_final_dot=True).lower())

    @property
    def awaits(self) -> tuple[ServiceId, ...]:
        """Returns the services that its monitor is calculated from, at any depth, once each."""
        return () if self.monitor is None else _awaited(self.monitor)

    def disabled_by(self, endpoint: Endpoint) -> DisabledBy:
        """Returns the widest thing that disables one of the endpoints in `disabled`."""
        if not self.enabled:
            return DisabledBy.SERVICE
        return DisabledBy.REGION if endpoint.enabled else DisabledBy.ENDPOINT

    def check_of(self, endpoint: Endpoint) -> CheckId | None:
        """Returns the check that decides this endpoint's health; None when nobody checks it."""
        return None if self.monitor is None else check_id(self.monitor, endpoint.target)


@dataclass(frozen=True, slots=True)
class RRset:
    """A record: the values of one name and type (RFC 9499 section 5)."""

    name: Name
    rtype: RdataType
    ttl: int
    rdatas: tuple[bytes, ...]
    """Wire format, without compression, in the order of the file."""


@dataclass(frozen=True, slots=True)
class Zone:
    """What is delegated to this server: one zone file."""

    file: str
    origin: Name
    ttl: int
    nameservers: tuple[Name, ...]
    hostmaster: Name
    """The RNAME of the SOA (RFC 1035 8: the mailbox as a name)."""
    regions: tuple[Region, ...]
    """The regions that the services use, own and shared, in the order of the file."""
    services: tuple[Service, ...]
    """Those of which something is enabled."""
    records: tuple[RRset, ...]
    """Everything static but the SOA and the NS of the apex, which the plan makes."""
    digest: str
    """A fingerprint of the file, of its records file and of what it took from the shared one; a change asks for a new
    SOA serial."""
    bulk: Bulk = NO_BULK
    """What the records file has; no name and type of `records` is in it too."""
    records_file: str = ""
    """The name of that file within the folder; empty where there is none."""
    records_bytes: int = 0
    """How much it says, with all that it includes, as often as it does, and generates."""
    warnings: tuple[Problem, ...] = ()
    """What is odd in these files, and serves all the same."""
    soa: Soa = DEFAULT_SOA
    disabled_services: tuple[Service, ...] = ()
    """Those of which nothing is enabled: their names exist, and have no data."""
    shared_regions: frozenset[RegionName] = frozenset()
    """Those of `regions` that are of the shared file: the same place in every zone that has them."""

    @property
    def all_services(self) -> tuple[Service, ...]:
        """Returns the services of the file, whether something of them is enabled or not."""
        return (*self.services, *self.disabled_services)


def awaited_by(services: Iterable[Service]) -> dict[ServiceId, tuple[ServiceId, ...]]:
    """Returns `awaits` of each service; those of one monitor are looked up once."""
    awaiting = {}
    known: dict[int, tuple[ServiceId, ...]] = {}
    """By the id of the monitor, which its services keep."""
    for service in services:
        awaits = known.get(id(service.monitor))
        if awaits is None:
            awaits = known[id(service.monitor)] = service.awaits
        awaiting[service.id] = awaits
    return awaiting


def _awaited(monitor: Monitor) -> tuple[ServiceId, ...]:
    settings = (part.settings for part in monitor.all_parts())
    named = (name for setting in settings if isinstance(setting, CalculatedSettings) for name in setting.services)
    return tuple(dict.fromkeys(map(ServiceId, named)))


def check_id(monitor: Monitor, target: str) -> CheckId:
    """Returns `SCOPE/MONITOR/TARGET`; the target is an address, or a host name without its trailing dot."""
    return CheckId(f"{monitor.scope}/{monitor.name}/{target}")
