"""Monitors of a zone file as a pydantic model.

In come plain values of YAML, out goes an entry; or errors in our words. One class has the keys of every kind, and one
table says which kind has which: so a key that belongs to another kind is told apart from one that nobody knows. A new
kind is a row of KEYS here and a function of SETTINGS (convert.py).
"""

from collections.abc import Iterable, Mapping
from itertools import chain
from typing import Annotated, Self, TypeVar

from pydantic import BeforeValidator, ConfigDict, Field, ValidationInfo, field_validator, model_validator
from pydantic.config import JsonDict

from gtm.config.entry import Entry
from gtm.config.fields import Text, choice, enum_schema, error, pattern_schema, text_like, whole, whole_schema
from gtm.zone import fields
from gtm.zone.model import Addresses, MonitorType
from gtm.zone.monitors import hysteresis
from gtm.zone.monitors import values as own
from gtm.zone.monitors.rules import OF_PARTS, check_answers, check_command, check_parts, check_sizes

DEFAULT_PORTS: Mapping[MonitorType, int] = {
    MonitorType.HTTP: 80,
    MonitorType.HTTPS: 443,
    MonitorType.DENY: 443,
    MonitorType.DNS: 53,
    MonitorType.GRPC: 443,
    MonitorType.ICMP: 0,
    MonitorType.EXEC: 0,
    MonitorType.PUSH: 0,
    MonitorType.CALCULATED: 0,
}
"""0 where there is no port; a tcp monitor must name one."""

DEFAULT_TIMEOUT_S = 2.0
MAX_COUNT = 100
"""Of fall and rise: more readings than that is hours of delay, and surely a slip."""

MAX_REDIRECTS = 10
LEGACY = "legacy"
OLD_VERSIONS = ("1.0", "1.1")
"""Of TLS; RFC 8996 deprecates them."""
Value = TypeVar("Value")

_REQUEST = ("port", "path", "host", "method", "headers", "expect", "redirects", "response_time", "strict", "addresses")
KEYS: Mapping[MonitorType, tuple[str, ...]] = {
    MonitorType.HTTP: _REQUEST,
    MonitorType.HTTPS: (*_REQUEST, "tls"),
    MonitorType.DENY: ("port", "path", "host", "method", "headers", "expect", "strict", "addresses", "tls"),
    MonitorType.TCP: ("port", "send", "receive", "addresses", "tls"),
    MonitorType.ICMP: ("count", "size", "addresses"),
    MonitorType.DNS: ("port", "name", "rtype", "transport", "rcode", "answers", "recursion", "addresses"),
    MonitorType.GRPC: ("port", "service", "host", "addresses", "tls"),
    MonitorType.EXEC: ("port", "command", "addresses"),
    MonitorType.PUSH: ("ttl", "token"),
    MonitorType.CALCULATED: ("all", "any", "at_least", "of"),
}
"""Which kind has which keys, beside what all have."""

_SPECIFIC = tuple(dict.fromkeys(key for keys in KEYS.values() for key in keys))


class ExpectEntry(Entry):
    """What makes an HTTP answer good."""

    status: Annotated[
        list[fields.Statuses] | None,
        Field(min_length=1, description='The good statuses: [200, 204, "300-399"]; 200-299, for deny 401 and 403'),
    ] = None
    body: Annotated[str, BeforeValidator(fields.text), Field(description="Text that the body must have")] = ""
    body_regex: Annotated[own.Regex, Field(description="A regular expression (RE2) that must match in the body")] = ""
    body_json: Annotated[
        dict[own.JsonPath, own.JsonScalar],
        Field(description="Values that the body's JSON must have: {status: ok, checks[0].ok: true, /a.b/0: 1}"),
    ] = {}
    headers: Annotated[
        dict[own.HeaderName, Text],
        Field(description='Headers that the answer must have, with part of their value, or "" for any'),
    ] = {}


def _legacy_for_old_versions(schema: JsonDict) -> None:
    """Tells editors what an old version of TLS needs."""
    schema["if"] = {"properties": {"min_version": {"enum": [*OLD_VERSIONS]}}, "required": ["min_version"]}
    schema["then"] = {"properties": {"ciphers": {"const": LEGACY}}, "required": ["ciphers"]}


