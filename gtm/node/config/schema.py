"""The schema of a node file: the keys of each part, their values and defaults, and the nouns for messages.

The rules between several keys are in conflicts.py.
"""

from typing import Annotated

from pydantic import Field, PlainValidator

from gtm.admin.host_names import NAME_PATTERN
from gtm.config.entry import Entry
from gtm.config.fields import DURATION_SCHEMA, between, choice, error, found, text, text_like, whole
from gtm.config.messages import Grammar
from gtm.config.reader import FileKind
from gtm.config.suggestions import suggestion
from gtm.errors import NodeInvalid
from gtm.health.consensus.quorum import DEFAULT_STALE_HOLD_S, AllUp, AnyUp, AtLeast, Majority, Rule, Share
from gtm.node.config.log import LogEntry
from gtm.node.config.model import EngineChoice, Role
from gtm.node.config.overrides import OverridesEntry, TokenEntry
from gtm.node.config.probe import CertificateEntry, ProbeEntry, ProgramEntry, SecretEntry
from gtm.node.config.readyz import ReadyzEntry
from gtm.node.config.share import EtcdEntry, PeerEntry, ShareEntry, TlsFilesEntry
from gtm.node.config.tcp import TcpEntry
from gtm.node.config.telemetry import TelemetryEntry
from gtm.node.config.values import Name, PathText, Something
from gtm.node.config.watch import WatchEntry
from gtm.serve.listen import ListenAddress, parse_listen
from gtm.zone.fields import At

DEFAULT_DNS = "127.0.0.1:5300"
DEFAULT_ADMIN = "127.0.0.1:8053"
DEFAULT_STATE = ".gtm"
DEFAULT_VOTERS = 2
"""The default for `voters`: no single probe decides alone if there is a second one."""
DEFAULT_LOCAL_VOTERS = 2
DEFAULT_VANTAGES = 2
"""The default for `vantages`: no single vantage decides alone, because its own network may be down."""
MAX_THREADS = 1024
MAX_VOTERS = 1000
"""The most voters (and MAX_THREADS the most threads) that are accepted: a larger number must be a mistake."""


_StaleHold = Annotated[float, PlainValidator(between(10.0, 86_400.0, "10s to 24h")), DURATION_SCHEMA]


def _listen(value: object) -> ListenAddress:
    """Returns the address and port to listen on; raises an error for an invalid text."""
    try:
        return parse_listen(text(value))
    except ValueError as invalid:
        raise error(str(invalid)) from invalid


def _threads(value: object) -> int | None:
    """Returns the number of threads, or None for `auto`; raises an error for any other value."""
    return None if value == "auto" else _whole(value, 1, MAX_THREADS, "auto or a number of threads")


def _whole(value: object, low: int, high: int, expected: str) -> int:
    """Returns a whole number from `low` to `high`; else raises an error that says what was `expected`."""
    if not isinstance(value, int) or isinstance(value, bool) or not low <= value <= high:
        raise error(f"expected {expected} from {low} to {high}, not {found(value)}")
    return value


_RULES: dict[str, Rule] = {"majority": Majority(), "all": AllUp(), "any": AnyUp()}


def _rule(value: object) -> Rule:
    """Returns the rule of the quorum; raises an error for an unknown one."""
    match value:
        case str() if value in _RULES:
            return _RULES[value]
        case str():
            near = suggestion(value, _RULES)
            raise error(f"expected majority, all, any, {{share: 0.18}} or {{n: 3}}, not {found(value)}{near}")
        case {"share": share, **rest} if not rest:
            return Share(_share(share))
        case {"n": count, **rest} if not rest:
            return AtLeast(_whole(count, 1, MAX_VOTERS, "a number of voices"))
    raise error(f"expected majority, all, any, {{share: 0.18}} or {{n: 3}}, not {found(value)}")


def _share(value: object) -> float:
    """Returns a share from 0 to below 1; raises an error for any other value."""
    if not isinstance(value, int | float) or isinstance(value, bool) or not 0 <= value < 1:
        raise error(f"expected a share from 0 to below 1, not {found(value)}")
    return float(value)


