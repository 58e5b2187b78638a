"""The check of monitors `http` and `https`: one GET, judged by its status and by what its body holds.

What comes in: a check. What goes out: an outcome; failures of the network are raised and mapped in failures.py. It
connects to the endpoint itself, whatever the monitor's host resolves to; it follows no redirect, because a redirect
is an answer of this endpoint; it verifies the certificate against the monitor's host, as clients will.
"""

import aiohttp
from yarl import URL

from gtm.health.reading import Reason
from gtm.ids import Address
from gtm.probe.failures import PASSED, Outcome
from gtm.probe.instruments import Instruments, target_address
from gtm.zone.model import Check, Monitor, MonitorType

MAX_BODY_BYTES = 64 * 1024
"""How much of a body is searched: a health page is small, and a probe must not download an error page of any size."""

USER_AGENT = "gtm-probe"

DEFAULT_PORTS = {MonitorType.HTTP: 80, MonitorType.HTTPS: 443}


async def check_http(check: Check, instruments: Instruments) -> Outcome:
    """Returns how the endpoint answered."""
    address = await target_address(check.target, instruments.resolver)
    monitor = check.monitor
    secure = monitor.type is MonitorType.HTTPS
    async with instruments.session.get(
        _url(monitor, address),
        headers={"Host": _host(check), "User-Agent": USER_AGENT, "Accept": "*/*", "Accept-Encoding": "identity"},
        allow_redirects=False,
        ssl=instruments.tls if secure else True,
        server_hostname=(monitor.host or check.target) if secure else None,
    ) as response:
        try:
            return await _judged(response, monitor)
        finally:
            response.close()  # not released: the rest of the body is not worth reading


async def _judged(response: aiohttp.ClientResponse, monitor: Monitor) -> Outcome:
    if not any(first <= response.status <= last for first, last in monitor.statuses):
        return Outcome(Reason.STATUS, f"HTTP {response.status}")
    if monitor.body and not await _holds(response.content, monitor.body.encode()):
        return Outcome(Reason.BODY, f"HTTP {response.status} without the expected text in the body")
    return PASSED


async def _holds(content: aiohttp.StreamReader, wanted: bytes) -> bool:
    """Returns whether the first MAX_BODY_BYTES hold the text; it stops reading as soon as they do."""
    body = bytearray()
    while len(body) < MAX_BODY_BYTES:
        part = await content.read(MAX_BODY_BYTES - len(body))
        if not part:
            return False
        searched_to = max(0, len(body) - len(wanted) + 1)
        body += part
        if body.find(wanted, searched_to) >= 0:
            return True
    return False


def _url(monitor: Monitor, address: Address) -> URL:
    authority = f"[{address}]" if address.version == 6 else str(address)
    return URL(f"{monitor.type.value}://{authority}:{monitor.port}{monitor.path}", encoded=True)


def _host(check: Check) -> str:
    """Returns the Host header: the monitor's as it stands, or the target with a port that is not the default."""
    monitor = check.monitor
    if monitor.host:
        return monitor.host
    target = f"[{check.target}]" if ":" in check.target else check.target
    # RFC 9110 7.2: the port may be left out when it is the scheme's default.
    return target if monitor.port == DEFAULT_PORTS.get(monitor.type) else f"{target}:{monitor.port}"
