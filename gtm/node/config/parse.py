"""The node file (gtm.yaml): text -> NodeConfig, or NodeInvalid with every mistake at its place.

The rules are those of zone files: unknown keys are errors, no value is converted silently, and all mistakes are
reported at once.
"""

import re
from pathlib import Path

from pydantic import ValidationError

from gtm.admin.credentials import Credentials
from gtm.admin.host_names import clean_name
from gtm.config import messages
from gtm.config.document import plain
from gtm.config.reader import parse_document
from gtm.errors import NodeInvalid
from gtm.health.consensus.quorum import Quorum
from gtm.ids import NodeName, VantageName
from gtm.node.config.conflicts import clashes, others, own_files, voters_of
from gtm.node.config.model import GeoFiles, NodeConfig, ShareConfig
from gtm.node.config.overrides import OverridesEntry
from gtm.node.config.schema import DEFAULT_VANTAGES, DEFAULT_VOTERS, GRAMMAR, NODE_FILE, GeoEntry, NodeEntry
from gtm.node.config.share import PeerEntry, ShareEntry
from gtm.node.config.shipped import shipped
from gtm.share.addresses import EtcdSite, Peer


def parse_node_file(content: str, file: str, base: Path, hostname: str) -> NodeConfig:
    """Returns the configuration in the text of a node file; raises NodeInvalid with all mistakes.

    `file` is the name of the node file for messages, and `base` the folder for its relative paths. `hostname` becomes
    the name of the node if the node file has none.
    """
    document = parse_document(content, file, NODE_FILE)
    try:
        entry = NodeEntry.model_validate(plain(document.root))
    except ValidationError as invalid:
        raise NodeInvalid(messages.problems(invalid, document, NodeEntry, GRAMMAR)) from invalid
    problems = clashes(entry, document, _node_name(entry, hostname)) + own_files(entry, document, base)
    if problems:
        raise NodeInvalid(problems)
    return _config(entry, base, hostname)


def default_config(base: Path, hostname: str) -> NodeConfig:
    """Returns the configuration of a node without a node file; `base` is the folder for relative paths."""
    return _config(NodeEntry(), base, hostname)


def _quorum(entry: NodeEntry, node: NodeName) -> Quorum:
    """Returns the quorum; without `voters` and `vantages`, the defaults for the number of nodes that may vote."""
    asked = entry.quorum
    voters = asked.voters or max(1, min(DEFAULT_VOTERS, voters_of(entry, node)))
    return Quorum(
        asked.rule, voters, asked.stale_hold, asked.vantages or min(DEFAULT_VANTAGES, voters), asked.local_voters
    )


def _config(entry: NodeEntry, base: Path, hostname: str) -> NodeConfig:
    """Returns the configuration of a valid node file, with all defaults filled in."""
    node = _node_name(entry, hostname)
    return NodeConfig(
        node=node,
        vantage=VantageName(entry.vantage or node),
        dns=tuple(entry.listen.dns),
        admin=entry.listen.admin,
        health=entry.listen.health,
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
        peers=tuple(map(_peer, others(entry, node))),
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
    """Returns the peer of an entry of `share.peers`."""
    return Peer(NodeName(entry.node), entry.url or "", entry.key, entry.listed)


def _overrides_from(entry: OverridesEntry, node: NodeName) -> frozenset[NodeName] | None:
    """Returns the peers whose overrides count, without this node; None for all peers."""
    return None if entry.accept_from is None else frozenset(map(NodeName, entry.accept_from)) - {node}


def _credentials(entry: OverridesEntry, base: Path) -> Credentials:
    """Returns the token files and certificate names that allow to set overrides."""
    return Credentials({name: base / token.file for name, token in entry.tokens.items()}, frozenset(entry.certificates))


def _share_config(entry: ShareEntry, base: Path) -> ShareConfig:
    """Returns the settings by which nodes share reports."""
    etcd, tls = entry.etcd, None if entry.tls is None else entry.tls.files(base)
    if etcd is None:
        return ShareConfig(entry.srv or "", tls)
    password = None if etcd.password_file is None else base / etcd.password_file
    return ShareConfig("", tls, EtcdSite(tuple(etcd.endpoints), etcd.prefix, etcd.user or ""), password)


def _node_name(entry: NodeEntry, hostname: str) -> NodeName:
    """Returns the name of the node: of the node file, else the host name with only valid characters."""
    return NodeName(entry.node or re.sub(r"[^A-Za-z0-9._-]", "-", hostname)[:64] or "gtm")


def _geo(entry: GeoEntry, base: Path) -> GeoFiles:
    """Returns the geo files that the node file names; else those in `geodata/` beside it, else the shipped ones."""
    folder = _here_or_shipped(base, None, "geodata")
    networks = base / entry.networks if entry.networks else folder / "networks.yaml"
    path = networks if entry.networks or networks.is_file() else None
    if entry.databases is not None:
        return GeoFiles(tuple(base / name for name in entry.databases), path)
    here = base / "geodata"
    instead = None if folder == here else (here / "regions.mmdb").absolute()
    return GeoFiles(((folder / "regions.mmdb").absolute(),), path, instead)


def _here_or_shipped(base: Path, named: str | None, name: str) -> Path:
    """Returns the folder that the node file names; else the one beside the node file; else the shipped one."""
    if named is not None:
        return base / named
    return base / name if (base / name).is_dir() else shipped(name)
