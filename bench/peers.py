"""The servers that are compared: for each a function that writes its configuration and returns its command.

Every server gets the same world (world.py), listens on one port of 127.0.0.1 and ::1, runs in the foreground with so
many serving threads, and keeps everything it writes in its own folder. A row of PEERS is all there is to a server.
Nothing here starts a process or opens a socket.
"""

import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from textwrap import dedent

from bench.world import ADDRESSES, DEFAULT_REGION, ORIGIN, REGIONS, SERVICE_TTL_S, STEERED, World

MOST_NAMES_OF_A_FILE = 10_000
"""Of ours: more are in a records file."""
TCP_CONNECTIONS = 300
"""More than any load opens, so that no server's own limit decides."""


@dataclass(frozen=True)
class Site:
    """Where one server of a measurement lives."""

    folder: Path
    world: World
    port: int
    threads: int = 1
    echo: Path = Path("echo")
    """The program that echo.c was compiled to."""


Command = tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Peer:
    """One server."""

    name: str
    configure: Callable[[Site], Command]
    steers: bool = False
    """Whether it has the steered name with the answers by country; else that name is a static one."""
    most_names: int = 10**9
    """So many static names are still sensible in its format."""
    program: str = ""
    """What it needs on the PATH; empty for our own."""
    packages: tuple[str, ...] = ()
    """Debian's, that have it."""


def gtm(site: Site) -> Command:
    """Writes a zone and a node file; many static names are in a records file."""
    zones = site.folder / "zones"
    zones.mkdir()
    if site.world.names > MOST_NAMES_OF_A_FILE:
        _write(zones / f"{ORIGIN}.yaml", f"{zone_yaml(World(0, site.world.database))}records_file: {ORIGIN}.zone\n")
        lines = ["$TTL 300", *(f"{label} A {address}" for label, address in site.world.static())]
        (zones / f"{ORIGIN}.zone").write_text("\n".join(lines) + "\n")
    else:
        _write(zones / f"{ORIGIN}.yaml", zone_yaml(site.world))
    node = f"""\
        node: bench
        roles: [dns]
        engine: rust
        threads: {site.threads}
        zones: zones
        state: state
        listen: {{dns: ["127.0.0.1:{site.port}", "[::1]:{site.port}"]}}
        geo: {{databases: [{site.world.database}]}}
        """
    return (sys.executable, "-m", "gtm", "serve", "--config", _write(site.folder / "gtm.yaml", node))


def zone_yaml(world: World) -> str:
    """Returns the zone file of gtm."""
    lines = [f"zone: {ORIGIN}", "ttl: 300", f"nameservers: [ns1.{ORIGIN}]", f"hostmaster: hostmaster@{ORIGIN}"]
    lines += ["regions:"]
    for region in REGIONS:
        assert region.at is not None
        at = f"[{region.at.latitude}, {region.at.longitude}]"
        lines.append(f"  {region.name}: {{at: {at}, country: {region.country}}}")
    lines += ["services:", "  api:", f"    ttl: {SERVICE_TTL_S}s", "    steer: nearest", "    endpoints:"]
    lines += [f"      - {{region: {name}, address: {address}}}" for name, address in ADDRESSES.items()]
    lines += ["records:", "  ns1: {A: 127.0.0.1}"]
    lines += [f"  {label}: {{A: {address}}}" for label, address in world.static()]
    return "\n".join(lines) + "\n"


