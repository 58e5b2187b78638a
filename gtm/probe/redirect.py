"""A redirect of an HTTP check: where it leads, and with which method and headers it is followed.

What comes in: the status and the headers of an answer, and the page and method that were asked for. What goes out: the
page, method and headers of the next request; or None for no redirect, or one to another endpoint or no URL. No I/O.

    301, 302   GET in place of POST, as curl and browsers ask; else the method that was (RFC 9110 15.4.2, 15.4.3)
    303        HEAD in place of HEAD, else GET (15.4.4)
    307, 308   the method that was (15.4.8, 15.4.9)
"""

import re
from collections.abc import Iterable
from ipaddress import IPv6Address
from urllib.parse import quote

from multidict import CIMultiDictProxy
from yarl import URL

from gtm.zone.monitors.settings import HeaderValue

MAX_LOCATION_BYTES = 8 * 1024
"""Most bytes of an encoded location: servers accept no longer request lines. The library yarl caches URLs, and
needs 8 ms for the worst."""

_AS_IT_IS = bytes(octet for octet in range(0x80) if octet != 0x20)
_POST_BECOMES_GET = frozenset({301, 302})
_SEE_OTHER = 303
_REDIRECTS = _POST_BECOMES_GET | {_SEE_OTHER, 307, 308}
_OF_ONE_HOST = frozenset({"authorization", "cookie", "host", "proxy-authorization"})  # RFC 9110 15.4
_HOST = re.compile(r"(?=.{1,254}\Z)[A-Za-z0-9_-]{1,63}(\.[A-Za-z0-9_-]{1,63})*\.?")  # RFC 1035 2.3.4


def onward(status: int, headers: CIMultiDictProxy[str], *, page: URL, port: int) -> URL | None:
    """Returns the URL of a redirect that stays at this endpoint.

    Returns None for an answer that is no redirect, or that leads to another scheme or port, or to no valid URL.
    """
    if status not in _REDIRECTS:
        return None
    location = _encoded(headers.get("Location", ""))
    if not re.fullmatch(r"[\x21-\x7e]+", location) or len(location) > MAX_LOCATION_BYTES:  # RFC 3986 2: ASCII
        return None
    try:
        target = page.join(URL(location, encoded=True))
        is_here = target.scheme == page.scheme and target.port in {page.port, port} and _is_host(target.raw_host or "")
    except ValueError:
        return None  # no URL at all
    return target if is_here else None  # another port may be another endpoint's


def method_after(status: int, method: str) -> str:
    """Returns the method of the request that follows a redirect with this status."""
    if method == "HEAD":
        return method
    return "GET" if status == _SEE_OTHER or (status in _POST_BECOMES_GET and method == "POST") else method


def is_same_host(page: URL, other: URL) -> bool:
    """Returns whether two URLs have the same host."""
    return _bare(page.raw_host) == _bare(other.raw_host)


def _bare(host: str | None) -> str:
    return (host or "").lower().rstrip(".")


def for_another_host(headers: Iterable[tuple[str, HeaderValue]]) -> list[tuple[str, str]]:
    """Returns the headers of a monitor that may be sent to another host than its own, as in curl: no credentials.

    A host that a redirect names may belong to somebody else behind the same proxy or CDN address.
    """
    return [(name, text) for name, text in headers if isinstance(text, str) and name.lower() not in _OF_ONE_HOST]


def _encoded(location: str) -> str:
    """Returns a location with spaces and non-ASCII characters encoded, as curl, Go and browsers do."""
    if len(location) > MAX_LOCATION_BYTES:
        return ""
    return quote(location.encode("utf-8", "surrogateescape"), safe=_AS_IT_IS)


def _is_host(host: str) -> bool:
    """Returns whether a certificate could have this host name. Raises ValueError if it is malformed."""
    if ":" in host:
        return IPv6Address(host).scope_id is None
    return _HOST.fullmatch(host) is not None
