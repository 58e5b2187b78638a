"""Our engine with a plan made in this process, for swaps on demand (losses.py, soak.py).

The zone is put together as the values that the zone parser would make of a file, and goes through everything that comes
after it: compiling, the blobs, the swap, the engine's own threads.
"""

from ipaddress import IPv4Address
from pathlib import Path

from dns.name import from_text
from dns.rdatatype import RdataType

from bench.peers import zone_yaml
from bench.world import ORIGIN, World, static_name
from gtm.engine.native import NativeEngine
from gtm.engine.protocol import TcpLimits
from gtm.geo.merging import build
from gtm.health.consensus.status import NO_STATUS
from gtm.plan.compile import compile_plan
from gtm.plan.model import EMPTY_PLAN, Plan
from gtm.steer.vocabulary import STEERING
from gtm.watch.geodata import read_database
from gtm.zone.model import RRset, Zone
from gtm.zone.parse import NO_SHARED, parse

TCP = TcpLimits(connections=300, of_network=300, idle_s=30.0)


def zone_of(world: World) -> Zone:
    """Returns the world's zone; its static names are added to what the parser made of the rest."""
    small = parse(zone_yaml(World(0, world.database)), "bench.yaml", NO_SHARED, STEERING)
    origin = from_text(ORIGIN)
    records = tuple(
        RRset(from_text(label, origin), RdataType.A, small.ttl, (IPv4Address(address).packed,))
        for label, address in map(static_name, range(world.names))
    )
    return Zone(
        file=small.file,
        origin=small.origin,
        ttl=small.ttl,
        nameservers=small.nameservers,
        hostmaster=small.hostmaster,
        regions=small.regions,
        services=small.services,
        records=small.records + records,
        digest=small.digest,
    )


def plan_of(zone: Zone, database: Path, before: Plan = EMPTY_PLAN) -> Plan:
    """Returns the plan of one zone."""
    return compile_plan(
        (zone,),
        serials={zone.origin.to_text(): 1},
        geography=build([read_database(database)[0]]),
        vocabulary=STEERING,
        status=NO_STATUS,
        before=before,
    )


def serve(engine: NativeEngine, port: int, threads: int) -> None:
    """Serves from now on, on threads of the engine's own."""
    addresses = [f"127.0.0.1:{port}", f"[::1]:{port}"]
    engine.listen(addresses, threads=threads, tcp=TCP)
    engine.start()
