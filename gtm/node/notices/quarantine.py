"""Notices of quarantine: a log line, a counter and an event when a probe is put in quarantine or released.

In come the probes that were in quarantine before a merge, and the reputation of each probe after it. It must not decide
who is in quarantine: gtm/health/consensus/outliers.py does.
"""

import logging
from collections.abc import Set as AbstractSet

from gtm.counters import Counters
from gtm.health.consensus.outliers import Standings, quarantined
from gtm.ids import NodeName
from gtm.node.events.recorder import EventRecorder

log = logging.getLogger(__name__)


def tell_quarantine(
    before: AbstractSet[NodeName], standings: Standings, *, counters: Counters, recorder: EventRecorder
) -> None:
    """Logs, counts and records which probes were put in quarantine since `before`, and which were released.

    `before` has the probes that were in quarantine before the last merge; `standings` has the reputation of each now.
    """
    after = quarantined(standings)
    for node in sorted(before ^ after):
        score = standings[node].score if node in standings else 0.0
        message = f"probe {node} is in quarantine: {score:.0%} of what it says is against the others; it does not count"
        if node not in after:
            message = f"probe {node} is out of quarantine"
        log.log(logging.WARNING if node in after else logging.INFO, "%s", message)
        counters.add("quarantines", to="in" if node in after else "out")
        recorder.quarantine(node, message, is_in=node in after)