def gdnsd(site: Site) -> Command:
    """Writes a zone with a dynamic name, and a map of countries for the plugin geoip."""
    for name in ("zones", "geoip", "run", "state"):
        (site.folder / name).mkdir()
    _write(site.folder / "zones" / ORIGIN, master_file(site.world, steered=f"{SERVICE_TTL_S} DYNA geoip!api"))
    countries = "\n".join(
        f"{continent} => {{ default => [{DEFAULT_REGION}], "
        + ", ".join(f"{code} => [{region}]" for code, region in regions.items())
        + " }"
        for continent, regions in site.world.nearest.items()
    )
    config = f"""\
        options => {{
          listen => [ "127.0.0.1:{site.port}", "[::1]:{site.port}" ],
          udp_threads = {site.threads}, tcp_threads = {site.threads}, tcp_clients_per_thread = {TCP_CONNECTIONS},
          run_dir = "{site.folder}/run", state_dir = "{site.folder}/state",
        }}
        plugins => {{ geoip => {{
          maps => {{ countries => {{
            geoip2_db => "{site.world.database}",
            datacenters => [{", ".join(ADDRESSES)}],
            map => {{ default => [{DEFAULT_REGION}],
        {countries}
            }}
          }} }}
          resources => {{ api => {{ map => countries, service_types => up, dcmap => {{
            {", ".join(f"{name} => {address}" for name, address in ADDRESSES.items())}
          }} }} }}
        }} }}
        """
    _write(site.folder / "config", config)
    return ("gdnsd", "-c", str(site.folder), "start")


def knot(site: Site) -> Command:
    """Writes a zone, and views of the steered name for the module geoip in the mode geodb."""
    zone = _write(site.folder / "zone", master_file(site.world, steered=f"60 A {ADDRESSES[DEFAULT_REGION]}"))
    views = f"{STEERED}:\n" + "".join(
        f'  - geo: "{code}"\n    A: {ADDRESSES[region]}\n'
        for regions in site.world.nearest.values()
        for code, region in regions.items()
    )
    config = f"""\
        server:
          rundir: {site.folder}
          listen: [127.0.0.1@{site.port}, ::1@{site.port}]
          udp-workers: {site.threads}
          tcp-workers: {site.threads}
          background-workers: 1
          tcp-max-clients: {TCP_CONNECTIONS}
          edns-client-subnet: on
        log:
          - target: stderr
            any: warning
        database:
          storage: {site.folder}
        mod-geoip:
          - id: countries
            config-file: {_write(site.folder / "views", views)}
            ttl: {SERVICE_TTL_S}
            mode: geodb
            geodb-file: {site.world.database}
            geodb-key: country/iso_code
        zone:
          - domain: {ORIGIN}
            file: {zone}
            storage: {site.folder}
            zonefile-sync: -1
            journal-content: none
            module: mod-geoip/countries
        """
    return ("knotd", "-c", _write(site.folder / "knot.conf", config))


def pdns(site: Site) -> Command:
    """Writes everything as records of the geoip backend: one per country, and a service that picks one."""
    by_country = {code.lower(): region for regions in site.world.nearest.values() for code, region in regions.items()}
    lines = ["domains:", f"- domain: {ORIGIN}", f"  ttl: {SERVICE_TTL_S}", "  records:", f"    {ORIGIN}:"]
    lines.append(f"    - soa: ns1.{ORIGIN} hostmaster.{ORIGIN} 1 3600 600 604800 300")
    lines.append(f"    - ns: ns1.{ORIGIN}")
    lines += [f"    ns1.{ORIGIN}:", "    - a: 127.0.0.1"]
    for code, region in {**by_country, "default": DEFAULT_REGION}.items():
        lines += [f"    {code}.c.{ORIGIN}:", f"    - a: {ADDRESSES[region]}"]
    for label, address in site.world.static():
        lines += [f"    {label}.{ORIGIN}:", f"    - a: {address}"]
    lines += ["  services:", f"    {STEERED}: ['%cc.c.{ORIGIN}', 'default.c.{ORIGIN}']"]
    config = f"""\
        launch=geoip
        geoip-zones-file={_write(site.folder / "zones.yaml", chr(10).join(lines) + chr(10))}
        geoip-database-files=mmdb:{site.world.database}
        edns-subnet-processing=yes
        local-address=127.0.0.1,::1
        local-port={site.port}
        receiver-threads={site.threads}
        distributor-threads=1
        reuseport={"yes" if site.threads > 1 else "no"}
        max-tcp-connections={TCP_CONNECTIONS}
        socket-dir={site.folder}
        security-poll-suffix=
        loglevel=3
        """
    _write(site.folder / "pdns.conf", config)
    return ("pdns_server", f"--config-dir={site.folder}", "--daemon=no", "--guardian=no", "--disable-syslog=yes")


