"""One failover, measured from outside: a region is killed, or hangs, under a stream of queries, and later comes back.

What comes in: a stage where all is well. What goes out: how long the dead region was still answered, how long the
living one was not, and every query that did not get an address.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass

from tests.fakes.asking import stream
from tests.fakes.cluster import CLIENTS, START_LIMIT_S, within
from tests.fakes.stage import Stage


@dataclass(frozen=True, slots=True)
class Failover:
    """What was seen."""

    last_named_s: float
    """From the death of the region to the last answer that named it; 0 when none did."""
    named_again_s: float
    """From its next start to the first answer that named it."""
    queries: int
    failures: tuple[str, ...]
    slowest_s: float
    """The longest that a client waited for an answer."""


def measure_failover(
    stage: Stage, region: str, clients: Sequence[str | None], *, hangs: bool = False, per_second: float = 200.0
) -> Failover:
    """Returns what clients saw of one failover and its end; fails when either does not come."""
    address, client = stage.addresses[region], CLIENTS[region]
    with stream(stage.server.address, clients, per_second=per_second) as asking:
        within(START_LIMIT_S, lambda: asking.last(client) == (address,))
        died_at = stage.running[region].hang() if hangs else stage.running[region].kill()
        within(START_LIMIT_S, lambda: asking.is_quiet(address, since=died_at))
        last_at = max((answer.answered_at for answer in asking.naming(address)), default=died_at)
        named = len(asking.naming(address))
        back_at = time.monotonic()
        if hangs:
            stage.running[region].wake()
        else:
            stage.start_region(region)
        within(START_LIMIT_S, lambda: len(asking.naming(address)) > named)
        within(START_LIMIT_S, lambda: len(asking.naming(address)) > named + asking.quiet_answers // len(clients))
    again_at = asking.naming(address)[named].answered_at
    slowest_s = max(answer.took_s for answer in asking.answers)
    return Failover(last_at - died_at, again_at - back_at, asking.sent, tuple(asking.failures), slowest_s)
