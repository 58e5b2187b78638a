"""Guarded names: a resolver for sessions to hosts that others name, which gives no address that may not be asked.

What comes in: a resolver, and what is to be said against an address and a port. What goes out: the other addresses;
Unreachable with those words where there are none. It looks at the moment of connecting: a name may mean another
address by then than when it was heard of.
"""

import socket
from collections.abc import Callable
from ipaddress import ip_address

from aiohttp.abc import AbstractResolver, ResolveResult
from yarl import URL

from gtm.errors import Unreachable
from gtm.ids import Address

Refusal = Callable[[Address, int], str]
"""Returns the reason why an address may not be asked at a port; nothing where it may."""


class GuardedResolver(AbstractResolver):
    """Finds hosts as another resolver does, but for what is refused."""

    def __init__(self, inner: AbstractResolver, refusal: Refusal) -> None:
        self._inner = inner
        self._refusal = refusal

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        """Returns the addresses to connect to.

        Raises OSError where there is nothing, Unreachable where nothing is left.
        """
        results = await self._inner.resolve(host, port, family)
        against = [self._refusal(ip_address(each["host"]), port) for each in results]
        left = [each for each, objection in zip(results, against, strict=True) if not objection]
        if results and not left:
            raise Unreachable(against[0])
        return left

    async def judge(self, url: str) -> str:
        """Returns the reason why the host of a URL may not be asked.

        Nothing where it may, or cannot be found for now.
        """
        target = URL(url)
        try:
            await self.resolve(target.host or "", target.port or 0)
        except Unreachable as refused:
            return str(refused)
        except OSError:
            return ""  # whoever asks it says so
        return ""

    async def close(self) -> None:
        """Closes the other resolver."""
        await self._inner.close()
