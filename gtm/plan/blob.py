"""Plan -> bytes for the Rust engine: MessagePack arrays in the order of the fields (dataplane/core/src/blob.rs).

There are two blobs, as there are two rates of change:

    names       zones, services and cell maps     once per change of zones or geo data
    decisions   which endpoints each cell gets    with the names for all, then for the services that changed

Columns of numbers are big-endian octets; `services` of the decisions has three for each: service, spread, TTLs. Both
sides say the same VERSION.
"""

import sys
from array import array
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import msgspec

from gtm.dns.name import Labels
from gtm.geo.cellmap import CellMap, Halves, Networks
from gtm.ids import RegionName, ServiceId
from gtm.plan.model import Node, Plan, SteeredService, ZonePlan
from gtm.plan.outcome import CellAnswers, Selected
from gtm.steer.decide import Pick, State
from gtm.steer.filter import Choose

VERSION = 4

_STATE = {State.STEADY: 0, State.DEGRADED: 1, State.FAIL_OPEN: 2, State.FAIL_CLOSED: 3}
_CHOOSE = {Choose.ALL: 0, Choose.ONE: 1, Choose.SHUFFLE: 2, Choose.ROTATE: 3}


class _Row(msgspec.Struct, array_like=True):
    """A MessagePack array, with a name for each of its items."""


class _Table(_Row):
    starts: bytes
    lengths: bytes
    cells: bytes


class _Map(_Row):
    v4: _Table
    v6: _Table


class _Answer(_Row):
    rtype: int
    region: int
    rdata: bytes


class _Service(_Row):
    name: str
    map: int
    aliases_only: bool
    answers: tuple[_Answer, ...]


class _RRset(_Row):
    rtype: int
    ttl: int
    rdatas: tuple[bytes, ...]


class _Node(_Row):
    name: bytes
    rrsets: tuple[_RRset, ...]
    service: int | None
    delegation: bool


class _Zone(_Row):
    name: str
    origin: bytes
    soa_ttl: int
    soa: bytes
    nodes: tuple[_Node, ...]
    bulk: bytes


class _Names(_Row):
    version: int
    regions: tuple[str, ...]
    maps: tuple[msgspec.Raw, ...]
    """Each is an encoded _Map. Each is encoded by its own call: one call for all would block the other threads."""
    services: tuple[_Service, ...]
    zones: tuple[_Zone, ...]


class _Selected(_Row):
    rtype: int
    choose: int
    count: int
    state: int
    rcode: int
    picks: tuple[Pick, ...]


class _Spread(_Row):
    by_cell: bytes
    different: tuple[tuple[_Selected, ...], ...]


class _Decisions(_Row):
    version: int
    generation: int
    spreads: tuple[_Spread, ...]
    ttls: tuple[bytes, ...]
    services: bytes


@dataclass(frozen=True, slots=True)
class Numbering:
    """The numbers that stand for services and regions in the blobs of one plan.

    The blobs of later decisions use the same numbers, until zones or geo data change.
    """

    services: Mapping[ServiceId, int]
    regions: Mapping[RegionName, int]


def numbering(plan: Plan) -> Numbering:
    """Returns the numbers of the services and regions of a plan."""
    regions = sorted({region.name for steered in plan.services.values() for region in steered.regions})
    return Numbering(
        {name: number for number, name in enumerate(plan.services)},
        {name: number for number, name in enumerate(regions)},
    )


def compose_names(plan: Plan, numbers: Numbering) -> bytes:
    """Returns the blob of the zones, services and cell maps of a plan: what changes with zones and geo data."""
    spaces = {id(steered.space.networks): steered.space.networks for steered in plan.services.values()}
    maps = {key: number for number, key in enumerate(spaces)}
    services = tuple(
        _service(name, steered, maps[id(steered.space.networks)], numbers) for name, steered in plan.services.items()
    )
    return msgspec.msgpack.encode(
        _Names(
            VERSION,
            tuple(numbers.regions),
            tuple(_map(space) for space in spaces.values()),
            services,
            tuple(_zone(zone, numbers) for zone in plan.zones.values()),
        )
    )


