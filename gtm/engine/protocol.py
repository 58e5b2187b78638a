"""What an engine is: the same plan, query, client and coin give the same bytes in each of them."""

from enum import Enum
from typing import Protocol

from gtm.ids import Address
from gtm.plan.model import Plan


class Transport(Enum):
    """How a query came; it decides the limits of the answer."""

    UDP = "udp"
    TCP = "tcp"


class Engine(Protocol):
    """Answers queries from a plan, and knows nothing of policy, health or distance."""

    name: str
    """`reference` or `rust`."""

    def swap(self, plan: Plan) -> None:
        """Serves from this plan from the next query on."""

    def respond(self, wire: bytes, client: Address, transport: Transport, now: float, coin: int) -> bytes | None:
        """Returns the answer to a message, or None where silence is right. It never raises.

        `client` is the address the message came from; `now` is monotonic seconds; `coin` is a uniform random number
        of 64 bits, and all the chance there is.
        """
