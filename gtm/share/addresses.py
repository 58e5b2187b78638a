"""Where others are, as values: a node reads them from its file before it loads what speaks to them."""

from dataclasses import dataclass

from gtm.health.report.claims import NOT_LISTED, Listed
from gtm.health.report.signature import Keys
from gtm.ids import NodeName


@dataclass(frozen=True, slots=True)
class Peer:
    """A node that this one hears."""

    node: NodeName
    url: str
    """Of its admin listener: `https://probe-iad.example.net:8053`."""
    key: Keys
    """Or those of a rotation."""
    listed: Listed = NOT_LISTED
    """From where it may report."""


@dataclass(frozen=True, slots=True)
class EtcdSite:
    """Where a cluster is, and who this node is to it."""

    endpoints: tuple[str, ...]
    """URLs of its members: `https://etcd-1.example.net:2379`."""
    prefix: str = "/gtm"
    user: str = ""
