"""Permits: what the node file lets checks use on this machine, and which addresses they may check.

What comes in: a check, and what the node file lists. What goes out: where a secret or a certificate is kept; or
NotPermitted, whose text names the missing entry and its place. A zone file only has names (decision 0065), so whether
it is valid does not depend on a node. Without an entry the check is inconclusive (`unread`):

    a zone file says                           the node file lists it in
    {secret: NAME}                             probe.secrets, which may limit it to zones
    tls.client_certificate: NAME               probe.certificates, which may limit it to zones
    tls.ca: NAME                               probe.authorities
    command: [PROGRAM, ...]                    probe.exec, which may limit it to zones
    an address that most must not look at      probe.allow (targets.py)

It opens no file.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from ipaddress import ip_address
from pathlib import Path
from types import MappingProxyType

from gtm.checks.model import Check
from gtm.errors import NotPermitted
from gtm.ids import Address
from gtm.probe.targets import NO_TARGETS, AllowedNetwork, Targets
from gtm.zone.monitors.kinds.exec import ExecSettings
from gtm.zone.monitors.settings import Secret, TlsSettings

ZoneNames = frozenset[str]


@dataclass(frozen=True, slots=True)
class KeptSecret:
    """The place where a secret is stored: it is read when a check runs, and never shown."""

    name: str
    """The name of the secret in the node file."""
    source: str
    """`env` or `file`."""
    place: str
    """The name of the environment variable, or the path of the file."""
    zones: ZoneNames | None = None
    """The zones whose monitors may use the secret, in lower case without the trailing dot; None for all."""


@dataclass(frozen=True, slots=True)
class KeptCertificate:
    """The PEM files of a client certificate."""

    certificate: Path
    """The certificate with its chain; the file may hold the private key too."""
    key: Path | None = None
    zones: ZoneNames | None = None
    """The zones whose monitors may use the certificate, as for a secret."""


@dataclass(frozen=True, slots=True)
class TlsNeeds:
    """The files that one monitor's TLS needs."""

    certificate: Path | None = None
    key: Path | None = None
    ca: Path | None = None


@dataclass(frozen=True, slots=True)
class Permits:
    """The things of this machine that checks may use."""

    programs: Mapping[str, ZoneNames | None] = field(default_factory=lambda: MappingProxyType({}))
    """The programs that checks of kind `exec` may run, by path, each with the zones whose monitors may, as for a
    secret."""
    secrets: Mapping[str, KeptSecret] = field(default_factory=lambda: MappingProxyType({}))
    certificates: Mapping[str, KeptCertificate] = field(default_factory=lambda: MappingProxyType({}))
    authorities: Mapping[str, Path] = field(default_factory=lambda: MappingProxyType({}))
    targets: Targets = NO_TARGETS

    def secret(self, secret: Secret, scope: str) -> KeptSecret:
        """Returns the place of a secret for a monitor of this scope.

        Raises NotPermitted if the node file does not list it, or not for this zone.
        """
        kept = self.secrets.get(secret.name)
        if kept is None:
            raise NotPermitted(f'this node has no secret "{secret.name}": its file does not list it in probe.secrets')
        _check_zones(f'secret "{secret.name}"', kept.zones, scope)
        return kept

    def tls(self, settings: TlsSettings, scope: str) -> TlsNeeds:
        """Returns the files that a monitor's TLS needs.

        Raises NotPermitted if the node file does not list them, or not for this zone.
        """
        name, root = settings.client_certificate, settings.ca
        kept = self.certificates.get(name) if name else None
        if name and kept is None:
            raise NotPermitted(
                f'this node has no certificate "{name}": its file does not list it in probe.certificates'
            )
        if root and root not in self.authorities:
            raise NotPermitted(f'this node has no authority "{root}": its file does not list it in probe.authorities')
        ca = self.authorities[root] if root else None
        if kept is None:
            return TlsNeeds(ca=ca)
        _check_zones(f'certificate "{name}"', kept.zones, scope)
        return TlsNeeds(kept.certificate, kept.key, ca)

    def program(self, program: str, scope: str) -> None:
        """Raises NotPermitted if monitors of this scope may not run the program at this path."""
        if program not in self.programs:
            raise NotPermitted(f"{program} is not allowed by this node: its file does not list it in probe.exec")
        _check_zones(program, self.programs[program], scope)

    def allowing(self, *more: AllowedNetwork) -> "Permits":
        """Returns these permits, with networks added that checks may connect to."""
        return replace(self, targets=replace(self.targets, allowed=(*self.targets.allowed, *more)))

    def target(self, address: Address, port: int) -> None:
        """Raises NotPermitted if checks may not connect to this address and port."""
        refusal = self.targets.refusal(address, port)
        if refusal:
            raise NotPermitted(refusal)


NO_PERMITS = Permits()


def check_permits(check: Check, permits: Permits) -> None:
    """Raises NotPermitted when a check needs something that the node file does not permit. It resolves no names.

    The addresses of a host name are checked once they are resolved (instruments.py).
    """
    settings, scope = check.monitor.settings, check.monitor.scope
    for secret in settings.used_secrets:
        permits.secret(secret, scope)
    if settings.used_tls is not None:
        permits.tls(settings.used_tls, scope)
    if isinstance(settings, ExecSettings):
        permits.program(settings.command[0], scope)
    if check.monitor.type.asks and (address := address_in(check)) is not None:
        permits.target(address, check.monitor.port)


def address_in(check: Check) -> Address | None:
    """Returns the target of a check if it is an address; None for a host name."""
    try:
        return ip_address(check.target)
    except ValueError:
        return None


def _check_zones(what: str, zones: ZoneNames | None, scope: str) -> None:
    # all zones may use a monitor of the shared file: any author could send the secret to endpoints of his own,
    # or run the program for them
    if zones is not None and scope not in zones:
        raise NotPermitted(f"{what} is not for monitors of {scope}: this node's file limits it to other zones")
