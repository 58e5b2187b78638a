"""Identifiers: plain strings and integers that must not be mixed up.

What comes in: nothing. What goes out: one NewType per idea of docs/glossary.md, the
address type that the whole program speaks, and what may be read from an identifier.
"""

from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network
from typing import NewType

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

RegionName = NewType("RegionName", str)
"""The name of a region in its zone file: `eu-west`."""

MonitorName = NewType("MonitorName", str)
"""The name of a monitor in its zone file: `api`."""

NodeName = NewType("NodeName", str)
"""The name of a node in its node file; the probe that a report is from: `ns1-fra`."""

VantageName = NewType("VantageName", str)
"""Where a probe looks from; the probes of one vantage are one voice: `eu-central`."""

CheckId = NewType("CheckId", str)
"""One thing to check, the same on every node: `SCOPE/MONITOR/ADDRESS`, where SCOPE is the zone's name or `_shared`.

Endpoints of several services with one monitor and one address share one check.
"""

ServiceId = NewType("ServiceId", str)
"""The absolute name of a service without its trailing dot: `api.gtm.example.com`."""

EndpointId = NewType("EndpointId", str)
"""An endpoint within its service: `REGION/ADDRESS`, such as `eu-west/192.0.2.20`."""

Generation = NewType("Generation", int)
"""The number of a plan. It only grows, across restarts too."""

SHARED_SCOPE = "_shared"
"""The scope of the monitors that the shared file defines; those of a zone have its name for one."""


def scope_of(check: CheckId) -> str:
    """Returns whose monitor a check has, as far as who counts by zone may rely on: up to the first slash.

    A target may hold slashes, and many such targets must not count as many zones. The name of a zone may hold one too
    (RFC 2317 4), and is cut there: those that begin alike then count as one.
    """
    return check.partition("/")[0]
