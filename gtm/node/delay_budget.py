"""What the machinery of this node adds between a reading and an answer, at the most: for `gtm bound`.

What comes in: the node file and the checks of its zones. What goes out: delays in seconds. Where the program has a
limit of its own, that is the delay; where it depends on the machine and the network, it is an allowance, and says so.
"""

from collections.abc import Iterable

from gtm.checks.model import Check
from gtm.node.config.model import NodeConfig
from gtm.node.rivers.health import TICK_S
from gtm.plan.bound.bound import Delays
from gtm.probe.schedule import JITTER
from gtm.share.handler import COALESCE_S
from gtm.share.poller import QUIET_PAUSE_S
from gtm.share.publisher import heartbeat_s

NETWORK_S = 0.5
"""An allowance: to sign a report, carry it once around the world, and check it."""

SWAP_S = 0.5
"""An allowance: to decide again what changed, and to hand the plan to the engine, on a busy machine."""


def delays_of(config: NodeConfig, checks: Iterable[Check]) -> Delays:
    """Returns the delays of a node whose probes run these checks."""
    return Delays(
        jitter=JITTER,
        beat_s=heartbeat_s(check.monitor.interval_s for check in checks),
        publish_s=COALESCE_S,
        poll_s=_poll_s(config),
        merge_s=TICK_S,
        swap_s=SWAP_S,
    )


def _poll_s(config: NodeConfig) -> float:
    if config.share.etcd is not None:
        return COALESCE_S + 2 * NETWORK_S  # to the cluster, and from it
    if not config.peers:
        return 0.0
    return QUIET_PAUSE_S + COALESCE_S + NETWORK_S
