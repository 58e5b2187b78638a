"""The longest delays that this node adds between a reading and the answer that follows it: for `gtm bound`.

What comes in: the node file and the checks of its zones. What goes out: delays in seconds. Where the program has a
limit, the delay is that limit. Where the delay depends on the machine and the network, it is an estimate (allowance).
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
"""Estimated seconds to sign a report, send it once around the world, and verify its signature."""

SWAP_S = 0.5
"""Estimated seconds to make the changed decisions again and hand the plan to the engine, on a busy machine."""


def delays_of(config: NodeConfig, checks: Iterable[Check]) -> Delays:
    """Returns the longest delay in seconds of each step from a reading to an answer, on a node with these checks."""
    return Delays(
        jitter=JITTER,
        beat_s=heartbeat_s(check.monitor.interval_s for check in checks),
        publish_s=COALESCE_S,
        poll_s=_poll_s(config),
        merge_s=TICK_S,
        swap_s=SWAP_S,
    )


def _poll_s(config: NodeConfig) -> float:
    """Returns the longest time in seconds for a report to get from one node to another; 0 without peers."""
    if config.share.etcd is not None:
        return COALESCE_S + 2 * NETWORK_S  # to the cluster, and from it
    if not config.peers:
        return 0.0
    return QUIET_PAUSE_S + COALESCE_S + NETWORK_S
