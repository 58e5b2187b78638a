"""No engine: that of a node without the role dns, which answers no queries and keeps no plan for them."""

from gtm.engine.protocol import Answered, Transport
from gtm.ids import Address
from gtm.plan.model import Plan


class NoEngine:
    """An engine that ignores plans and answers no query."""

    name = "none"

    def swap(self, plan: Plan) -> None:
        """Does nothing."""

    def respond(self, wire: bytes, client: Address, transport: Transport, coin: int) -> Answered | None:
        """Returns None: this engine gets no queries."""
