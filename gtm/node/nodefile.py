"""The node file (gtm.yaml): text -> NodeConfig, or NodeInvalid with every mistake at its place.

The same rules as for zone files: unknown keys are errors, nothing is converted on the quiet, everything that is
wrong is said at once.
"""

import re
from pathlib import Path
from typing import Annotated

from pydantic import Field, PlainValidator, ValidationError

from gtm.admin.credentials import Credentials
from gtm.admin.names import NAME_PATTERN, clean_name
from gtm.errors import NodeInvalid, Problem, ZoneInvalid
from gtm.geo.place import Coordinates
from gtm.health.quorum import DEFAULT_STALE_HOLD_S, AllUp, AnyUp, AtLeast, Majority, Quorum, Rule, Share
from gtm.ids import NodeName, VantageName
from gtm.node.config import EngineChoice, GeoFiles, NodeConfig, Role, ShareConfig
from gtm.node.fields import Name, PathText, Something
from gtm.node.log_entry import LogEntry
from gtm.node.overrides_entry import OverridesEntry, TokenEntry
from gtm.node.own_files import own_files_listed
from gtm.node.probe_entry import CertificateEntry, ProbeEntry, ProgramEntry, SecretEntry
from gtm.node.readyz_entry import ReadyzEntry
from gtm.node.share_entry import EtcdEntry, PeerEntry, ShareEntry, TlsEntry
from gtm.node.shipped import shipped
from gtm.node.tcp_entry import TcpEntry
from gtm.node.telemetry_entry import TelemetryEntry
from gtm.node.watch_entry import WatchEntry
from gtm.serve.listen import ListenAddress, parse_listen
from gtm.share.site import EtcdSite, Peer
from gtm.zone import words
from gtm.zone.document import Document, parse_document, plain
from gtm.zone.entry import Entry
from gtm.zone.fields import At, StaleHold, choice, error, found, suggestion, text, text_like, whole

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


def parse_node_file(content: str, file: str, base: Path, hostname: str) -> NodeConfig:
    """Returns the configuration of a node file; `base` is what its paths are relative to.

    Raises NodeInvalid with every mistake. `hostname` names a node whose file does not.
    """
    try:
        document = parse_document(content, file)
    except ZoneInvalid as invalid:
        raise NodeInvalid(invalid.problems) from invalid
    try:
        entry = NodeEntry.model_validate(plain(document.root))
    except ValidationError as invalid:
        raise NodeInvalid(words.problems(invalid, document, NodeEntry, GRAMMAR)) from invalid
    problems = _clashes(entry, document, _node_name(entry, hostname)) + _own_files(entry, document, base)
    if problems:
        raise NodeInvalid(problems)
    return _config(entry, base, hostname)


def default_config(base: Path, hostname: str) -> NodeConfig:
    """Returns the configuration of a machine without a node file."""
    return _config(NodeEntry(), base, hostname)


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
    hosts: list[_HostName] = Field(default_factory=list)
    plain: Annotated[str, choice("plain", {"warn": "warn", "ok": "ok"})] = "warn"
    tls: TlsEntry | None = None
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
    stale_hold: StaleHold = DEFAULT_STALE_HOLD_S


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


