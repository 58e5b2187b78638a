"""The HTTP session to a collector: it reads no more of an answer than a valid answer can have.

The library requests reads every body completely, also of redirects, and decompresses it: a wrong or hostile server
could fill the memory of the node.
"""

import os
import ssl
from typing import Any

import requests
from requests.adapters import HTTPAdapter

from gtm.http_failure import described
from gtm.metrics.otlp_replies import Replies
from gtm.tls.contexts import client_context

MAX_ANSWER_BYTES = 64 * 1024
"""Most bytes of an answer: ExportMetricsServiceResponse has a count and a line of text (opentelemetry-proto)."""

_PROVIDERS = (
    "OTEL_PYTHON_EXPORTER_OTLP_HTTP_CREDENTIAL_PROVIDER",
    "OTEL_PYTHON_EXPORTER_OTLP_HTTP_METRICS_CREDENTIAL_PROVIDER",
)
"""Environment variables that name a provider of the session instead."""


def bounded_session(replies: Replies | None = None) -> requests.Session | None:
    """Returns a session for the SDK's exporter that limits answers and passes them to `replies`.

    Returns None where the environment names a provider of the session.
    """
    if any(os.environ.get(name) for name in _PROVIDERS):
        return None
    replies = replies or Replies()
    session = requests.Session()
    session.headers["Accept-Encoding"] = "identity"  # nothing is decompressed here
    session.hooks["response"].append(replies.hear)
    for scheme in ("http://", "https://"):
        session.mount(scheme, _Bounded(replies))
    return session


class _Bounded(HTTPAdapter):
    def __init__(self, replies: Replies) -> None:
        self._replies = replies
        super().__init__()

    def init_poolmanager(
        self,
        connections: int,
        maxsize: int,
        block: bool = False,  # noqa: FBT001, FBT002  # the signature is that of requests
        **more: Any,
    ) -> None:
        super().init_poolmanager(connections, maxsize, block, ssl_context=_context(), **more)

    def proxy_manager_for(self, proxy: str, **more: Any) -> Any:
        return super().proxy_manager_for(proxy, ssl_context=_context(), **more)

    def send(  # noqa: PLR0917
        self,
        request: requests.PreparedRequest,
        stream: bool = False,  # noqa: ARG002, FBT001, FBT002  # the signature is that of requests
        timeout: float | tuple[float | None, float | None] | None = None,
        verify: bool | str = True,  # noqa: FBT001, FBT002
        cert: str | tuple[str, str] | None = None,
        proxies: dict[str, str] | None = None,
    ) -> requests.Response:
        try:
            response = super().send(request, stream=True, timeout=timeout, verify=verify, cert=cert, proxies=proxies)
        except requests.RequestException as error:
            self._replies.miss(_reason(error))
            raise
        # what `content` returns from now on
        response._content = response.raw.read(MAX_ANSWER_BYTES, decode_content=False)  # noqa: SLF001
        response._content_consumed = True  # noqa: SLF001
        response.close()
        return response


def _reason(error: requests.RequestException) -> str:
    """Returns the cause of an error of requests, without its long text and object addresses."""
    if isinstance(error, requests.Timeout):
        return "timeout"
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, OSError) and cause.errno is not None:
            return described(cause)
        cause = cause.__cause__ or cause.__context__
    return ""


def _context() -> ssl.SSLContext:
    # requests decides which roots are trusted, by REQUESTS_CA_BUNDLE and the SDK's own variables
    return client_context(system_roots=False)
