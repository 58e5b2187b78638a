"""The world that every server of a measurement serves: one zone, one geo database, and the queries about them.

    api.bench.test          steered: the nearest of three regions, by the client's country
    h0000000.bench.test ..  static: one address each

In come the number of static names and a folder; out go files in it. The geo database has the GeoIP2-Country schema,
which gdnsd, Knot and PowerDNS read too: its networks are those of geodata/regions.mmdb, its records only the country.
Nothing here starts a process or opens a socket.
"""

import random
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from ipaddress import IPv4Address, IPv6Address, ip_address
from pathlib import Path

import maxminddb
import numpy as np
from maxminddb.decoder import Decoder
from mmdb_writer import Encoder, MmdbU16, MmdbU32, MmdbU64

from gtm.geo.countries import COUNTRIES
from gtm.geo.database_row import place_of
from gtm.geo.place import NOWHERE, Coordinates, Place
from gtm.ids import RegionName
from gtm.steer.filters.nearest import order
from gtm.zone.model import Region

ORIGIN = "bench.test"
STEERED = f"api.{ORIGIN}"
SERVICE_TTL_S = 60
ECS_NETWORKS = 50_000
MOST_STATIC_QUERIES = 200_000
"""Of a zone with more names than this, so many are asked for, drawn at random."""

REGIONS = (
    Region(RegionName("us-east"), Coordinates(38.95, -77.45), "US"),
    Region(RegionName("eu-west"), Coordinates(53.35, -6.26), "IE"),
    Region(RegionName("ap-southeast"), Coordinates(1.35, 103.82), "SG"),
)
ADDRESSES = {"us-east": "192.0.2.10", "eu-west": "192.0.2.20", "ap-southeast": "192.0.2.30"}
DEFAULT_REGION = REGIONS[0].name
"""Of clients that the database does not know: the zone's first, as `nearest` has it."""

DATABASE = Path(__file__).parents[1] / "geodata" / "regions.mmdb"
TYPE_A = 1
ECS_OPTION = 8


@dataclass(frozen=True)
class World:
    """One zone of so many static names, and the geo database."""

    names: int
    database: Path

    @cached_property
    def nearest(self) -> dict[str, dict[str, str]]:
        """Returns the region of every country, by continent and country."""
        found: dict[str, dict[str, str]] = {}
        for code in COUNTRIES:
            place = place_of({"country": {"iso_code": code}})
            found.setdefault(place.continent, {})[code] = order(place, REGIONS)[0]
        return found

    def address_of(self, client: str) -> str:
        """Returns the address that a client must get, by a look-up in the database itself."""
        with maxminddb.open_database(self.database) as reader:
            return ADDRESSES[self._region(place_of(reader.get(client)))]

    def addresses_of(self, clients: list[str]) -> list[str]:
        """Returns the addresses that many clients must get."""
        with maxminddb.open_database(self.database) as reader:
            return [ADDRESSES[self._region(place_of(reader.get(client)))] for client in clients]

    def _region(self, place: Place) -> str:
        return self.nearest.get(place.continent, {}).get(place.country, DEFAULT_REGION)

    def static(self) -> Iterator[tuple[str, str]]:
        """Returns the label and the address of every static name."""
        return (static_name(number) for number in range(self.names))


def static_name(number: int) -> tuple[str, str]:
    """Returns the label and the address of one static name."""
    return f"h{number:07}", str(IPv4Address((10 << 24) + number))


def make_database(target: Path, source: Path = DATABASE) -> None:
    """Writes a database of the same networks whose records have the country and the continent only.

    The search tree stays; its pointers are turned to new records (MaxMind DB File Format Specification 2.0).
    """
    content = source.read_bytes()
    with maxminddb.open_database(source) as reader:
        metadata = reader.metadata()
    assert metadata.record_size == 24, "the shipped database has records of 24 bits"
    tree_bytes = metadata.node_count * 6
    tree = _records(content[:tree_bytes])
    first = metadata.node_count + 16
    pointers, position = np.unique(tree, return_inverse=True)
    decoder = Decoder(content, tree_bytes + 16)
    records = bytearray()
    turned = pointers.copy()
    offset_of: dict[Place, int] = {}
    for number, pointer in enumerate(pointers):
        if pointer >= first:
            record, _ = decoder.decode(tree_bytes + 16 + int(pointer) - first)
            turned[number] = first + _offset(place_of(record), offset_of, records)
    out = turned[position].astype(">u4").view(np.uint8).reshape(-1, 4)[:, 1:].tobytes()
    target.write_bytes(out + bytes(16) + bytes(records) + b"\xab\xcd\xefMaxMind.com" + _metadata(metadata))


