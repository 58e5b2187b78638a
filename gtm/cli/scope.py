"""A scope as people type it -> the scope, among what a node serves.

    region gtm.example.com/eu-west        any scope in full
    eu-west                               the region of the only zone that has it; of every zone, where all those that
                                          have it have it from the shared file
    gtm.example.com/eu-west               the region of this zone
    api   api.gtm.example.com             the service
    api/eu-west/192.0.2.20                the endpoint; the address alone, where only one service has it
    gtm.example.com                       the zone

What could mean several things is refused, with all of them in full. Of several scopes on one command line each is one
argument, or in full two or three: `gtm drain eu-west region gtm.example.com/us-east`.

What is to be cleared is looked for among what is said alone, by these names or by its id, and also once nothing served
here is in its scope any more.
"""

import re
from collections.abc import Iterable, Iterator, Sequence

from gtm.admin.views import DisabledView, EndpointView, NodeStatus
from gtm.config.suggestions import suggestion
from gtm.health.override.scope import (
    EVERY_ZONE,
    EndpointScope,
    RegionScope,
    Scope,
    ServiceScope,
    ZoneScope,
    parse_scope,
)

MAX_LISTED = 10


_WORDS = {"endpoint": 3, "region": 2, "service": 2, "zone": 2}
"""Of a scope in full, by the first of them."""

_ID = re.compile(r"[A-Za-z0-9._-]{1,64}:[0-9]{1,19}")


def split_scopes(arguments: Sequence[str]) -> tuple[str, ...]:
    """Returns the text of each scope in the arguments of a command; a scope in full is two or three arguments."""
    scopes, left = [], list(arguments)
    while left:
        length = _WORDS.get(left[0], 1)
        whole = " ".join(left[:length])
        length = length if _is_whole(whole) else 1
        scopes.append(" ".join(left[:length]))
        left = left[length:]
    return tuple(scopes)


def _is_whole(text: str) -> bool:
    try:
        parse_scope(text)
    except ValueError:
        return False
    return True


def find_scope(text: str, node: NodeStatus) -> Scope:
    """Returns the scope that a typed text means at a node.

    Raises ValueError with a message for people where it means none or could mean several.
    """
    if _is_whole(text):
        return parse_scope(text)
    known = list(_known(node))
    meant = _meant(text, known)
    if not meant:
        near = suggestion(text, dict.fromkeys(name for name, _ in known))
        raise ValueError(f'"{text}" is no endpoint, region, service or zone of {node.node}{near}')
    return _only(text, _of_every_zone(meant, node))


def find_said(text: str, node: NodeStatus) -> str | Scope:
    """Returns the override that a typed text means: its id, or its scope; raises ValueError.

    The text may be the name that the scope had when the override was set, or its name in the present zone files.
    """
    if _ID.fullmatch(text):
        if all(override.id != text for override in node.overrides):
            raise ValueError(f"no override that is in force has the id {text}; `gtm overrides` lists them")
        return text
    if _is_whole(text):
        return parse_scope(text)
    scopes = [parse_scope(name) for override in node.overrides for name in (override.now or (override.scope,))]
    meant = _meant(text, [*_named(scopes, node), *((name, scope) for name, scope in _known(node) if scope in scopes)])
    if not meant:
        signed = [parse_scope(override.scope) for override in node.overrides if override.now]
        meant = _meant(text, _named(signed, node))
    every = [scope for scope in _of_every_zone(meant, node) if scope in meant]
    return _only(text, every or meant) if meant else find_scope(text, node)


def _of_every_zone(meant: Sequence[Scope], node: NodeStatus) -> list[Scope]:
    """Returns the possible scopes of a text, with one region of several zones replaced by that region of every zone.

    It is replaced only where all these zones have the region from the shared file (_shared.yaml). Otherwise the region
    of every zone is added as one more possible scope.
    """
    regions = [scope for scope in meant if isinstance(scope, RegionScope)]
    names = {scope.region for scope in regions}
    if len(regions) < 2 or len(names) > 1:
        return list(meant)
    shared = {view.zone.lower() for view in node.zones if names <= {*view.shared_regions}}
    every = RegionScope(EVERY_ZONE, *names)
    if all(scope.zone in shared for scope in regions if scope != every):
        return [every, *(scope for scope in meant if scope not in regions)]
    return list(dict.fromkeys((every, *meant)))


def _named(scopes: Iterable[Scope], node: NodeStatus) -> Iterator[tuple[str, Scope]]:
    """Yields each short and full name of these scopes, with the scope; nothing in the scope need be served here."""
    zones = [f".{view.zone.lower()}" for view in node.zones]
    for scope in scopes:
        match scope:
            case EndpointScope(service, endpoint):
                shorts = [service.removesuffix(zone) for zone in zones if service.endswith(zone)]
                yield endpoint, scope
                yield endpoint.partition("/")[2], scope
                yield from ((f"{name}/{endpoint}", scope) for name in (service, *shorts))
            case ServiceScope(service):
                yield service, scope
                yield from ((service.removesuffix(zone), scope) for zone in zones if service.endswith(zone))
            case RegionScope(zone, region):
                yield region, scope
                yield f"{zone}/{region}", scope
            case ZoneScope(zone):
                yield zone, scope


def _meant(text: str, known: Iterable[tuple[str, Scope]]) -> list[Scope]:
    wanted = text.removesuffix(".").casefold()
    return list(dict.fromkeys(scope for name, scope in known if name.casefold() == wanted))


def _only(text: str, meant: Sequence[Scope]) -> Scope:
    if len(meant) == 1:
        return meant[0]
    shown = ", ".join(f'"{scope}"' for scope in meant[:MAX_LISTED])
    more = f", and {len(meant) - MAX_LISTED} more" if len(meant) > MAX_LISTED else ""
    raise ValueError(f'"{text}" could mean {shown}{more}; say which')


def _known(node: NodeStatus) -> Iterator[tuple[str, Scope]]:
    """Yields each short and full name of the endpoints, services, regions and zones of a node, with its scope."""
    for view in node.zones:
        yield view.zone, ZoneScope(view.zone.lower())
    for service in node.services:
        zone = service.zone.lower()
        short = service.service.removesuffix(f".{zone}")
        for name in {str(service.service), short}:
            yield name, ServiceScope(service.service)
        # who names what is disabled is told that it is
        ends: tuple[EndpointView | DisabledView, ...] = (*service.endpoints, *service.disabled)
        for endpoint in ends:
            region = RegionScope(zone, endpoint.region)
            yield str(endpoint.region), region
            yield f"{service.zone}/{endpoint.region}", region
            scope = EndpointScope(service.service, endpoint.endpoint)
            target = endpoint.endpoint.partition("/")[2]
            for name in (
                target,
                endpoint.endpoint,
                f"{service.service}/{endpoint.endpoint}",
                f"{short}/{endpoint.endpoint}",
            ):
                yield name, scope
