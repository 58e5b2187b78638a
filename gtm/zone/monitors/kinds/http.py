"""Kinds `http` and `https`: a request that is answered as expected."""

from dataclasses import dataclass, replace
from itertools import chain
from typing import Annotated

from pydantic import BeforeValidator, ConfigDict, Field

from gtm.config.entry import Entry
from gtm.config.fields import Text, choice, enum_schema, error, pattern_schema, text, text_like, whole, whole_schema
from gtm.zone import fields
from gtm.zone.monitors import values as own
from gtm.zone.monitors.common import CommonKeys
from gtm.zone.monitors.keys import HostKey, PortKey, check_sizes
from gtm.zone.monitors.kind import MonitorKind
from gtm.zone.monitors.settings import DEFAULT_TLS, HeaderValue, JsonPath, Secret, Settings, TlsSettings
from gtm.zone.monitors.tls import TlsKey, refuses_tls, tls_settings

MAX_REDIRECTS = 10


@dataclass(frozen=True, slots=True)
class JsonExpectation:
    """A value that the JSON of a body must have at a path."""

    path: JsonPath
    equals: str | int | float | bool | None


@dataclass(frozen=True, slots=True)
class HttpSettings(Settings):
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
    tls: TlsSettings = DEFAULT_TLS

    @property
    def used_secrets(self) -> tuple[Secret, ...]:
        """Returns the secrets in the headers that a check sends."""
        return tuple(value for _, value in self.headers if isinstance(value, Secret))

    @property
    def used_tls(self) -> TlsSettings | None:
        """Returns the TLS that an https monitor must get."""
        return self.tls if self.secure else None

    @property
    def requests_per_check(self) -> int:
        """Returns the first request and those that redirects lead to."""
        return 1 + self.max_redirects


class ExpectEntry(Entry):
    """What makes an HTTP answer good."""

    status: Annotated[
        list[fields.Statuses] | None,
        Field(min_length=1, description='The good statuses: [200, 204, "300-399"]; 200-299, for deny 401 and 403'),
    ] = None
    body: Annotated[str, BeforeValidator(text), Field(description="Text that the body must have")] = ""
    body_regex: Annotated[own.Regex, Field(description="A regular expression (RE2) that must match in the body")] = ""
    body_json: Annotated[
        dict[own.JsonPath, own.JsonScalar],
        Field(description="Values that the body's JSON must have: {status: ok, checks[0].ok: true, /a.b/0: 1}"),
    ] = {}
    headers: Annotated[
        dict[own.HeaderName, Text],
        Field(description='Headers that the answer must have, with part of their value, or "" for any'),
    ] = {}


class RequestKeys(Entry):
    """What says which request is sent, and which answer is good."""

    model_config = ConfigDict(defer_build=True)

    port: PortKey = None
    path: Annotated[
        str,
        text_like(fields.PATH_PATTERN, "expected a path that starts with / and has no spaces"),
        pattern_schema(fields.PATH_PATTERN),
        Field(description="What to ask for"),
    ] = "/"
    host: HostKey = ""
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


class TlsRequestKeys(RequestKeys):
    """The same with TLS."""

    tls: TlsKey = None


def request_settings(keys: RequestKeys, *, statuses: tuple[tuple[int, int], ...] = ((200, 299),)) -> HttpSettings:
    """Returns the settings of a request without TLS; `statuses` are good where the file names none."""
    expect = keys.expect
    return HttpSettings(
        secure=False,
        method=keys.method,
        path=keys.path,
        host=keys.host.removesuffix("."),
        headers=tuple(keys.headers.items()),
        statuses=statuses if expect.status is None else tuple(expect.status),
        body=expect.body,
        body_regex=expect.body_regex,
        body_json=tuple(JsonExpectation(own.json_path(path), value) for path, value in expect.body_json.items()),
        expected_headers=tuple(expect.headers.items()),
        max_redirects=keys.redirects,
        response_time_s=keys.response_time,
        strict=keys.strict,
    )


def with_tls(settings: HttpSettings, keys: TlsRequestKeys) -> HttpSettings:
    """Returns the settings of the same request with TLS."""
    return replace(settings, secure=True, tls=tls_settings(keys.tls) or DEFAULT_TLS)


def check_request(keys: RequestKeys, common: CommonKeys) -> None:
    """Raises an error for a request that cannot be answered as expected, or is too large."""
    expect = keys.expect
    if keys.method == "HEAD" and (expect.body or expect.body_regex or expect.body_json):
        raise error("expect asks for a body, and the answer to HEAD has none")
    if keys.response_time is not None and keys.response_time >= common.timeout_s:
        raise error(
            f"the response_time ({keys.response_time:g} s) is not shorter than the timeout ({common.timeout_s:g} s)"
        )
    headers = (text for name, value in keys.headers.items() for text in (name, value if isinstance(value, str) else ""))
    values = (str(value) for value in expect.body_json.values())
    expected = (expect.body, *expect.body_json, *values, *chain(*expect.headers.items()))
    check_sizes(sent=(keys.path, *headers), expected=expected)


def _check_https(keys: TlsRequestKeys, common: CommonKeys) -> None:
    if refuses_tls(keys, keys.tls):
        raise error("an https monitor has TLS; one without it is of type http")
    check_request(keys, common)


HTTP = MonitorKind(RequestKeys, request_settings, port=lambda keys: keys.port or 80, rule=check_request)

HTTPS = MonitorKind(
    TlsRequestKeys,
    lambda keys: with_tls(request_settings(keys), keys),
    port=lambda keys: keys.port or 443,
    rule=_check_https,
)
