"""A resolver that knows what the test tells it, and asks nobody."""

import asyncio
import socket
from collections.abc import Mapping
from ipaddress import ip_address

from gtm.ids import Address


class FakeResolver:
    """Knows these names, each with one address or several; every other one does not exist.

    A name with the address `""` never answers.
    """

    def __init__(self, names: Mapping[str, str] | None = None) -> None:
        self._names = names or {}

    async def resolve(self, host: str, *, within_s: float = 1.0) -> tuple[Address, ...]:
        known = self._names.get(host)
        if known is None:
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        if not known:
            await asyncio.Event().wait()
        return tuple(ip_address(address) for address in known.split())
