"""What a monitor of each kind asks for: one frozen value for each kind, made by the parser, read by gtm/probe.

Everything that kinds have in common (interval, timeout, fall, rise) is the Monitor's own. A secret is never here, nor
where one is kept: only the name under which node files list it. So no value of these can leak one into a log, a report
or the admin API, and no zone file can point a probe at a file of its machine (decision 0065).
"""

from dataclasses import dataclass
from enum import Enum


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


JsonPath = str | tuple[str | int, ...]
"""A pointer (RFC 6901): `/checks/0/ok`; or keys and indexes from the top: `checks[0].ok` is ("checks", 0, "ok")."""


@dataclass(frozen=True, slots=True)
class JsonExpectation:
    """A value that the JSON of a body must have at a path."""

    path: JsonPath
    equals: str | int | float | bool | None


@dataclass(frozen=True, slots=True)
class HttpSettings:
    """Kinds `http` and `https`."""

    secure: bool
    method: str = "GET"
    path: str = "/"
    host: str = ""
    """Host header and SNI; empty means the endpoint's own address or target."""
    headers: tuple[tuple[str, HeaderValue], ...] = ()
    statuses: tuple[tuple[int, int], ...] = ((200, 299),)
    """Inclusive ranges of the HTTP status that are good."""
    body: str = ""
    """A substring that the body must have; empty accepts any."""
    body_regex: str = ""
    """A regular expression that must match somewhere in the body."""
    body_json: tuple[JsonExpectation, ...] = ()
    expected_headers: tuple[tuple[str, str], ...] = ()
    """Headers that the answer must have, each with a substring of its value (empty: any value)."""
    max_redirects: int = 0
    """How many redirects are followed, on the same endpoint only; 0 takes a redirect as the answer."""
    response_time_s: float | None = None
    """A good answer that took longer is a failure."""
    strict: bool = False
    """Whether an answer is bad whose head or framing RFC 9110 and 9112 forbid, though clients take it."""
    tls: TlsSettings = TlsSettings()


@dataclass(frozen=True, slots=True)
class DenySettings:
    """Kind `deny`: a request without credentials must be refused, so that a backup region never opens the API."""

    request: HttpSettings
    """Its statuses are what a refusal looks like: 401 and 403."""


@dataclass(frozen=True, slots=True)
class TcpSettings:
    """Kind `tcp`: a connection that opens; what it says when it is told something."""

    send: bytes = b""
    expect: bytes = b""
    """Must be in what the endpoint sends; empty waits for nothing."""
    tls: TlsSettings | None = None


@dataclass(frozen=True, slots=True)
class IcmpSettings:
    """Kind `icmp`: an echo request that is answered."""

    count: int = 1
    """One answer out of so many requests is enough."""
    size_bytes: int = 56


@dataclass(frozen=True, slots=True)
class DnsSettings:
    """Kind `dns`: a query that is answered as expected."""

    name: str
    rtype: str = "A"
    transport: str = "udp"
    """`udp` or `tcp`."""
    rcodes: tuple[str, ...] = ("NOERROR",)
    answers: tuple[str, ...] = ()
    """Values in presentation format, of which one must be in the answer; empty accepts any."""
    recursion: bool = False


@dataclass(frozen=True, slots=True)
class GrpcSettings:
    """Kind `grpc`: the standard health service (grpc.health.v1) says SERVING."""

    service: str = ""
    host: str = ""
    """The :authority, and SNI; empty means the endpoint's own address or target."""
    tls: TlsSettings | None = None


@dataclass(frozen=True, slots=True)
class ExecSettings:
    """Kind `exec`: a program that ends with 0. Only where the node file allows the program."""

    command: tuple[str, ...]
    """The program and its arguments, run without a shell; `{address}` and `{port}` are replaced in arguments."""


@dataclass(frozen=True, slots=True)
class PushSettings:
    """Kind `push`: the endpoint says itself that it lives, by POST; silence longer than the TTL is death."""

    ttl_s: float
    token: Secret
    """The bearer token that a heartbeat must carry."""


class Combine(Enum):
    """How a calculated monitor combines others."""

    ALL = "all"
    ANY = "any"
    AT_LEAST = "at_least"


@dataclass(frozen=True, slots=True)
class CalculatedSettings:
    """Kind `calculated`: what other monitors of the same endpoint say, or the health of services, combined."""

    combine: Combine
    count: int
    """For AT_LEAST: so many must be up."""
    monitors: tuple[str, ...] = ()
    """Names of monitors of the zone, each checked on the same endpoint."""
    services: tuple[str, ...] = ()
    """Ids of services; one is up while at least one of its endpoints is up."""


Settings = (
    HttpSettings
    | DenySettings
    | TcpSettings
    | IcmpSettings
    | DnsSettings
    | GrpcSettings
    | ExecSettings
    | PushSettings
    | CalculatedSettings
)