GRAMMAR = words.Grammar(
    nouns={
        NodeEntry: "a node file",
        ListenEntry: "listen",
        GeoEntry: "geo",
        ShareEntry: "share",
        PeerEntry: "a peer",
        EtcdEntry: "etcd",
        TlsEntry: "tls",
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
        (("share", "tls"), TlsEntry),
        (("listen", "tls"), TlsEntry),
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
)


def _clashes(entry: NodeEntry, document: Document, node: NodeName) -> list[Problem]:
    """Returns what is wrong between keys that are right by themselves."""
    problems = []
    names = [peer.node for peer in entry.share.peers]
    for index, name in enumerate(names):
        if name in names[:index]:
            problems.append(document.problem(("share", "peers", index, "node"), f'a second peer "{name}"'))
        if name != node and entry.share.needs_urls and entry.share.peers[index].url is None:
            problems.append(document.problem(("share", "peers", index), 'missing key "url": a peer needs one'))
    if _others(entry, node) and Role.PROBE in entry.roles and entry.share.key is None:
        words_ = 'missing key "key": a probe with peers needs one to sign its reports; `gtm keygen` makes it'
        problems.append(document.problem(("share",), words_))
    if entry.listen.tls is not None and entry.listen.tls.certificate is None:
        problems.append(document.problem(("listen", "tls"), 'missing key "certificate": a listener with TLS has one'))
    if entry.overrides.certificates and (entry.listen.tls is None or entry.listen.tls.ca is None):
        words_ = "nobody can show a certificate: listen.tls has no ca"
        problems.append(document.problem(("overrides", "certificates"), words_))
    for name in sorted((entry.overrides.accept_from or frozenset()) - {*names, node}):
        words_ = f'unknown peer "{name}"{suggestion(name, names)}'
        problems.append(document.problem(("overrides", "accept_from"), words_))
    return [
        *problems,
        *_listed_otherwise(entry, document, node),
        *_two_places(entry, document, node),
        *_silent_quorum(entry, document, node),
    ]


def _others(entry: NodeEntry, node: NodeName) -> list[PeerEntry]:
    """Returns the peers without this node itself: one list will do for all nodes."""
    return [peer for peer in entry.share.peers if peer.node != node]


def _listed_otherwise(entry: NodeEntry, document: Document, node: NodeName) -> list[Problem]:
    """Returns where the list of peers says of this node itself what it is not: others, with that list, refuse it."""
    looks, vantage = Role.PROBE in entry.roles, entry.vantage or node
    problems = []
    for index, peer in enumerate(entry.share.peers):
        if peer.node != node:
            continue
        if peer.probe and not looks:
            words_ = "this node checks nothing (roles): write `probe: false`, or others wait for its votes"
            problems.append(document.problem(("share", "peers", index), words_))
        if looks and not peer.probe:
            words_ = "this node is a probe (roles): with `probe: false` its votes do not count at others"
            problems.append(document.problem(("share", "peers", index, "probe"), words_))
        if looks and peer.vantage not in {None, vantage}:
            words_ = f'the vantage of this node is "{vantage}": others will refuse its reports as of "{peer.vantage}"'
            problems.append(document.problem(("share", "peers", index, "vantage"), words_))
    return problems


def _two_places(entry: NodeEntry, document: Document, node: NodeName) -> list[Problem]:
    """Returns where a vantage is said to be at two places: it is one voice, for the clients near one place."""
    places: dict[str, Coordinates] = {}
    if Role.PROBE in entry.roles and entry.at is not None:
        places[entry.vantage or node] = entry.at
    problems = []
    for index, peer in enumerate(entry.share.peers):
        if peer.vantage is None or peer.at is None:
            continue
        place = places.setdefault(peer.vantage, peer.at)
        if place != peer.at:
            words_ = f'the vantage "{peer.vantage}" is at {list(place)} elsewhere in this file'
            problems.append(document.problem(("share", "peers", index, "at"), words_))
    return problems


def _silent_quorum(entry: NodeEntry, document: Document, node: NodeName) -> list[Problem]:
    """Returns what asks for more voices than there are nodes: nothing would ever be believed."""
    asked = {"voters": entry.quorum.voters or 0, "vantages": entry.quorum.vantages or 0}
    if isinstance(entry.quorum.rule, AtLeast):
        asked["rule"] = entry.quorum.rule.count
    most = max(1, _voters(entry, node))
    words_ = "are asked for, but at most {} can be heard: share.peers, and this node if it is a probe"
    return [
        document.problem(("quorum", key), f"{count} {_ASKED[key]} {words_.format(most)}")
        for key, count in asked.items()
        if count > most
    ]


def _own_files(entry: NodeEntry, document: Document, base: Path) -> list[Problem]:
    """Returns where a file of the node itself is listed for checks."""
    share, etcd = entry.share, entry.share.etcd
    own = {
        "share.key": share.key,
        "share.tls.key": None if share.tls is None else share.tls.key or share.tls.certificate,
        "share.etcd.password_file": None if etcd is None else etcd.password_file,
        "listen.tls.key": None if entry.listen.tls is None else entry.listen.tls.key or entry.listen.tls.certificate,
        **{f"overrides.tokens.{name}": token.file for name, token in entry.overrides.tokens.items()},
    }
    wrong = own_files_listed(
        {keys: base / file for keys, file in entry.probe.private_files().items()},
        {name: base / file for name, file in own.items() if file is not None},
        state=base / entry.state,
    )
    return [document.problem(keys, words_) for keys, words_ in wrong.items()]


_ASKED = {"voters": "voters", "vantages": "vantages", "rule": "voices"}


def _voters(entry: NodeEntry, node: NodeName) -> int:
    """Returns how many nodes may vote: every peer, and this one if it is a probe."""
    return sum(peer.probe for peer in _others(entry, node)) + (Role.PROBE in entry.roles)


def _quorum(entry: NodeEntry, node: NodeName) -> Quorum:
    asked = entry.quorum
    voters = asked.voters or max(1, min(DEFAULT_VOTERS, _voters(entry, node)))
    return Quorum(
        asked.rule, voters, asked.stale_hold, asked.vantages or min(DEFAULT_VANTAGES, voters), asked.local_voters
    )


def _config(entry: NodeEntry, base: Path, hostname: str) -> NodeConfig:
    node = _node_name(entry, hostname)
    return NodeConfig(
        node=node,
        vantage=VantageName(entry.vantage or node),
        dns=tuple(entry.listen.dns),
        admin=entry.listen.admin,
        hosts=frozenset(map(clean_name, entry.listen.hosts)),
        is_plain_accepted=entry.listen.plain == "ok",
        is_unready_when_blind=entry.listen.readyz.is_unready_when_blind,
        zones=_here_or_shipped(base, entry.zones, "zones"),
        state=base / entry.state,
        geo=_geo(entry.geo, base),
        at=entry.at,
        roles=frozenset(entry.roles),
        engine=entry.engine,
        threads=entry.threads,
        tcp=entry.listen.tcp.limits,
        key=None if entry.share.key is None else base / entry.share.key,
        peers=tuple(map(_peer, _others(entry, node))),
        listed=next((_peer(peer) for peer in entry.share.peers if peer.node == node), None),
        share=_share_config(entry.share, base),
        overrides_from=_overrides_from(entry.overrides, node),
        credentials=_credentials(entry.overrides, base),
        admin_tls=None if entry.listen.tls is None else entry.listen.tls.files(base),
        otlp=entry.telemetry.otlp or "",
        permits=entry.probe.permits(base),
        settle_s=entry.watch.settle,
        most_lost=entry.watch.most_lost,
        log=entry.log.chosen,
        quorum=_quorum(entry, node),
    )


def _peer(entry: PeerEntry) -> Peer:
    return Peer(NodeName(entry.node), entry.url or "", entry.key, entry.listed)


def _overrides_from(entry: OverridesEntry, node: NodeName) -> frozenset[NodeName] | None:
    return None if entry.accept_from is None else frozenset(map(NodeName, entry.accept_from)) - {node}


def _credentials(entry: OverridesEntry, base: Path) -> Credentials:
    return Credentials({name: base / token.file for name, token in entry.tokens.items()}, frozenset(entry.certificates))


def _share_config(entry: ShareEntry, base: Path) -> ShareConfig:
    etcd, tls = entry.etcd, None if entry.tls is None else entry.tls.files(base)
    if etcd is None:
        return ShareConfig(entry.srv or "", tls)
    password = None if etcd.password_file is None else base / etcd.password_file
    return ShareConfig("", tls, EtcdSite(tuple(etcd.endpoints), etcd.prefix, etcd.user or ""), password)


def _node_name(entry: NodeEntry, hostname: str) -> NodeName:
    return NodeName(entry.node or re.sub(r"[^A-Za-z0-9._-]", "-", hostname)[:64] or "gtm")


def _geo(entry: GeoEntry, base: Path) -> GeoFiles:
    folder = _here_or_shipped(base, None, "geodata")
    networks = base / entry.networks if entry.networks else folder / "networks.yaml"
    found = networks if entry.networks or networks.is_file() else None
    if entry.databases is not None:
        return GeoFiles(tuple(base / name for name in entry.databases), found)
    here = base / "geodata"
    instead = None if folder == here else (here / "regions.mmdb").absolute()
    return GeoFiles(((folder / "regions.mmdb").absolute(),), found, instead)


def _here_or_shipped(base: Path, named: str | None, name: str) -> Path:
    """Returns the folder that the file names; else the one beside the file; else the one that was shipped."""
    if named is not None:
        return base / named
    return base / name if (base / name).is_dir() else shipped(name)