def _records(tree: bytes) -> "np.ndarray[tuple[int], np.dtype[np.uint32]]":
    octets = np.frombuffer(tree, np.uint8).reshape(-1, 3)
    wide = np.zeros((len(octets), 4), np.uint8)
    wide[:, 1:] = octets
    return wide.reshape(-1).view(">u4").astype(np.uint32)


def _offset(place: Place, offset_of: dict[Place, int], records: bytearray) -> int:
    """Returns where the record of a place's country is, which is appended when it is not yet there."""
    # one continent for each country, so that peers which look for the continent first find the same
    known = place_of({"country": {"iso_code": place.country}}) if place.country else NOWHERE
    if known not in offset_of:
        offset_of[known] = len(records)
        country, continent = {"iso_code": known.country}, {"code": known.continent}
        record = {"country": country, "registered_country": country, "continent": continent}
        records += Encoder(cache=False).encode(record if known.country else {})
    return offset_of[known]


def _metadata(metadata: maxminddb.reader.Metadata) -> bytes:
    return Encoder(cache=False).encode(
        {
            "node_count": MmdbU32(metadata.node_count),
            "record_size": MmdbU16(24),
            "ip_version": MmdbU16(6),
            "database_type": "GeoIP2-Country",
            "languages": ["en"],
            "binary_format_major_version": MmdbU16(2),
            "binary_format_minor_version": MmdbU16(0),
            "build_epoch": MmdbU64(metadata.build_epoch),
            "description": {"en": "Countries of the shipped database, for measurements"},
        }
    )


def clients(version: int, count: int = ECS_NETWORKS) -> list[str]:
    """Returns so many client networks that differ, by their first address: /24, or /48."""
    draw = random.Random(version)
    if version == 4:
        return [str(IPv4Address(block << 8)) for block in draw.sample(range(1 << 16, 224 << 16), count)]
    # the first /20 of what each regional registry has
    blocks = [first << 32 | network for first in (0x2400, 0x2600, 0x2800, 0x2A00, 0x2C00) for network in _DRAWN]
    return [str(IPv6Address(block << 80)) for block in draw.sample(blocks, count)]


_DRAWN = range(0, 1 << 36, 1_000_003)


def query(name: str, client: str | None = None, *, edns: bool = True) -> bytes:
    """Returns a query for the A records of a name, with ID 0, for a client network if there is one."""
    labels = b"".join(bytes((len(label),)) + label.encode() for label in name.split("."))
    message = struct.pack("!6H", 0, 0, 1, 0, 0, int(edns)) + labels + b"\0" + struct.pack("!2H", TYPE_A, 1)
    if not edns:
        return message
    option = b"" if client is None else _client_subnet(client)
    return message + b"\0" + struct.pack("!HHIH", 41, 1232, 0, len(option)) + option


def _client_subnet(client: str) -> bytes:
    """Returns the EDNS option of a client's network (RFC 7871 6)."""
    address = ip_address(client)
    family, length = (1, 24) if address.version == 4 else (2, 48)
    octets = address.packed[: length // 8]
    return struct.pack("!HHHBB", ECS_OPTION, 4 + len(octets), family, length, 0) + octets


def queries(load: str, world: World) -> list[bytes]:
    """Returns the messages of a load; see LOADS."""
    return LOADS[load](world)


def _static(world: World) -> list[bytes]:
    draw = random.Random(0)
    numbers = list(range(world.names))
    asked = draw.sample(numbers, min(world.names, MOST_STATIC_QUERIES))
    return [query(f"{static_name(number)[0]}.{ORIGIN}") for number in asked]


LOADS = {
    "steered": lambda _: [query(STEERED, client) for client in clients(4)],
    "steered-ecs6": lambda _: [query(STEERED, client) for client in clients(6)],
    "no-ecs": lambda _: [query(STEERED)],
    "no-edns": lambda _: [query(STEERED, edns=False)],
    "static": _static,
}
"""What is asked. `steered`: distinct client networks; `static`: names that differ, in random order."""


def write_queries(path: Path, messages: list[bytes]) -> None:
    """Writes the file that the generators read: each message after its length in two octets."""
    path.write_bytes(b"".join(struct.pack("!H", len(message)) + message for message in messages))
