"""What this machine is: the node file as a value.

Every key has a default good enough for one machine. Relative paths are relative to the folder of the node file, or
to the working folder where there is none. Only gtm/node/config/parse.py makes a NodeConfig from a file.
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
    """What a node does."""

    DNS = "dns"
    PROBE = "probe"
    ADMIN = "admin"


class EngineChoice(Enum):
    """Which engine serves."""

    AUTO = "auto"
    """The fastest that is installed."""
    RUST = "rust"
    REFERENCE = "reference"


_LOOKS = FileReader("geo files, looks")


@dataclass(frozen=True, slots=True)
class GeoFiles:
    """Where the geo data is."""

    databases: tuple[Path, ...]
    networks: Path | None = None
    instead: Path | None = None
    """Where the databases are as shipped: the one that serves in their place once it is there."""

    def present(self) -> "GeoFiles":
        """Returns the files to load now; it looks at the disk, so it is for threads."""
        stamp = None if self.instead is None else _LOOKS.stamp(self.instead)
        if self.instead is None or stamp is None or not stamp.is_regular:
            return self
        return GeoFiles((self.instead,), self.networks)


@dataclass(frozen=True, slots=True)
class ShareConfig:
    """How reports travel between nodes."""

    srv: str = ""
    """The name of the SRV records that say where peers are; empty where the file lists their URLs."""
    tls: TlsFiles | None = None
    """What this node shows, and whom it trusts, when it asks peers or etcd; None for the system's roots alone."""
    etcd: EtcdSite | None = None
    """Instead of the mesh."""
    password_file: Path | None = None
    """The file with the password of the etcd user."""


@dataclass(frozen=True, slots=True)
class NodeConfig:
    """What one machine is."""

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
    """What the clients of one DNS address may take of TCP, as far as the system allows that many descriptors."""
    key: Path | None = None
    """The private key that signs this node's reports; None makes one that lasts as long as the process."""
    peers: tuple[Peer, ...] = ()
    """Whom this node believes; where they are is empty when SRV records or etcd say so."""
    listed: Peer | None = None
    """What the list of peers has for this node itself: one list will do for all nodes."""
    share: ShareConfig = ShareConfig()
    overrides_from: frozenset[NodeName] | None = frozenset()
    """The peers whose overrides count here, besides this node's own; None for all."""
    hosts: frozenset[str] = frozenset()
    """Names that this machine is called by, besides its own."""
    is_plain_accepted: bool = False
    """Whether the admin listener may be open to the network in plain HTTP without a warning."""
    is_unready_when_blind: bool = False
    """Whether `/readyz` is 503 while this node answers queries and hears no vote that counts."""
    credentials: Credentials = field(default_factory=Credentials)
    """What lets somebody say overrides, besides the socket in the state folder."""
    health: ListenAddress | None = None
    """Where /livez and /readyz are served in plain HTTP to anybody; None for nowhere but the admin listener."""
    admin_tls: TlsFiles | None = None
    """None: the admin listener speaks plain HTTP."""
    otlp: str = ""
    """The collector that metrics are sent to; empty for the one that the environment names, if it does."""
    permits: Permits = NO_PERMITS
    """What checks may use of this machine, and look at, as the node file lists it."""
    settle_s: float = DEFAULT_SETTLE_S
    """So long a zone, records or geo file that is written in place must have been as it is before it is read."""
    most_lost: float = DEFAULT_MOST_LOST
    """The share of its names, records, services and endpoints that a zone may lose at once."""
    log: LogChoice = DEFAULT_LOG
    quorum: Quorum = field(default_factory=lambda: Quorum(voters=1))

    @property
    def permitted(self) -> Permits:
        """Returns the permits of checks: of this node's own listeners, only what its file lists."""
        listeners = (self.dns if Role.DNS in self.roles else ()) + ((self.admin,) if Role.ADMIN in self.roles else ())
        listeners += () if self.health is None else (self.health,)
        own = tuple((at.address, at.port) for at in listeners)
        return replace(self.permits, targets=replace(self.permits.targets, own=own))
