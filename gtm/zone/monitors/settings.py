"""What a monitor asks for, as frozen values: what the settings of all kinds have in common.

Each kind has a class of settings of its own (kinds/), made by the parser and read by gtm/probe. Everything else that
kinds have in common (interval, timeout, fall, rise) is the Monitor's own. A secret is never here, nor where one is
kept: only the name under which node files list it. So no value of these can leak one into a log, a report or the admin
API, and no zone file can point a probe at a file of its machine (decision 0065).
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Secret:
    """A secret, by the name under which node files list it."""

    name: str


HeaderValue = str | Secret


@dataclass(frozen=True, slots=True)
class TlsSettings:
    """What the TLS of an endpoint must be like."""

    verify: bool = True
    """The chain and the name."""
    min_version: str = "1.2"
    """`1.0` to `1.3`: what the endpoint must be able to speak; before 1.2 only with legacy ciphers."""
    min_days: int = 0
    """A certificate with fewer days left is a failure of its own; 0 asks for none."""
    server_name: str = ""
    """SNI, and the name the certificate must have; empty means the monitor's host, or the endpoint's target."""
    client_certificate: str = ""
    """What to show endpoints that ask for a certificate, by the name under which node files list it; empty for none."""
    ca: str = ""
    """Roots that are trusted beside the system's, by the name under which node files list them; empty for none."""
    strict: bool = False
    """Whether a certificate that strays from RFC 5280 is refused, though clients take it."""
    takes_common_name: bool = False
    """Whether the common name counts where the subjectAltName has no host."""
    takes_legacy_ciphers: bool = False
    """Whether RSA key exchange, CBC with SHA-1 and short keys will do."""


DEFAULT_TLS = TlsSettings()


JsonPath = str | tuple[str | int, ...]
"""A pointer (RFC 6901): `/checks/0/ok`; or keys and indexes from the top: `checks[0].ok` is ("checks", 0, "ok")."""


@dataclass(frozen=True, slots=True)
class Settings:
    """What a monitor of one kind asks for; the class of each kind derives from this one."""

    @property
    def used_secrets(self) -> tuple[Secret, ...]:
        """Returns the secrets that a check sends, or compares with what it gets."""
        return ()

    @property
    def used_tls(self) -> TlsSettings | None:
        """Returns the TLS that a check must get; None for a check without TLS."""
        return None

    @property
    def requests_per_check(self) -> int:
        """Returns the number of requests that one check may send to its target."""
        return 1
