"""Identifiers: plain strings and integers that must not be mixed up.

What comes in: nothing. What goes out: one NewType per idea of docs/glossary.md, the address type that the whole program
uses, and the scope of a check.
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
"""The name of a node in its node file, such as `ns1-fra`; a report has the name of the probe that made it."""

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
"""The scope of monitors that the shared file (_shared.yaml) defines; other monitors have the name of their zone."""


def scope_of(check: CheckId) -> str:
    """Returns the scope of a check for counting by zone: the part of its id before the first slash.

    That is the zone's name, or `_shared`. A target may contain slashes, so only the first one counts. The name of a
    zone may contain one too (RFC 2317 4), and is cut there: zones with the same beginning then count as one.
    """
    return check.partition("/")[0]
