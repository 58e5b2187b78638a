"""Whether a request comes from a page of another web site that a person in this network has open in a browser.

    Host               an address, localhost, or a name of this machine: else 421 (RFC 9110 15.5.20). A page can make
                       its own name mean this machine (DNS rebinding), but has no address for a name
    Origin             that of the Host (RFC 6454 7): else 403. Browsers send it with every POST
    Sec-Fetch-Site     this site's own, or nobody's: else 403; but for a link that a person follows

Which of these rules a path has is in the table of routes (access.py). What comes in: a request, and the names of this
machine. What goes out: nothing, or the refusal.
"""

import re
from collections.abc import Callable
from ipaddress import ip_address
from urllib.parse import urlsplit

from aiohttp import web
from aiohttp.http import HttpVersion11

from gtm.admin.host_names import is_among

Names = Callable[[], frozenset[str]]
"""Returns the host names of this machine: small letters, no dot at the end, `*.` for any one label."""

OWN_SITES = frozenset({"same-origin", "none"})
"""Fetch Metadata 2.3: `none` is what a person typed."""

MAX_SHOWN = 80
# with the zone of an address, which is to be left out (RFC 6874 4) and is sent by some clients all the same: `gtm` too
_AUTHORITY = re.compile(r"(?:\[([0-9A-Fa-f:.]+(?:%[A-Za-z0-9_.~-]+)?)\]|([^\s:@/?#\[\]\\]+))(?::([0-9]{0,5}))?")
_DEFAULT_PORTS = {"http": "80", "https": "443"}


def require_own_host(request: web.Request, names: frozenset[str]) -> None:
    """Raises an HTTP error (400 or 421) for a request whose Host field is no address or name of this machine."""
    hosts = request.headers.getall("Host", [])
    if len(hosts) > 1 or (not hosts and request.version >= HttpVersion11):  # RFC 9112 3.2
        raise web.HTTPBadRequest(text="a request has exactly one Host field")
    target = request.raw_path
    if not target.startswith("/"):  # RFC 9112 3.2.2: in absolute form it counts instead of Host; both must do
        hosts.append(urlsplit(target).netloc)
    for host in hosts:
        name = host_of(host)
        if name is None:
            message = (
                f'"{_short(host)}", in the Host field or the request target, is no HOST or HOST:PORT, such as '
                "192.0.2.7:8053 or [2001:db8::7]:8053"
            )
            raise web.HTTPBadRequest(text=message)
        if not is_own(name, names):
            message = (
                f'this node does not know the name "{_short(name)}" as its own: ask it by its address, or list the '
                "name in the node file, listen.hosts"
            )
            raise web.HTTPMisdirectedRequest(text=message)


def require_own_page(request: web.Request) -> None:
    """Raises HTTPForbidden for a request that a page of another web site sent."""
    host = request.headers.get("Host", "")
    foreign = [origin for origin in request.headers.getall("Origin", []) if not _is_of(origin, host)]
    sites = set(request.headers.getall("Sec-Fetch-Site", []))
    if foreign or (not sites <= OWN_SITES and not _is_followed_link(request)):
        sent = f'Origin "{_short(foreign[0])}", Host "{_short(host)}"' if foreign else "Sec-Fetch-Site"
        message = (
            f"a page of another site sent this ({sent}): a program leaves Origin and Sec-Fetch-Site out, and a proxy "
            "before this node passes Host on as it came"
        )
        raise web.HTTPForbidden(text=message)


def _is_followed_link(request: web.Request) -> bool:
    """Returns whether the request is a link that a person followed: the page with the link cannot read the answer."""
    fetch = request.headers
    is_document = (fetch.get("Sec-Fetch-Mode"), fetch.get("Sec-Fetch-Dest")) == ("navigate", "document")
    return is_document and request.method in {"GET", "HEAD"}


def _short(text: str) -> str:
    return ascii(text)[1:-1][:MAX_SHOWN]


def host_of(authority: str) -> str | None:
    """Returns the host of `HOST` or `HOST:PORT`, in lower case without a final dot; None for any other text."""
    parts = _AUTHORITY.fullmatch(authority)
    if parts is None:
        return None
    return (parts[1] or parts[2]).lower().removesuffix(".") or None


def is_own(name: str, names: frozenset[str]) -> bool:
    """Returns whether a host is an IP address, localhost, or one of these names of this machine."""
    if name == "localhost" or name.endswith(".localhost"):  # RFC 6761 6.3
        return True
    try:
        ip_address(name)
    except ValueError:
        return is_among(name, names)
    return True


def _is_of(origin: str, host: str) -> bool:
    """Returns whether an Origin field has the host and port of a Host field; a proxy may have changed the scheme."""
    scheme, separator, authority = origin.partition("://")
    ours, theirs = _AUTHORITY.fullmatch(host), _AUTHORITY.fullmatch(authority)
    if not separator or ours is None or theirs is None:
        return False
    default = _DEFAULT_PORTS.get(scheme.lower(), "")
    return host_of(host) == host_of(authority) and (ours[3] or default) == (theirs[3] or default)
