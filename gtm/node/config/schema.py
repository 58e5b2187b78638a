"""What a node file may have, each key by itself: the entries of its parts, and how mistakes in them are worded.

What keys have to do with each other is in conflicts.py.
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
"""So that no single probe decides alone, where there is a second one."""
DEFAULT_LOCAL_VOTERS = 2
DEFAULT_VANTAGES = 2
"""Nor a single vantage: its probes share a network that may be the one that is down."""
MAX_THREADS = 1024
MAX_VOTERS = 1000
"""More of either than any machine or mesh has: surely a slip."""


_StaleHold = Annotated[float, PlainValidator(between(10.0, 86_400.0, "10s to 24h")), DURATION_SCHEMA]


def _listen(value: object) -> ListenAddress:
    try:
        return parse_listen(text(value))
    except ValueError as invalid:
        raise error(str(invalid)) from invalid


def _threads(value: object) -> int | None:
    return None if value == "auto" else _whole(value, 1, MAX_THREADS, "auto or a number of threads")


def _whole(value: object, low: int, high: int, expected: str) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not low <= value <= high:
        raise error(f"expected {expected} from {low} to {high}, not {found(value)}")
    return value


_RULES: dict[str, Rule] = {"majority": Majority(), "all": AllUp(), "any": AnyUp()}


def _rule(value: object) -> Rule:
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
    if not isinstance(value, int | float) or isinstance(value, bool) or not 0 <= value < 1:
        raise error(f"expected a share from 0 to below 1, not {found(value)}")
    return float(value)


_HostName = Annotated[
    str, text_like(NAME_PATTERN, "expected a name of this machine, such as ns1.example.net or *.example.net")
]
_Role = Annotated[Role, choice("role", {role.value: role for role in Role})]
_Listen = Annotated[ListenAddress, PlainValidator(_listen)]


class ListenEntry(Entry):
    """Where to listen."""

    dns: Annotated[list[_Listen], Field(min_length=1)] = Field(default_factory=lambda: [parse_listen(DEFAULT_DNS)])
    admin: _Listen = parse_listen(DEFAULT_ADMIN)
    health: Annotated[_Listen | None, Something] = None
    hosts: list[_HostName] = Field(default_factory=list)
    plain: Annotated[str, choice("plain", {"warn": "warn", "ok": "ok"})] = "warn"
    tls: TlsFilesEntry | None = None
    tcp: TcpEntry = TcpEntry()
    readyz: ReadyzEntry = ReadyzEntry()


class GeoEntry(Entry):
    """Where the geo data is."""

    databases: Annotated[list[PathText] | None, Something] = None
    networks: Annotated[PathText | None, Something] = None


class QuorumEntry(Entry):
    """How reports become one status."""

    rule: Annotated[Rule, PlainValidator(_rule)] = Majority()
    voters: Annotated[int | None, whole(1, MAX_VOTERS)] = None
    vantages: Annotated[int | None, whole(1, MAX_VOTERS)] = None
    local_voters: Annotated[int, whole(1, MAX_VOTERS)] = DEFAULT_LOCAL_VOTERS
    stale_hold: _StaleHold = DEFAULT_STALE_HOLD_S


class NodeEntry(Entry):
    """The whole file."""

    node: Annotated[Name | None, Something] = None
    at: At = None
    vantage: Annotated[Name | None, Something] = None
    roles: Annotated[list[_Role], Field(min_length=1)] = Field(default_factory=lambda: [*Role])
    engine: Annotated[EngineChoice, choice("engine", {engine.value: engine for engine in EngineChoice})] = (
        EngineChoice.AUTO
    )
    threads: Annotated[int | None, PlainValidator(_threads)] = None
    zones: Annotated[PathText | None, Something] = None
    state: PathText = DEFAULT_STATE
    listen: ListenEntry = ListenEntry()
    geo: GeoEntry = GeoEntry()
    share: ShareEntry = ShareEntry()
    quorum: QuorumEntry = QuorumEntry()
    overrides: OverridesEntry = OverridesEntry()
    telemetry: TelemetryEntry = TelemetryEntry()
    probe: ProbeEntry = ProbeEntry()
    watch: WatchEntry = WatchEntry()
    log: LogEntry = LogEntry()


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
