"""Which reports this node accepts: the node file -> the report store, which binds each peer to its key and vantage.

What comes in: the node file and this node's key. What goes out: the report store. For a peer without a vantage in the
node file, the first vantage that it claims counts: it is read from the state folder, and kept there.
"""

import logging

from gtm.clock import Clock
from gtm.counters import Counters
from gtm.errors import StateInvalid
from gtm.health.report.claims import Claims, ClaimsByKey, Listed
from gtm.health.report.signature import Keys, PrivateKey, PublicKey, each_key
from gtm.ids import NodeName
from gtm.node.config.model import NodeConfig, Role
from gtm.node.state.folder import StateFolder
from gtm.share.keys import load_key
from gtm.share.refusals import OnRefused
from gtm.share.report_store import Reporter, ReportStore

log = logging.getLogger(__name__)


def key_problem(config: NodeConfig, key: PublicKey) -> str:
    """Returns the problem that the peers list has another key for this node than its own; else an empty text."""
    listed = () if config.listed is None else each_key(config.listed.key)
    if not listed or key in listed:
        return ""
    return (
        f"share.peers lists this node, {config.node}, with another key than its own (share.key), {key}: nodes that "
        "have that list refuse what it says; list both keys while it gets a new one"
    )


def node_problems(config: NodeConfig) -> tuple[str, ...]:
    """Returns the problem that the peers list has another key for this node than its key file; none if unreadable."""
    if config.listed is None or config.key is None:
        return ()
    try:
        problem = key_problem(config, load_key(config.key).public)
    except StateInvalid:
        return ()  # a node file may be checked on a machine without the key file
    return (problem,) if problem else ()


def keys_of(config: NodeConfig) -> dict[NodeName, Keys]:
    """Returns the public keys of each peer in the node file, by its name."""
    return {peer.node: peer.key for peer in config.peers}


def make_claims(config: NodeConfig, held: ClaimsByKey | None, state: StateFolder) -> Claims:
    """Returns the claims, which accept only reports with the right vantage of each peer.

    `held` has the first vantages that peers claimed earlier; None when there are none. Logs a warning with the peers
    for which the node file lists no vantage.
    """
    own = Listed(config.vantage, config.at, Role.PROBE in config.roles)
    listed = {config.node: own, **{peer.node: peer.listed for peer in config.peers}}
    claims = Claims(config.node, listed, keys_of(config), held)
    claims.on_held = state.save_claims_apart
    if claims.unlisted:
        names = ", ".join(claims.unlisted)
        message = "share.peers lists no vantage for %s: the first that each claims is kept as its own; better list them"
        log.warning(message, names)
    return claims


def make_report_store(
    config: NodeConfig,
    key: PrivateKey,
    state: StateFolder,
    *,
    clock: Clock,
    counters: Counters,
    on_refused: OnRefused,
) -> ReportStore:
    """Returns the report store of a node that starts now, with the claims and the last heard reports from disk.

    `on_refused` is called when a report is refused.
    """
    epoch, looks = int(clock.wall() * 1000), Role.PROBE in config.roles
    # a node without the role probe checks nothing, so its reports carry no place
    reporter = Reporter(config.node, config.vantage, key, epoch, config.at if looks else None)
    peers = keys_of(config)
    claims = make_claims(config, state.load_claims() if peers else None, state)
    # reports in etcd must be whole: a node that starts finds only the newest value of each node there
    deltas = config.share.etcd is None
    return ReportStore(
        reporter,
        peers,
        clock=clock,
        counters=counters,
        gives_deltas=deltas,
        claims=claims,
        heard_before=state.load_last_heard(),
        on_refused=on_refused,
    )
