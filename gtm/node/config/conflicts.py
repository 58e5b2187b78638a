"""Conflicts between keys of a node file that are each valid alone: problems, each with its place in the file."""

from pathlib import Path

from gtm.config.document import Document
from gtm.config.suggestions import suggestion
from gtm.errors import Problem
from gtm.geo.place import Coordinates
from gtm.health.consensus.quorum import AtLeast
from gtm.ids import NodeName
from gtm.node.config.model import Role
from gtm.node.config.own_files import own_files_listed
from gtm.node.config.schema import NodeEntry
from gtm.node.config.share import PeerEntry
from gtm.serve.listen import ListenAddress


def clashes(entry: NodeEntry, document: Document, node: NodeName) -> list[Problem]:
    """Returns the problems between keys of the node file that are each valid alone; `node` is this node's name."""
    problems = []
    names = [peer.node for peer in entry.share.peers]
    for index, name in enumerate(names):
        if name in names[:index]:
            problems.append(document.problem(("share", "peers", index, "node"), f'a second peer "{name}"'))
        if name != node and entry.share.needs_urls and entry.share.peers[index].url is None:
            problems.append(document.problem(("share", "peers", index), 'missing key "url": a peer needs one'))
    if others(entry, node) and Role.PROBE in entry.roles and entry.share.key is None:
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
        *_shared_places(entry, document),
        *_listed_otherwise(entry, document, node),
        *_two_places(entry, document, node),
        *_silent_quorum(entry, document, node),
    ]


def _shared_places(entry: NodeEntry, document: Document) -> list[Problem]:
    """Returns a problem for each listener whose address another listener of this node uses already."""
    listen = entry.listen
    taken: list[tuple[str, ListenAddress]] = []
    problems = []
    for keys, at in (
        *((("dns", index), at) for index, at in enumerate(listen.dns) if Role.DNS in entry.roles),
        *((("admin",), at) for at in (listen.admin,) if Role.ADMIN in entry.roles),
        *((("health",), at) for at in (listen.health,) if at is not None),
    ):
        before = next((f"listen.{name} ({other})" for name, other in taken if at.takes_from(other)), "")
        if before:
            words_ = f"{at} is taken by {before}: each listener needs an address, or a port, of its own"
            problems.append(document.problem(("listen", *keys), words_))
        taken.append((str(keys[0]), at))
    return problems


def others(entry: NodeEntry, node: NodeName) -> list[PeerEntry]:
    """Returns the entries of `share.peers` without this node: all nodes may have the same list."""
    return [peer for peer in entry.share.peers if peer.node != node]


def _listed_otherwise(entry: NodeEntry, document: Document, node: NodeName) -> list[Problem]:
    """Returns the problems of a peers list whose entry for this node does not fit its own settings.

    Other nodes with that list would refuse its reports, or wait for its votes.
    """
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
    """Returns the problems of a vantage with two different places: it is one voice, for the clients near one place."""
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
    """Returns the problems of a quorum that needs more voices than nodes can vote: no belief would ever change."""
    asked = {"voters": entry.quorum.voters or 0, "vantages": entry.quorum.vantages or 0}
    if isinstance(entry.quorum.rule, AtLeast):
        asked["rule"] = entry.quorum.rule.count
    most = max(1, voters_of(entry, node))
    words_ = "are asked for, but at most {} can be heard: share.peers, and this node if it is a probe"
    return [
        document.problem(("quorum", key), f"{count} {_ASKED[key]} {words_.format(most)}")
        for key, count in asked.items()
        if count > most
    ]


def own_files(entry: NodeEntry, document: Document, base: Path) -> list[Problem]:
    """Returns the problems of the node's own files (keys, tokens, state folder) that are also listed for checks.

    `base` is the folder of the node file.
    """
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


def voters_of(entry: NodeEntry, node: NodeName) -> int:
    """Returns the number of nodes that may vote: every peer that is a probe, and this node if it is a probe."""
    return sum(peer.probe for peer in others(entry, node)) + (Role.PROBE in entry.roles)
