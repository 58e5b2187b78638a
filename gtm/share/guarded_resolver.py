"""The guarded resolver: for connections to hosts that others name, without the addresses that are refused.

What comes in: another resolver, and a function that refuses an address and a port with a reason. What goes out: the
addresses that are not refused; Unreachable with the reason if there are none. It runs when a connection is made,
because a name may then have another address than when it was first looked up.
"""

import socket
from collections.abc import Callable
from ipaddress import ip_address

from aiohttp.abc import AbstractResolver, ResolveResult
from yarl import URL

from gtm.errors import Unreachable
from gtm.ids import Address

Refusal = Callable[[Address, int], str]
"""Returns the reason why an address and port must not be connected to; empty if they may be."""


class GuardedResolver(AbstractResolver):
    """Resolves host names with another resolver, without the addresses that are refused."""

    def __init__(self, inner: AbstractResolver, refusal: Refusal) -> None:
        self._inner = inner
        self._refusal = refusal

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        """Returns the addresses of a host that may be connected to.

        Raises OSError if the name has no address, and Unreachable if all its addresses are refused.
        """
        results = await self._inner.resolve(host, port, family)
        against = [self._refusal(ip_address(each["host"]), port) for each in results]
        left = [each for each, objection in zip(results, against, strict=True) if not objection]
        if results and not left:
            raise Unreachable(against[0])
        return left

    async def judge(self, url: str) -> str:
        """Returns the reason why the host of a URL must not be connected to.

        It is empty if it may be, or if its name does not resolve now.
        """
        target = URL(url)
        try:
            await self.resolve(target.host or "", target.port or 0)
        except Unreachable as refused:
            return str(refused)
        except OSError:
            return ""  # the connection itself will fail, and report it
        return ""

    async def close(self) -> None:
        """Closes the other resolver."""
        await self._inner.close()
