"""A scope as people type it -> the scope, among what a node serves.

    region gtm.example.com/eu-west        any scope in full
    eu-west   gtm.example.com/eu-west     the region, of the only zone that has it, or of this one
    api   api.gtm.example.com             the service
    api/eu-west/192.0.2.20                the endpoint; the address alone, where only one service has it
    gtm.example.com                       the zone

What could mean several things is refused, with all of them in full.
"""

from collections.abc import Iterator

from gtm.admin.views import NodeStatus
from gtm.health.scope import EVERY_ZONE, EndpointScope, RegionScope, Scope, ServiceScope, ZoneScope, parse_scope
from gtm.zone.fields import suggestion

MAX_LISTED = 10


def find_scope(text: str, node: NodeStatus) -> Scope:
    """Returns the scope that a text means at a node; raises ValueError with words for who typed it."""
    try:
        return parse_scope(text)
    except ValueError:
        pass
    wanted = text.removesuffix(".").casefold()
    known = list(_known(node))
    meant = list(dict.fromkeys(scope for name, scope in known if name.casefold() == wanted))
    if len(meant) == 1:
        return meant[0]
    if not meant:
        near = suggestion(text, dict.fromkeys(name for name, _ in known))
        raise ValueError(f'"{text}" is no endpoint, region, service or zone of {node.node}{near}')
    regions = [scope for scope in meant if isinstance(scope, RegionScope)]
    if len(regions) == len(meant):
        meant.insert(0, RegionScope(EVERY_ZONE, regions[0].region))
    shown = ", ".join(f'"{scope}"' for scope in meant[:MAX_LISTED])
    more = f", and {len(meant) - MAX_LISTED} more" if len(meant) > MAX_LISTED else ""
    raise ValueError(f'"{text}" could mean {shown}{more}; say which')


def _known(node: NodeStatus) -> Iterator[tuple[str, Scope]]:
    """Yields every name that something has at a node."""
    for view in node.zones:
        yield view.zone, ZoneScope(view.zone.lower())
    for service in node.services:
        zone = service.zone.lower()
        short = service.service.removesuffix(f".{zone}")
        for name in {str(service.service), short}:
            yield name, ServiceScope(service.service)
        for endpoint in service.endpoints:
            region = RegionScope(zone, endpoint.region)
            yield str(endpoint.region), region
            yield f"{service.zone}/{endpoint.region}", region
            one = EndpointScope(service.service, endpoint.endpoint)
            target = endpoint.endpoint.partition("/")[2]
            for name in (
                target,
                endpoint.endpoint,
                f"{service.service}/{endpoint.endpoint}",
                f"{short}/{endpoint.endpoint}",
            ):
                yield name, one
