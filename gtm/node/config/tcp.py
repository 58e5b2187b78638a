"""The part `listen.tcp` of a node file: limits for the TCP connections of one DNS address."""

from typing import Annotated, Self

from pydantic import PlainValidator, model_validator

from gtm.config.entry import Entry
from gtm.config.fields import between, error, whole
from gtm.engine.protocol import TcpLimits
from gtm.node.config.values import Something
from gtm.serve.crowd import DEFAULT_CONNECTIONS, DEFAULT_IDLE_S, NETWORK_SHARE

MOST_CONNECTIONS = 100_000
"""The most connections that are accepted: a larger number must be a mistake."""


class TcpEntry(Entry):
    """The limits of DNS over TCP for one DNS address."""

    connections: Annotated[int, whole(1, MOST_CONNECTIONS)] = DEFAULT_CONNECTIONS
    """Connections for each address. One more, and the one that was idle for longest is closed. Less where the limit
    of open files requires it; the log says so.
    """
    per_network: Annotated[int | None, Something, whole(1, MOST_CONNECTIONS)] = None
    """Connections of the clients of one network (a /24, or a /56 of IPv6). Where one proxy stands before the node,
    set it to `connections`. Default: a quarter of `connections`.
    """
    idle: Annotated[float, PlainValidator(between(1.0, 300.0, "1s to 5m"))] = DEFAULT_IDLE_S
    """Time without a whole query, or with answers that are not read, after which a connection is closed."""

    @model_validator(mode="after")
    def _part_of_all(self) -> Self:
        """Raises an error when `per_network` is more than `connections`."""
        if self.per_network is not None and self.per_network > self.connections:
            raise error(f"per_network is at most connections, {self.connections}, not {self.per_network}")
        return self

    @property
    def limits(self) -> TcpLimits:
        """Returns the limits as a value, with the default for one network filled in."""
        of_network = self.per_network or max(1, self.connections // NETWORK_SHARE)
        return TcpLimits(self.connections, of_network, self.idle)
