"""The kinds of monitor: the name of each in zone files, and what may be said of it.

A new kind is a file of kinds/, and here a name and a row. How a check of each kind is run is in gtm/probe/kinds.py.
"""

from collections.abc import Mapping
from enum import Enum
from typing import Any

from gtm.zone.monitors.kind import MonitorKind
from gtm.zone.monitors.kinds.calculated import CALCULATED
from gtm.zone.monitors.kinds.deny import DENY
from gtm.zone.monitors.kinds.dns import DNS
from gtm.zone.monitors.kinds.exec import EXEC
from gtm.zone.monitors.kinds.grpc import GRPC
from gtm.zone.monitors.kinds.http import HTTP, HTTPS
from gtm.zone.monitors.kinds.icmp import ICMP
from gtm.zone.monitors.kinds.push import PUSH
from gtm.zone.monitors.kinds.tcp import TCP


class MonitorType(Enum):
    """The kinds of monitor, by the name that zone files have for each."""

    HTTP = "http"
    HTTPS = "https"
    DENY = "deny"
    TCP = "tcp"
    ICMP = "icmp"
    DNS = "dns"
    GRPC = "grpc"
    EXEC = "exec"
    PUSH = "push"
    CALCULATED = "calculated"

    @property
    def asks(self) -> bool:
        """Returns whether a check of this kind asks the endpoint; the others go by what somebody else says."""
        return KINDS[self].asks


KINDS: Mapping[MonitorType, MonitorKind[Any, Any]] = {
    MonitorType.HTTP: HTTP,
    MonitorType.HTTPS: HTTPS,
    MonitorType.DENY: DENY,
    MonitorType.TCP: TCP,
    MonitorType.ICMP: ICMP,
    MonitorType.DNS: DNS,
    MonitorType.GRPC: GRPC,
    MonitorType.EXEC: EXEC,
    MonitorType.PUSH: PUSH,
    MonitorType.CALCULATED: CALCULATED,
}
"""In the order in which the schema has their keys."""
