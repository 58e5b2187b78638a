"""Whom this node believes, and what of: the node file -> the desk, with every peer held to its key and its vantage.

What comes in: the node file and this node's key. What goes out: the desk. What peers claimed first where the file lists
nothing is read from the state folder, and kept there.
"""

import logging

from gtm.clock import Clock
from gtm.counters import Counters
from gtm.health.claims import Claims, Listed
from gtm.health.signature import PrivateKey
from gtm.node.config import NodeConfig, Role
from gtm.node.state import StateFolder
from gtm.share.desk import Desk, Reporter

log = logging.getLogger(__name__)


def make_desk(config: NodeConfig, key: PrivateKey, state: StateFolder, *, clock: Clock, counters: Counters) -> Desk:
    """Returns the desk of a node that starts now."""
    epoch, looks = int(clock.wall() * 1000), Role.PROBE in config.roles
    # a node that checks nothing is no place from where something is seen
    reporter = Reporter(config.node, config.vantage, key, epoch, config.at if looks else None)
    peers = {peer.node: peer.key for peer in config.peers}
    own = Listed(config.vantage, config.at, looks)
    listed = {config.node: own, **{peer.node: peer.listed for peer in config.peers}}
    claims = Claims(config.node, listed, peers, state.load_claims() if peers else None)
    claims.on_held = state.save_claims_apart
    if claims.unlisted:
        names = ", ".join(claims.unlisted)
        words = "share.peers lists no vantage for %s: the first that each claims is kept as its own; better list them"
        log.warning(words, names)
    # what etcd holds must be whole: a node that starts finds there one value of each, and not those before
    deltas = config.share.etcd is None
    return Desk(reporter, peers, clock=clock, counters=counters, gives_deltas=deltas, claims=claims)
