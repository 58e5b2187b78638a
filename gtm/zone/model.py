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
    """-99..99, as in Route 53 geoproximity: a positive bias attracts clients, a negative one repels them."""
    enabled: bool = True
    """Whether the endpoints in it are used (enabled.py)."""


PLAIN_HTTP = HttpSettings(secure=False)


MonitorKey = tuple[str, MonitorName]
"""The scope and the name of a monitor."""


@dataclass(frozen=True, slots=True)
class Monitor:
    """How an endpoint is checked."""

    scope: str
    """Where it was defined: a zone's name without trailing dot, or `_shared` for the shared file (_shared.yaml)."""
    name: MonitorName
    type: MonitorType
    port: int
    """0 where the kind of monitor has no port."""
    settings: Settings = PLAIN_HTTP
    interval_s: float = 5.0
    timeout_s: float = 2.0
    fall: int = 3
    """The number of bad readings in a row that take an endpoint down."""
    rise: int = 5
    """The number of good readings in a row that bring it back."""
    window: tuple[int, int] | None = (6, 10)
    """(bad, of): `bad` bad readings among the last `of` take an endpoint down, in any order. None: this is not used."""
    recheck_s: float = 1.0
    """The interval after a bad reading, until the endpoint is down or a reading is good; at most interval_s."""
    failback_delay_s: float = 60.0
    """The least time for which an endpoint that went down stays down, even with good readings."""
    damping: bool = True
    """Whether an endpoint that flaps takes longer and longer to come back."""
    addresses: Addresses = Addresses.NEXT
    """Which of the addresses of a target have to pass, where it is a name with several."""
    parts: tuple["Monitor", ...] = field(default=(), compare=False, repr=False)
    """The monitors that one of kind `calculated` combines, in the order of its settings. They are compared and hashed
    by `parts_digest`: parts that share their parts have more ways down than anybody can walk."""
    parts_digest: str = field(init=False, default="")

    def __post_init__(self) -> None:
        """Computes `parts_digest` from the parts, each of which has the digest of its own parts."""
        if self.parts:
            digest = hashlib.sha256(b"\0".join(repr(part).encode("utf-8", "surrogatepass") for part in self.parts))
            object.__setattr__(self, "parts_digest", digest.hexdigest())

    @property
    def key(self) -> MonitorKey:
        """Returns the scope and the name, which no other monitor of the same zone folder shares.

        To hash this key is faster than to hash the monitor.
        """
        return self.scope, self.name

    def all_parts(self) -> Iterator["Monitor"]:
        """Yields the monitor and the monitors that it is calculated from, at any depth, each once."""
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
    """Whether it stays out of every answer until all others are down. Then it is answered even if it is down."""
    enabled: bool = True
    """The key `enabled` of this endpoint in the zone file; its region or service may be disabled all the same."""

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
        """Returns words for people about an endpoint, such as `its region is disabled in the zone file`."""
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
    """Whose votes decide which endpoints of a service are up."""

    LOCAL = "local"
    """The belief of the quorum; but for clients near a vantage whose probes see an endpoint down, it is down."""
    GLOBAL = "global"
    """The belief of the quorum, for all clients."""


@dataclass(frozen=True, slots=True)
class Safety:
    """The safety rules of a service: limits on what checks may take out (gtm/plan/safety/rules.py)."""

    at_least: int = 1
    """The number of its regions that stay in the answers while one of its endpoints is up."""
    max_share: float = 0.25
    """The share of the weights, 0 to 1, that checks may take out in a minute."""
    correlated_failure: bool = True
    """Whether failures of half the world at once are blamed on the probes."""
    is_apart: bool = False
    """Whether `max_share` is counted for this service alone, and not together with the rest of the zone."""


DEFAULT_SAFETY = Safety()


@dataclass(frozen=True, slots=True)
class Service:
    """A name whose answer is steered."""

    name: Name
    ttl: int
    steer: Steer
    endpoints: tuple[Endpoint, ...]
    """The enabled endpoints; empty only for a service in `Zone.disabled_services`."""
    monitor: Monitor | None = None
    """None: nobody checks the endpoints, and they count as up."""
    on_all_down: OnAllDown = OnAllDown.SERVE_ALL
    ttl_min: int | None = None
    """The shortest TTL, in seconds, where the TTL follows health and `ttl` is the longest; None: it does not follow."""
    ttl_degraded: int | None = None
    """The TTL in seconds while the answer is not the steady one; None: half of `ttl`, but at least 5 s."""
    safety: Safety = DEFAULT_SAFETY
    min_healthy: tuple[tuple[RegionName, int], ...] = ()
    """Regions with the number of endpoints that must be up: with fewer, the region is skipped."""
    health_view: HealthView = HealthView.LOCAL
    enabled: bool = True
    disabled: tuple[Endpoint, ...] = ()
    """The endpoints in the zone file that are not used: they, their regions or the service are disabled."""

    @property
    def id(self) -> ServiceId:
        """Returns the absolute name without its trailing dot, in lower case."""
        return ServiceId(self.name.to_text(omit_final_dot=True).lower())

    @property
    def awaits(self) -> tuple[ServiceId, ...]:
        """Returns the ids of the services that its monitor is calculated from, at any depth, each once."""
        return () if self.monitor is None else _awaited(self.monitor)

    def disabled_by(self, endpoint: Endpoint) -> DisabledBy:
        """Returns the cause why an endpoint of `disabled` is disabled: the service, else its region, else itself."""
        if not self.enabled:
            return DisabledBy.SERVICE
        return DisabledBy.REGION if endpoint.enabled else DisabledBy.ENDPOINT

    def check_of(self, endpoint: Endpoint) -> CheckId | None:
        """Returns the id of the check that decides this endpoint's health; None for a service without a monitor."""
        return None if self.monitor is None else check_id(self.monitor, endpoint.target)


@dataclass(frozen=True, slots=True)
class RRset:
    """All records of one name and type (RFC 9499 section 5)."""

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
    """The services with at least one enabled endpoint."""
    records: tuple[RRset, ...]
    """The records of the zone file, without the SOA and the NS of the apex, which the plan makes."""
    digest: str
    """A fingerprint of the zone file, of its records file and of what it uses of the shared file (_shared.yaml); a
    change needs a new SOA serial."""
    bulk: Bulk = NO_BULK
    """The packed records of the records file; no name and type is both here and in `records`."""
    records_file: str = ""
    """The path of the records file within the zone folder; empty where there is none."""
    records_bytes: int = 0
    """The size of the records file, with each file as often as it is included, and with what it generates."""
    warnings: tuple[Problem, ...] = ()
    """Mistakes in these files that do not stop the zone from being served."""
    soa: Soa = DEFAULT_SOA
    disabled_services: tuple[Service, ...] = ()
    """The services without an enabled endpoint: their names exist, and the answer is NODATA."""
    shared_regions: frozenset[RegionName] = frozenset()
    """The names of `regions` that are defined in the shared file (_shared.yaml): the same place in every zone."""

    @property
    def all_services(self) -> tuple[Service, ...]:
        """Returns all services of the zone file, with and without enabled endpoints."""
        return (*self.services, *self.disabled_services)


def awaited_by(services: Iterable[Service]) -> dict[ServiceId, tuple[ServiceId, ...]]:
    """Returns `Service.awaits` by the id of each service; services of one monitor share one result."""
    awaiting = {}
    known: dict[int, tuple[ServiceId, ...]] = {}
    """Results by `id()` of the monitor object, which stays alive in its services."""
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
