"""The addresses of peers and of an etcd cluster, as the node file gives them; nothing here connects to them."""

from dataclasses import dataclass

from gtm.health.report.claims import NOT_LISTED, Listed
from gtm.health.report.signature import Keys
from gtm.ids import NodeName


@dataclass(frozen=True, slots=True)
class Peer:
    """A node whose reports this node polls."""

    node: NodeName
    url: str
    """The URL of its admin API: `https://probe-iad.example.net:8053`."""
    key: Keys
    """Its public key; two keys while they are rotated."""
    listed: Listed = NOT_LISTED
    """The vantage and position that it may report from."""


@dataclass(frozen=True, slots=True)
class EtcdSite:
    """The URLs of an etcd cluster, the prefix of the keys, and the user that this node logs in as."""

    endpoints: tuple[str, ...]
    """URLs of its members: `https://etcd-1.example.net:2379`."""
    prefix: str = "/gtm"
    user: str = ""