def compose_decisions(plan: Plan, changed: Iterable[ServiceId], numbers: Numbering) -> bytes:
    """Returns the blob of the decisions that this plan has for the `changed` services."""
    spreads: dict[int, tuple[int, CellAnswers]] = {}
    ttls: dict[tuple[int, ...], int] = {}
    services = array("I")
    for name in changed:
        decided = plan.decisions[name]
        number, _ = spreads.setdefault(id(decided.spread), (len(spreads), decided.spread))
        services.extend((numbers.services[name], number, ttls.setdefault(decided.ttls, len(ttls))))
    return msgspec.msgpack.encode(
        _Decisions(
            VERSION,
            plan.generation,
            tuple(_spread(spread) for _, spread in spreads.values()),
            tuple(_octets(array("I", each)) for each in ttls),
            _octets(services),
        )
    )


def _spread(spread: CellAnswers) -> _Spread:
    different = tuple(tuple(_selected(selected) for selected in part) for part in spread.different)
    return _Spread(_octets(array("I", spread.by_cell)), different)


def _selected(selected: Selected) -> _Selected:
    return _Selected(
        selected.rtype,
        _CHOOSE[selected.choose],
        selected.count,
        _STATE[selected.state],
        selected.rcode,
        selected.picks,
    )


def _service(name: ServiceId, steered: SteeredService, number: int, numbers: Numbering) -> _Service:
    answers = tuple(
        _Answer(answer.rtype, numbers.regions[answer.region], answer.rdata) for answer in steered.answer_pool.answers
    )
    return _Service(name, number, steered.aliases_only, answers)


def _zone(zone: ZonePlan, numbers: Numbering) -> _Zone:
    nodes = tuple(_node(name, node, numbers) for name, node in zone.own.items())
    name = zone.zone.origin.to_text(omit_final_dot=True)
    return _Zone(name, _wire(zone.origin), zone.soa.ttl, zone.soa.rdatas[0], nodes, zone.zone.bulk.rows)


def _node(name: Labels, node: Node, numbers: Numbering) -> _Node:
    rrsets = tuple(_RRset(rtype, rrset.ttl, rrset.rdatas) for rtype, rrset in node.rrsets.items())
    service = None if node.service is None else numbers.services[node.service]
    return _Node(_wire(name), rrsets, service, node.delegation)


def _map(networks: CellMap) -> msgspec.Raw:
    return msgspec.Raw(msgspec.msgpack.encode(_Map(_table(networks.v4), _table(networks.v6))))


def _table(networks: Networks) -> _Table:
    starts = networks.starts
    octets = _wide_octets(starts) if isinstance(starts, Halves) else _octets(starts)
    return _Table(octets, networks.lengths.tobytes(), _octets(networks.cells))


def _wide_octets(numbers: Halves) -> bytes:
    """Returns 128-bit numbers as octets in network order (big-endian)."""
    octets = bytearray(16 * len(numbers))
    rows = memoryview(octets).cast("Q")
    for place, half in enumerate((numbers.highs, numbers.lows)):
        rows[place::2] = memoryview(_swapped(array("Q", half)))
    return bytes(octets)


def _octets(numbers: "array[int]") -> bytes:
    """Returns 32-bit numbers as octets in network order (big-endian)."""
    return _swapped(array("I", numbers)).tobytes()


def _swapped(numbers: "array[int]") -> "array[int]":
    """Returns the same array with its numbers in network order. It changes the array in place."""
    if sys.byteorder == "little":
        numbers.byteswap()
    return numbers


def _wire(name: Labels) -> bytes:
    return b"".join(bytes((len(label),)) + label for label in name) + b"\0"