_HostName = Annotated[
    str, text_like(NAME_PATTERN, "expected a name of this machine, such as ns1.example.net or *.example.net")
]
_Role = Annotated[Role, choice("role", {role.value: role for role in Role})]
_Listen = Annotated[ListenAddress, PlainValidator(_listen)]


class ListenEntry(Entry):
    """The addresses to listen on, and their limits and TLS files."""

    dns: Annotated[list[_Listen], Field(min_length=1)] = Field(default_factory=lambda: [parse_listen(DEFAULT_DNS)])
    """Addresses, UDP and TCP, that answer queries."""
    admin: _Listen = parse_listen(DEFAULT_ADMIN)
    """Address of the admin API."""
    health: Annotated[_Listen | None, Something] = None
    """Another address that serves `/livez` and `/readyz` and nothing else, in plain HTTP and without a certificate,
    for load balancers and kubelets. Default: none.
    """
    hosts: list[_HostName] = Field(default_factory=list)
    """Names that clients call the admin listener by, besides the host name, `node`, and the names in its
    certificate; `*.example.net` stands for any one label.
    """
    plain: Annotated[str, choice("plain", {"warn": "warn", "ok": "ok"})] = "warn"
    """`ok`: no warning at the start if the admin listener is open to the network without TLS."""
    tls: TlsFilesEntry | None = None
    """PEM files of the admin listener (docs/guides/tls.md). With `ca`, only clients with a certificate of it can
    connect. Default: plain HTTP.
    """
    tcp: TcpEntry = TcpEntry()
    """Limits of DNS over TCP."""
    readyz: ReadyzEntry = ReadyzEntry()
    """When `/readyz` is 503 (docs/reference/admin-api.md#when-a-node-is-ready)."""


class GeoEntry(Entry):
    """The paths of geo databases and of the file of custom networks."""

    databases: Annotated[list[PathText] | None, Something] = None
    """Files of geo databases. The first that knows the country or the coordinates of an address counts. A file that
    is named must exist. Default: the database in `geodata/`, or the one that comes with the program.
    """
    networks: Annotated[PathText | None, Something] = None
    """File of custom networks, which come before every database (docs/guides/geo-data.md). Default:
    `geodata/networks.yaml`, if it exists.
    """


class QuorumEntry(Entry):
    """The quorum: how the votes in reports become one status."""

    rule: Annotated[Rule, PlainValidator(_rule)] = Majority()
    """How the voices of the vantages become one belief: `majority`, `all`, `any`, `{share: 0.18}` or `{n: 3}`.
    Default: `majority`.
    """
    voters: Annotated[int | None, whole(1, MAX_VOTERS)] = None
    """With fewer probes that agree with their vantage nothing changes: the last belief stays. Default: 2, or as many
    as can vote.
    """
    vantages: Annotated[int | None, whole(1, MAX_VOTERS)] = None
    """With fewer vantages that are heard nothing changes either; nodes of one vantage alone need `1`. Default: as
    `voters`, at most 2.
    """
    local_voters: Annotated[int, whole(1, MAX_VOTERS)] = DEFAULT_LOCAL_VOTERS
    """Probes of one vantage that must agree for it to have a local truth (docs/concepts/quorum.md)."""
    stale_hold: _StaleHold = DEFAULT_STALE_HOLD_S
    """Time for which a belief stays without a quorum. Then the endpoint is unknown, and comes after those known to
    be up.
    """