def nsd(site: Site) -> Command:
    """Writes a static zone."""
    _write(site.folder / "zone", master_file(site.world, steered=f"60 A {ADDRESSES[DEFAULT_REGION]}"))
    config = f"""\
        server:
          ip-address: 127.0.0.1@{site.port}
          ip-address: ::1@{site.port}
          server-count: {site.threads}
          reuseport: {"yes" if site.threads > 1 else "no"}
          username: ""
          chroot: ""
          database: ""
          pidfile: ""
          zonesdir: "{site.folder}"
          xfrdir: "{site.folder}"
          xfrdfile: "{site.folder}/xfrd.state"
          zonelistfile: "{site.folder}/zone.list"
          rrl-ratelimit: 0
          tcp-count: {TCP_CONNECTIONS}
        remote-control:
          control-enable: no
        zone:
          name: {ORIGIN}
          zonefile: zone
        """
    return ("nsd", "-d", "-c", _write(site.folder / "nsd.conf", config))


def named(site: Site) -> Command:
    """Writes a static zone."""
    zone = _write(site.folder / "zone", master_file(site.world, steered=f"60 A {ADDRESSES[DEFAULT_REGION]}"))
    config = f"""\
        options {{
          directory "{site.folder}"; pid-file none; lock-file none; session-keyfile "{site.folder}/session.key";
          listen-on port {site.port} {{ 127.0.0.1; }}; listen-on-v6 port {site.port} {{ ::1; }};
          recursion no; dnssec-validation no; notify no; minimal-responses yes; empty-zones-enable no;
          tcp-clients {TCP_CONNECTIONS};
        }};
        controls {{ }};
        logging {{ category default {{ null; }}; }};
        zone "{ORIGIN}" {{ type primary; file "{zone}"; }};
        """
    return ("named", "-f", "-n", str(site.threads), "-c", _write(site.folder / "named.conf", config))


def echo(site: Site) -> Command:
    """Writes nothing: it answers what it was asked."""
    return (str(site.echo), str(site.port))


PEERS = {
    peer.name: peer
    for peer in (
        Peer(name="echo", configure=echo),
        Peer(name="gtm", steers=True, configure=gtm),
        Peer(name="gdnsd", steers=True, program="gdnsd", packages=("gdnsd",), configure=gdnsd),
        Peer(name="knot", steers=True, program="knotd", packages=("knot", "knot-module-geoip"), configure=knot),
        Peer(
            name="pdns",
            steers=True,
            most_names=100_000,
            program="pdns_server",
            packages=("pdns-server", "pdns-backend-geoip"),
            configure=pdns,
        ),
        Peer(name="nsd", program="nsd", packages=("nsd",), configure=nsd),
        Peer(name="named", program="named", packages=("bind9",), configure=named),
    )
}


def master_file(world: World, *, steered: str) -> str:
    """Returns the zone in the format of RFC 1035 section 5; `steered` is what follows the steered name."""
    lines = [
        f"$ORIGIN {ORIGIN}.",
        "$TTL 300",
        f"@ SOA ns1.{ORIGIN}. hostmaster.{ORIGIN}. 1 3600 600 604800 300",
        f"@ NS ns1.{ORIGIN}.",
        "ns1 A 127.0.0.1",
        f"api {steered}",
        *(f"{label} A {address}" for label, address in world.static()),
    ]
    return "\n".join(lines) + "\n"


def _write(path: Path, text: str) -> str:
    """Writes a file, and returns its path as configurations name it."""
    path.write_text(dedent(text))
    return str(path)
