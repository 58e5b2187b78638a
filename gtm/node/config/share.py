"""The part `share` of a node file, and the TLS of listeners: how reports are shared, and whose reports count."""

import re
from pathlib import Path
from typing import Annotated, Self
from urllib.parse import SplitResult, urlsplit

from pydantic import Field, PlainValidator, ValidationInfo, field_validator, model_validator

from gtm.config.entry import Entry
from gtm.config.fields import choice, error, found, text, text_like
from gtm.health.report.claims import Listed
from gtm.health.report.signature import Keys, PublicKey, parse_public_key
from gtm.ids import VantageName
from gtm.node.config.values import Name, PathText, Something
from gtm.tls.peers import TlsFiles
from gtm.zone.fields import HOST_PATTERN, At

KEYS_OF_A_ROTATION = 2


def _url(value: object) -> str:
    """Returns the URL of a peer without a final slash; raises an error for an invalid one."""
    try:
        parts = urlsplit(text(value))
        has_good_port = parts.port != 0
    except ValueError:  # half of an IPv6 address, or a port out of range
        has_good_port = False
    if not has_good_port or not _is_peer(parts) or re.search(r"[\s\\]", str(value)):
        raise error(f'expected the address of a peer such as "https://probe-iad.example.net:8053", not {found(value)}')
    if parts.username is not None or parts.password is not None:
        raise error("a peer's address has no user or password: its reports are signed")
    return str(value).rstrip("/")


def _is_peer(parts: SplitResult) -> bool:
    """Returns whether a URL has the scheme http or https and a host, and no query or fragment."""
    return parts.scheme in {"http", "https"} and bool(parts.hostname) and not parts.query and not parts.fragment


def _public_key(value: object) -> PublicKey:
    """Returns a public key; raises an error for an invalid one."""
    try:
        return parse_public_key(text(value))
    except ValueError as invalid:
        raise error(f"expected a public key as `gtm keygen` prints it: {invalid}") from invalid


def _keys(value: object) -> Keys:
    """Returns the public key of a peer, or its old and new key during a rotation; raises an error for others."""
    if not isinstance(value, list):
        return _public_key(value)
    if len(value) != KEYS_OF_A_ROTATION:
        raise error(f"expected a public key, or the two of a rotation, the new one last, not {found(value)}")
    old, new = map(_public_key, value)
    if old == new:
        raise error("the two keys of a rotation are the same")
    return old, new


class TlsFilesEntry(Entry):
    """The TLS files of a listener or a client, in PEM: certificate, private key and trusted roots."""

    certificate: Annotated[PathText | None, Something] = None
    """File of the certificate, with those of its authorities."""
    key: Annotated[PathText | None, Something] = None
    """File of its private key, without a password."""
    ca: Annotated[PathText | None, Something] = None
    """File of the roots to trust; it may hold the certificate of a peer itself."""
    strict: bool = False
    """Whether to refuse certificates that differ from RFC 5280."""

    @field_validator("key")
    @classmethod
    def _with_its_certificate(cls, key: str | None, info: ValidationInfo) -> str | None:
        """Raises an error for a private key without a certificate."""
        if key is not None and info.data.get("certificate") is None:
            raise error("a key needs its certificate")
        return key

    def files(self, base: Path) -> TlsFiles:
        """Returns the paths of the files; `base` is the folder of the node file, for relative paths."""
        certificate, key, ca = (None if name is None else base / name for name in (self.certificate, self.key, self.ca))
        return TlsFiles(certificate, key, ca, strict=self.strict)


class PeerEntry(Entry):
    """One peer: its name, address, public key and vantage."""

    node: Name
    """Name of the peer: `node` in its own node file."""
    url: Annotated[str | None, PlainValidator(_url)] = None
    """Address of its admin API. Not needed with `srv` or etcd."""
    key: Annotated[Keys, PlainValidator(_keys)]
    """Its public key, or two during a rotation (docs/guides/peers.md#its-key)."""
    vantage: Annotated[Name | None, Something] = None
    """The only vantage that its reports may speak for. Default: the first that it claims."""
    at: At = None
    """Where that vantage is. Default: what its first report says."""
    probe: bool = True
    """Whether it checks anything. List a peer that does not with `false`, or it is reported as missing."""

    @model_validator(mode="after")
    def _place_of_a_vantage(self) -> Self:
        """Raises an error for a vantage of a peer that is no probe, and for `at` without a vantage."""
        if self.vantage is not None and not self.probe:
            raise error("a peer that checks nothing (`probe: false`) has no vantage")
        if self.at is not None and self.vantage is None:
            raise error('missing key "vantage": `at` is where that is')
        return self

    @property
    def listed(self) -> Listed:
        """Returns the settings that bind this peer: its vantage, the place of that, and whether it is a probe."""
        return Listed(None if self.vantage is None else VantageName(self.vantage), self.at, self.probe)


class EtcdEntry(Entry):
    """The URLs of the etcd cluster, the prefix of its keys, and the user of this node there."""

    endpoints: Annotated[list[Annotated[str, PlainValidator(_url)]], Field(min_length=1)]
    """URLs of the cluster."""
    prefix: Annotated[str, text_like(r"/[A-Za-z0-9._/-]{0,200}", "expected a prefix that starts with /")] = "/gtm"
    """Prefix of the keys."""
    user: Annotated[str | None, Something] = None
    """User at the cluster. Default: none."""
    password_file: Annotated[PathText | None, Something] = None
    """File with the user's password. Default: none."""

    @model_validator(mode="after")
    def _user_with_password(self) -> Self:
        """Raises an error unless both `user` and `password_file` are there, or neither."""
        if (self.user is None) != (self.password_file is None):
            raise error("user and password_file go together")
        return self


class ShareEntry(Entry):
    """The settings by which nodes share reports."""

    mode: Annotated[str, choice("mode", {"mesh": "mesh", "etcd": "etcd"})] = "mesh"
    """`mesh`: nodes poll each other. `etcd`: reports go through a cluster (docs/guides/etcd.md)."""
    key: Annotated[PathText | None, Something] = None
    """File of the private key that signs the reports, made by `gtm keygen`. Default: a key for as long as the
    process runs.
    """
    peers: list[PeerEntry] = Field(default_factory=list)
    """Nodes whose reports count here; all others are refused. The node itself may be in the list
    (docs/guides/peers.md).
    """
    srv: Annotated[
        str | None, Something, text_like(HOST_PATTERN, "expected the name of SRV records: _gtm._tcp.example.net")
    ] = None
    """Name of SRV records that say where peers are. Default: none."""
    tls: TlsFilesEntry | None = None
    """What this node shows and trusts when it asks peers or etcd (docs/guides/tls.md). Default: the system's roots."""
    etcd: EtcdEntry | None = None
    """The cluster, with `mode: etcd`. Default: none."""

    @model_validator(mode="after")
    def _as_its_mode_asks(self) -> Self:
        """Raises an error for keys that do not belong to `mode`, or that it needs and that are missing."""
        if self.mode == "etcd" and self.etcd is None:
            raise error('missing key "etcd": where the cluster is')
        if self.mode == "mesh" and self.etcd is not None:
            raise error("etcd is for `mode: etcd`")
        if self.mode == "etcd" and self.srv is not None:
            raise error("srv is for `mode: mesh`")
        return self

    @property
    def needs_urls(self) -> bool:
        """Returns whether every peer needs a `url`: in a mesh without SRV records."""
        return self.mode == "mesh" and self.srv is None
