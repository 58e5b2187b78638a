"""What an engine is: the same plan, query, client and coin give the same bytes in each of them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, NamedTuple, Protocol, runtime_checkable

from gtm.ids import Address

if TYPE_CHECKING:
    from gtm.plan.model import Plan


class Transport(Enum):
    """The transport of a query; it decides the size limit of the answer."""

    UDP = "udp"
    TCP = "tcp"


class Answered(NamedTuple):
    """The answer to one message, and its RCODE for counters."""

    wire: bytes
    rcode: int
    """The whole RCODE, with the upper bits that are in the OPT record (RFC 6891 6.1.3)."""


@dataclass(frozen=True, slots=True)
class TcpLimits:
    """The limits of TCP on one listening address; each number is at least 1."""

    connections: int
    """The most connections together; beyond it, the longest idle one is closed (RFC 7766 6.2.3, RFC 9210 4.2)."""
    of_network: int
    """The most connections of one client network (gtm/serve/crowd.py), likewise."""
    idle_s: float
    """Seconds after which a connection is closed that sends no whole query, or does not read its answers."""


@runtime_checkable
class Serving(Protocol):
    """An engine that answers on sockets of its own, without Python for a query."""

    def listen(self, addresses: Sequence[str], *, threads: int, tcp: TcpLimits) -> tuple[str, ...]:
        """Binds UDP and TCP sockets on each ADDRESS:PORT; queries wait until `start`.

        Returns the addresses with their real ports. When one cannot be bound, none is, and it raises OSError with a
        file name such as `UDP 127.0.0.1:53`.
        """

    def start(self) -> None:
        """Starts to answer the queries that arrive."""

    def stop(self) -> None:
        """Ends all threads and closes all sockets."""

    def counters(self) -> Mapping[str, int]:
        """Returns the counters, by the name of their metric series."""


@runtime_checkable
class Preparing(Protocol):
    """An engine that can prepare for a plan, while it answers from the plan before."""

    def prepare(self, plan: "Plan") -> None:
        """Does the slow work of the swap to a plan ahead. Call it before that swap, in a thread of its own."""


@runtime_checkable
class Restorable(Protocol):
    """An engine that can serve blobs of an earlier run (gtm/plan/blob.py), before there is a plan."""

    def restore(self, names: bytes, decisions: bytes) -> None:
        """Answers from these blobs until the next swap; raises ValueError for blobs that it cannot read."""


@runtime_checkable
class Doubting(Protocol):
    """An engine that may refuse a plan."""

    def check(self, plan: "Plan") -> None:
        """Raises the exception that `swap` would raise for this plan, if any, and changes nothing."""


class Engine(Protocol):
    """Answers queries from a plan, and knows nothing of policy, health or distance."""

    name: str
    """`reference` or `rust`."""

    def swap(self, plan: "Plan") -> None:
        """Answers all queries from this plan, from the next query on."""

    def respond(self, wire: bytes, client: Address, transport: Transport, coin: int) -> Answered | None:
        """Returns the answer to a message; None for a message that must get no answer. It never raises.

        `client` is the source address of the message. `coin` is a uniform random number of 64 bits; all random choices
        use it.
        """