class TlsEntry(Entry):
    """What the TLS of an endpoint must be like."""

    model_config = ConfigDict(json_schema_extra=_legacy_for_old_versions)

    verify: Annotated[bool, Field(description="Whether to verify the certificate's chain and name")] = True
    strict: Annotated[
        bool, Field(description="Whether to refuse certificates that stray from RFC 5280, though clients take them")
    ] = False
    common_name: Annotated[
        bool, Field(description="Whether its common name counts where its subjectAltName has no host (RFC 9525: no)")
    ] = False
    min_version: Annotated[
        str,
        choice("TLS version", {version: version for version in (*OLD_VERSIONS, "1.2", "1.3")}),
        enum_schema([*OLD_VERSIONS, "1.2", "1.3"]),
        Field(description="The version that the endpoint must speak at least; below 1.2 needs `ciphers: legacy`"),
    ] = "1.2"
    ciphers: Annotated[
        str,
        choice("set of ciphers", {name: name for name in ("modern", LEGACY)}),
        enum_schema(["modern", LEGACY]),
        Field(description="legacy takes RSA key exchange, CBC with SHA-1, short keys and old signatures, too"),
    ] = "modern"
    min_days: Annotated[
        int, whole(0, 3650), whole_schema(0, 3650), Field(description="Days that its certificate must be valid for yet")
    ] = 0
    server_name: Annotated[
        str,
        text_like(fields.HOST_PATTERN, "expected the absolute name of a host"),
        pattern_schema(fields.HOST_PATTERN),
        Field(description="SNI, and the name the certificate must have; the host when left out"),
    ] = ""
    client_certificate: Annotated[
        own.CertificateName, Field(description="What to show, by its name in probe.certificates of node files")
    ] = ""
    ca: Annotated[
        own.AuthorityName,
        Field(description="Roots to trust beside the system's, by their name in probe.authorities of node files"),
    ] = ""

    @model_validator(mode="after")
    def _old_versions_with_their_ciphers(self) -> Self:
        if self.min_version in OLD_VERSIONS and self.ciphers != LEGACY:
            raise error(f'min_version "{self.min_version}" needs `ciphers: legacy`: TLS before 1.2 has no others')
        return self


def _each_with_its_keys(schema: JsonDict) -> None:
    """Tells editors which kind has which keys, and which it cannot do without."""
    schema["allOf"] = [
        {
            "if": {"properties": {"type": {"const": kind.value}}, "required": ["type"]},
            "then": {"propertyNames": {"enum": [*keys_of(kind.value)]}, "required": [*_NEEDED.get(kind, ())]},
        }
        for kind in MonitorType
    ]


