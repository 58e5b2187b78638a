"""The configuration of a node: the node file as a value.

Every key has a default that suits one machine alone. Relative paths are relative to the folder of the node file, or to
the working folder without a node file. Only gtm/node/config/parse.py makes a NodeConfig from a node file.
"""

from dataclasses import dataclass, field, replace
from enum import Enum
from pathlib import Path

from gtm.admin.credentials import Credentials
from gtm.arrival import DEFAULT_SETTLE_S
from gtm.engine.protocol import TcpLimits
from gtm.files import FileReader
from gtm.geo.place import Coordinates
from gtm.health.consensus.quorum import Quorum
from gtm.ids import NodeName, VantageName
from gtm.node.config.log_options import DEFAULT_LOG, LogChoice
from gtm.probe.permits import NO_PERMITS, Permits
from gtm.serve.crowd import DEFAULT_LIMITS
from gtm.serve.listen import ListenAddress
from gtm.share.addresses import EtcdSite, Peer
from gtm.tls.peers import TlsFiles
from gtm.watch.zone_loss import DEFAULT_MOST_LOST


class Role(Enum):
    """A role of a node: it answers queries, runs checks, or serves the admin API."""

    DNS = "dns"
    PROBE = "probe"
    ADMIN = "admin"


class EngineChoice(Enum):
    """The engine that the node file or the command line chooses."""

    AUTO = "auto"
    """The fastest engine that is installed."""
    RUST = "rust"
    REFERENCE = "reference"


_LOOKS = FileReader("geo files, looks")


@dataclass(frozen=True, slots=True)
class GeoFiles:
    """The paths of the geo databases, and of the file of custom networks (None for no such file)."""

    databases: tuple[Path, ...]
    networks: Path | None = None
    instead: Path | None = None
    """The database that replaces the shipped one once this file exists; None if the shipped one is not used."""

    def present(self) -> "GeoFiles":
        """Returns the geo files to load now: `instead`, if it exists, else the databases.

        It reads the disk, so it must run in a thread.
        """
        stamp = None if self.instead is None else _LOOKS.stamp(self.instead)
        if self.instead is None or stamp is None or not stamp.is_regular:
            return self
        return GeoFiles((self.instead,), self.networks)


@dataclass(frozen=True, slots=True)
class ShareConfig:
    """The settings by which nodes share reports."""

    srv: str = ""
    """The name of the SRV records with the addresses of peers; empty when the node file lists their URLs."""
    tls: TlsFiles | None = None
    """The certificate and the trusted roots for requests to peers or etcd; None for the roots of the system only."""
    etcd: EtcdSite | None = None
    """The etcd cluster that carries the reports; None for the mesh."""
    password_file: Path | None = None
    """The file with the password of the etcd user; None without a user."""


@dataclass(frozen=True, slots=True)
class NodeConfig:
    """The configuration of one node: its node file, with all defaults filled in."""

    node: NodeName
    vantage: VantageName
    dns: tuple[ListenAddress, ...]
    admin: ListenAddress
    zones: Path
    state: Path
    geo: GeoFiles
    at: Coordinates | None = None
    roles: frozenset[Role] = frozenset(Role)
    engine: EngineChoice = EngineChoice.AUTO
    threads: int | None = None
    """Serving threads of the Rust engine; None means one per core."""
    tcp: TcpLimits = DEFAULT_LIMITS
    """Limits of TCP connections for one DNS address; lower if the system allows fewer file descriptors."""
    key: Path | None = None
    """The private key that signs this node's reports; None makes one that lasts as long as the process."""
    peers: tuple[Peer, ...] = ()
    """The nodes whose reports count here. Their URLs are empty when SRV records or etcd are used."""
    listed: Peer | None = None
    """The entry of `share.peers` for this node itself; None if there is none."""
    share: ShareConfig = ShareConfig()
    overrides_from: frozenset[NodeName] | None = frozenset()
    """The peers whose overrides count here, besides this node's own; None for all."""
    hosts: frozenset[str] = frozenset()
    """Host names by which clients may call the admin listener, besides the names of this machine."""
    is_plain_accepted: bool = False
    """Whether the admin listener may be open to the network in plain HTTP without a warning."""
    is_unready_when_blind: bool = False
    """Whether `/readyz` is 503 while this node answers queries and hears no vote that counts."""
    credentials: Credentials = field(default_factory=Credentials)
    """The tokens and certificates that allow to set overrides; the socket in the state folder always allows it."""
    health: ListenAddress | None = None
    """The address that serves /livez and /readyz in plain HTTP to anybody; None to use the admin listener only."""
    admin_tls: TlsFiles | None = None
    """The TLS files of the admin listener; None for plain HTTP."""
    otlp: str = ""
    """The URL of the collector for metrics; empty to use the one that the environment names, if any."""
    permits: Permits = NO_PERMITS
    """The programs, secrets, files and addresses that checks may use, as the node file lists them."""
    settle_s: float = DEFAULT_SETTLE_S
    """Seconds for which a zone, records or geo file that is written in place must not change before it is read."""
    most_lost: float = DEFAULT_MOST_LOST
    """The greatest share (0 to 1) of its names, records, services or endpoints that a zone may lose at once."""
    log: LogChoice = DEFAULT_LOG
    quorum: Quorum = field(default_factory=lambda: Quorum(voters=1))

    @property
    def permitted(self) -> Permits:
        """Returns the permits of checks. Checks may reach the node's own listeners only if its file lists them."""
        listeners = (self.dns if Role.DNS in self.roles else ()) + ((self.admin,) if Role.ADMIN in self.roles else ())
        listeners += () if self.health is None else (self.health,)
        own = tuple((at.address, at.port) for at in listeners)
        return replace(self.permits, targets=replace(self.permits.targets, own=own))