class NodeEntry(Entry):
    """The whole node file."""

    node: Annotated[Name | None, Something] = None
    """Name of this node in logs and at its peers. Default: the host name."""
    at: At = None
    """Latitude and longitude of this node: `[50.11, 8.68]`. Reports carry it, and a vantage's local truth needs it.
    Default: unknown.
    """
    vantage: Annotated[Name | None, Something] = None
    """Place that this node checks from. Nodes in one data centre should name the same. Default: the name of the
    node.
    """
    roles: Annotated[list[_Role], Field(min_length=1)] = Field(default_factory=lambda: [*Role])
    """`dns` answers queries, `probe` runs checks, `admin` serves the admin API, which peers poll. A node without
    `dns` loads no geo data and needs about 80 MB (105 MB with 2,000 endpoints).
    """
    engine: Annotated[EngineChoice, choice("engine", {engine.value: engine for engine in EngineChoice})] = (
        EngineChoice.AUTO
    )
    """`auto` is the Rust engine if it was built, else the reference engine in Python. `rust` is refused where it is
    missing.
    """
    threads: Annotated[int | None, PlainValidator(_threads)] = None
    """Serving threads of the Rust engine, each with a socket of its own on every address; `auto` is one for each
    core. Default: `auto`.
    """
    zones: Annotated[PathText | None, Something] = None
    """Folder of the zone files. Default: `zones`, else the example that comes with the program, with a warning."""
    state: PathText = DEFAULT_STATE
    """Folder for this node alone (docs/reference/state-folder.md)."""
    listen: ListenEntry = ListenEntry()
    """Where to listen."""
    geo: GeoEntry = GeoEntry()
    """Where the geo data is."""
    share: ShareEntry = ShareEntry()
    """How reports are shared."""
    quorum: QuorumEntry = QuorumEntry()
    """How reports become one status."""
    overrides: OverridesEntry = OverridesEntry()
    """Whose overrides count here."""
    telemetry: TelemetryEntry = TelemetryEntry()
    """Where metrics are sent."""
    probe: ProbeEntry = ProbeEntry()
    """What checks may use and connect to."""
    watch: WatchEntry = WatchEntry()
    """How changed files are read."""
    log: LogEntry = LogEntry()
    """The form of the log."""


NODE_FILE = FileKind(NodeInvalid)
GRAMMAR = Grammar(
    nouns={
        NodeEntry: "a node file",
        ListenEntry: "listen",
        GeoEntry: "geo",
        ShareEntry: "share",
        PeerEntry: "a peer",
        EtcdEntry: "etcd",
        TlsFilesEntry: "tls",
        TcpEntry: "tcp",
        ReadyzEntry: "readyz",
        QuorumEntry: "quorum",
        OverridesEntry: "overrides",
        TokenEntry: "a token",
        TelemetryEntry: "telemetry",
        ProbeEntry: "probe",
        WatchEntry: "watch",
        LogEntry: "log",
        ProgramEntry: "a program",
        SecretEntry: "a secret",
        CertificateEntry: "a certificate",
    },
    places=(
        (("listen",), ListenEntry),
        (("geo",), GeoEntry),
        (("share",), ShareEntry),
        (("share", "peers", "*"), PeerEntry),
        (("share", "etcd"), EtcdEntry),
        (("share", "tls"), TlsFilesEntry),
        (("listen", "tls"), TlsFilesEntry),
        (("listen", "tcp"), TcpEntry),
        (("listen", "readyz"), ReadyzEntry),
        (("quorum",), QuorumEntry),
        (("overrides",), OverridesEntry),
        (("overrides", "tokens", "*"), TokenEntry),
        (("telemetry",), TelemetryEntry),
        (("probe",), ProbeEntry),
        (("watch",), WatchEntry),
        (("log",), LogEntry),
        (("probe", "exec", "*"), ProgramEntry),
        (("probe", "secrets", "*"), SecretEntry),
        (("probe", "certificates", "*"), CertificateEntry),
    ),
    too_short={
        "dns": "listen.dns needs at least one address",
        "endpoints": "an etcd cluster has at least one endpoint",
        "zones": "name the zones whose monitors may use it, or leave `zones` out for all",
        "roles": "a node needs at least one role",
    },
    private=(
        ("listen", "tls"),
        ("share", "etcd"),
        ("share", "key"),
        ("share", "tls"),
        ("overrides", "tokens"),
        ("probe", "secrets"),
        ("probe", "certificates"),
        ("telemetry",),
    ),
)