class MonitorEntry(Entry):
    """How an endpoint is checked."""

    model_config = ConfigDict(json_schema_extra=_each_with_its_keys)

    type: Annotated[
        MonitorType,
        choice("monitor type", {kind.value: kind for kind in MonitorType}),
        enum_schema([kind.value for kind in MonitorType]),
        Field(description="What kind of check; each has keys of its own"),
    ]
    port: Annotated[
        int | None,
        whole(1, 65535),
        whole_schema(1, 65535),
        Field(description="The port; http 80, https, deny and grpc 443, dns 53 when left out; tcp must name one"),
    ] = None
    path: Annotated[
        str,
        text_like(fields.PATH_PATTERN, "expected a path that starts with / and has no spaces"),
        pattern_schema(fields.PATH_PATTERN),
        Field(description="What to ask for"),
    ] = "/"
    host: Annotated[
        str,
        text_like(fields.HOST_PATTERN, "expected the absolute name of a host"),
        pattern_schema(fields.HOST_PATTERN),
        Field(description="Host header, and with TLS the name the certificate must have"),
    ] = ""
    method: Annotated[
        str,
        choice("method", {name: name for name in own.METHODS}),
        enum_schema(own.METHODS),
        Field(description="The HTTP method"),
    ] = "GET"
    headers: Annotated[
        dict[own.HeaderName, own.HeaderText],
        Field(description="Headers to send; a secret as {secret: NAME}, which node files list"),
    ] = {}
    expect: Annotated[ExpectEntry, Field(description="What makes an answer good")] = Field(default_factory=ExpectEntry)
    redirects: Annotated[
        int,
        whole(0, MAX_REDIRECTS),
        whole_schema(0, MAX_REDIRECTS),
        Field(description="How many redirects to follow, on this endpoint alone"),
    ] = 0
    response_time: Annotated[
        fields.Timeout | None, Field(description="A good answer that took longer is a failure: 800ms")
    ] = None
    strict: Annotated[
        bool, Field(description="Whether an answer is bad that RFC 9110 or 9112 forbids, though clients take it")
    ] = False
    tls: Annotated[
        TlsEntry | None,
        BeforeValidator(own.tls_form),
        own.OrSwitch(),
        Field(description="true, false, or what TLS must be like"),
    ] = None
    send: Annotated[str, BeforeValidator(fields.text), Field(description="What to send once connected")] = ""
    receive: Annotated[str, BeforeValidator(fields.text), Field(description="What the endpoint must send")] = ""
    count: Annotated[
        int, whole(1, 10), whole_schema(1, 10), Field(description="Echo requests; one answer is enough")
    ] = 1
    size: Annotated[
        int, whole(0, 1400), whole_schema(0, 1400), Field(description="Octets of data in an echo request")
    ] = 56
    name: Annotated[own.QueryName, Field(description="The name to ask for")] = ""
    rtype: Annotated[own.QueryType, Field(description="The type to ask for")] = "A"
    transport: Annotated[
        str,
        choice("transport", {"udp": "udp", "tcp": "tcp"}),
        enum_schema(["udp", "tcp"]),
        Field(description="udp, then tcp where the answer is cut; or tcp at once"),
    ] = "udp"
    rcode: Annotated[list[own.Rcode], Field(min_length=1, description="The good RCODEs")] = ["NOERROR"]
    answers: Annotated[list[Text], Field(description="Values of which the answer must have one")] = []
    recursion: Annotated[bool, Field(description="Whether to ask for recursion")] = False
    service: Annotated[Text, Field(description="The gRPC service to ask after; the server as a whole when empty")] = ""
    command: Annotated[
        list[Text],
        Field(description="A program that the node file allows, and its arguments; {address} and {port} are filled in"),
    ] = []
    ttl: Annotated[fields.Interval | None, Field(description="Silence for longer than that is death")] = None
    token: Annotated[
        own.SecretEntry | None, Field(description="What a heartbeat carries: {secret: NAME}, which node files list")
    ] = None
    all: Annotated[list[own.PartName], Field(description="Monitors and services that must all be up")] = []
    any: Annotated[list[own.PartName], Field(description="Monitors and services of which one must be up")] = []
    at_least: Annotated[
        int | None, whole(1, 256), whole_schema(1, 256), Field(description="How many of `of` must be up")
    ] = None
    of: Annotated[list[own.PartName], Field(description='Monitors, and services as "service NAME"')] = []
    addresses: Annotated[
        Addresses,
        choice("rule", {rule.value: rule for rule in Addresses}),
        enum_schema([rule.value for rule in Addresses]),
        Field(description="Of a target with several: the next one where one is out of reach, any that is good, or all"),
    ] = Addresses.NEXT
    interval: Annotated[fields.Interval, Field(description="Between two checks: 100ms to 1h")] = 5.0
    timeout: Annotated[
        fields.Timeout | None,
        Field(description="For one check, the connection included; not longer than interval. 2s, or interval if less"),
    ] = None
    fall: Annotated[
        int,
        whole(1, MAX_COUNT),
        whole_schema(1, MAX_COUNT),
        Field(description="Bad readings in a row that take an endpoint down"),
    ] = 3
    rise: Annotated[
        int,
        whole(1, MAX_COUNT),
        whole_schema(1, MAX_COUNT),
        Field(description="Good readings in a row that bring an endpoint back"),
    ] = 5
    window: Annotated[
        hysteresis.Window | None,
        Field(description="So many bad readings of the last ones take an endpoint down too: 6 of 10; or none"),
    ] = None
    recheck: Annotated[
        hysteresis.Recheck | None,
        Field(description="After a bad reading, until the endpoint is well again or down; or none. 1s, or interval"),
    ] = None
    failback_delay: Annotated[
        hysteresis.FailbackDelay, Field(description="An endpoint that went down stays down for so long: 0s to 24h")
    ] = hysteresis.DEFAULT_FAILBACK_DELAY_S
    damping: Annotated[
        bool, Field(description="Whether an endpoint that goes up and down takes longer and longer to come back")
    ] = True

    @field_validator(*_SPECIFIC, mode="before")
    @classmethod
    def _of_its_kind(cls, value: Value, info: ValidationInfo) -> Value:
        kind = info.data.get("type")
        if kind is not None and info.field_name not in KEYS[kind]:
            others = [other.value for other in MonitorType if info.field_name in KEYS[other]]
            raise error(f"{kind.value} monitors have no {info.field_name}; it is for {', '.join(others)}")
        return value

    @field_validator(*OF_PARTS)
    @classmethod
    def _parts_have_theirs(cls, value: Value, info: ValidationInfo) -> Value:
        if info.data.get("type") is MonitorType.CALCULATED:
            raise error(f"calculated monitors have no {info.field_name}: their parts have it")
        return value

    @field_validator("timeout")
    @classmethod
    def _within_interval(cls, timeout_s: float | None, info: ValidationInfo) -> float | None:
        interval_s = info.data.get("interval")
        if timeout_s is not None and interval_s is not None and timeout_s > interval_s:
            raise error(f"the timeout ({timeout_s:g} s) is longer than the interval ({interval_s:g} s)")
        return timeout_s

    @field_validator("recheck")
    @classmethod
    def _no_later_than_the_round(cls, recheck_s: float | str | None, info: ValidationInfo) -> float | str | None:
        interval_s = info.data.get("interval")
        if isinstance(recheck_s, float) and interval_s is not None and recheck_s > interval_s:
            raise error(f"the recheck ({recheck_s:g} s) is longer than the interval ({interval_s:g} s)")
        return recheck_s

    @model_validator(mode="after")
    def _has_what_its_kind_needs(self) -> Self:
        for key, why in _NEEDED.get(self.type, {}).items():
            if not getattr(self, key):
                raise error(f'missing key "{key}": {why}')
        self._asks_for_what_can_be()
        check_sizes(sent=self._sent(), expected=self._expected())
        check_answers(self.rtype, self.answers)
        if self.type is MonitorType.EXEC:
            check_command(self.command)
        if self.type is MonitorType.CALCULATED:
            self._combines_in_one_way()
            check_parts(self.parts)
        return self

    def _asks_for_what_can_be(self) -> None:
        if self.type is MonitorType.HTTPS and self.refuses_tls:
            raise error("an https monitor has TLS; one without it is of type http")
        if self.method == "HEAD" and (self.expect.body or self.expect.body_regex or self.expect.body_json):
            raise error("expect asks for a body, and the answer to HEAD has none")
        if self.type is MonitorType.DENY and any(
            not 400 <= end <= 499 for ends in self.expect.status or () for end in ends
        ):
            raise error("a deny monitor expects a refusal: statuses of 400 to 499")
        timeout_s = min(DEFAULT_TIMEOUT_S, self.interval) if self.timeout is None else self.timeout
        if self.response_time is not None and self.response_time >= timeout_s:
            raise error(
                f"the response_time ({self.response_time:g} s) is not shorter than the timeout ({timeout_s:g} s)"
            )

    def _sent(self) -> Iterable[str]:
        """Yields what the endpoint is to hear."""
        headers = (
            text for name, value in self.headers.items() for text in (name, value if isinstance(value, str) else "")
        )
        return (self.path, self.send, self.service, *headers, *self.command)

    def _expected(self) -> Iterable[str]:
        """Yields what is looked for in its answer."""
        values = (str(value) for value in self.expect.body_json.values())
        return (self.expect.body, self.receive, *self.expect.body_json, *values, *chain(*self.expect.headers.items()))

    def _combines_in_one_way(self) -> None:
        ways = [bool(self.all), bool(self.any), self.at_least is not None or bool(self.of)]
        if sum(ways) != 1:
            raise error("a calculated monitor has one of: all; any; at_least with of")
        if ways[2] and (self.at_least is None or not self.of):
            raise error("at_least and of go together")
        if self.at_least is not None and self.at_least > len(self.of):
            raise error(f"at_least asks for {self.at_least} of {len(self.of)}")

    @property
    def parts(self) -> tuple[str, ...]:
        """Returns the parts of a calculated monitor, as it names them."""
        return tuple(self.all or self.any or self.of)

    def port_of_kind(self) -> int:
        """Returns the port, or that of the kind; 80 for a deny without TLS."""
        if self.port is not None:
            return self.port
        return 80 if self.type is MonitorType.DENY and self.refuses_tls else DEFAULT_PORTS.get(self.type, 0)

    @property
    def refuses_tls(self) -> bool:
        """Returns whether the file says `tls: false`."""
        return self.tls is None and "tls" in self.model_fields_set


def keys_of(kind: str) -> tuple[str, ...]:
    """Returns the keys that monitors of a kind have, in the order of the schema; none when there is no such kind."""
    for each in MonitorType:
        if each.value == kind:
            strange = (set(_SPECIFIC) - set(KEYS[each])) | (set(OF_PARTS) if each is MonitorType.CALCULATED else set())
            return tuple(key for key in MonitorEntry.model_fields if key not in strange)
    return ()


_NEEDED: Mapping[MonitorType, Mapping[str, str]] = {
    MonitorType.TCP: {"port": "a tcp monitor has no default one"},
    MonitorType.DNS: {"name": "a dns monitor asks for one"},
    MonitorType.EXEC: {"command": "an exec monitor runs one"},
    MonitorType.PUSH: {"ttl": "a push monitor waits so long", "token": "a heartbeat carries it"},
}
