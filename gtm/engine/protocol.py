"""What an engine is: the same plan, query, client and coin give the same bytes in each of them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, NamedTuple, Protocol, runtime_checkable

from gtm.ids import Address

if TYPE_CHECKING:
    from gtm.plan.model import Plan


class Transport(Enum):
    """How a query came; it decides the limits of the answer."""

    UDP = "udp"
    TCP = "tcp"


class Answered(NamedTuple):
    """The answer to one message, and what it was, for counters."""

    wire: bytes
    rcode: int
    """The whole of it, with the upper bits that OPT has (RFC 6891 6.1.3)."""


@dataclass(frozen=True, slots=True)
class TcpLimits:
    """What the clients of one address may take of TCP; each number is 1 at least."""

    connections: int
    """Of all together; over that, the one that was idle for longest makes room (RFC 7766 6.2.3, RFC 9210 4.2)."""
    of_network: int
    """Of one client's network (gtm/serve/crowd.py), likewise."""
    idle_s: float
    """For a connection without a whole query, or one that does not read its answers."""


@runtime_checkable
class Serving(Protocol):
    """An engine that answers on sockets of its own, without Python for a query."""

    def listen(self, addresses: Sequence[str], *, threads: int, tcp: TcpLimits) -> tuple[str, ...]:
        """Binds UDP and TCP on each ADDRESS:PORT; what arrives waits. Returns them with their real ports.

        Raises OSError whose file name is `UDP 127.0.0.1:53` when one cannot be bound; then none is.
        """

    def start(self) -> None:
        """Answers from now on."""

    def stop(self) -> None:
        """Ends all threads and closes all sockets."""

    def counters(self) -> Mapping[str, int]:
        """Returns the counters, by series name."""


@runtime_checkable
class Preparing(Protocol):
    """An engine that makes things ready for a plan, while it serves the one before."""

    def prepare(self, plan: "Plan") -> None:
        """Makes the swap to a plan fast; from another thread than that of the swaps, and before the one to it."""


@runtime_checkable
class Restorable(Protocol):
    """An engine that can serve blobs of an earlier run (gtm/plan/blob.py), before there is a plan."""

    def restore(self, names: bytes, decisions: bytes) -> None:
        """Serves what these say until the next swap; raises ValueError when it makes nothing of them."""


@runtime_checkable
class Doubting(Protocol):
    """An engine that does not take every plan."""

    def check(self, plan: "Plan") -> None:
        """Raises what `swap` would raise, and changes nothing."""


class Engine(Protocol):
    """Answers queries from a plan, and knows nothing of policy, health or distance."""

    name: str
    """`reference` or `rust`."""

    def swap(self, plan: "Plan") -> None:
        """Serves from this plan from the next query on."""

    def respond(self, wire: bytes, client: Address, transport: Transport, coin: int) -> Answered | None:
        """Returns the answer to a message, or None where silence is right. It never raises.

        `client` is the address the message came from; `coin` is a uniform random number of 64 bits, and all the chance
        there is.
        """
