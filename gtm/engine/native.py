"""The Rust engine as an Engine: composes a plan into blobs, and hands them over when they changed.

    new zones or geo data      both blobs
    a flip of health           the decisions of the services that changed
"""

from gtm.engine.protocol import Transport
from gtm.engine.rust import Dataplane
from gtm.ids import Address
from gtm.plan.blob import Numbering, compose_decisions, compose_names, numbering
from gtm.plan.model import EMPTY_PLAN, Plan


class RustEngine:
    """Answers queries from a plan. Its state is the plan that was handed over last."""

    name = "rust"

    def __init__(self) -> None:
        self._dataplane = Dataplane()
        self._plan = EMPTY_PLAN
        self._numbers: Numbering = numbering(EMPTY_PLAN)

    def swap(self, plan: Plan) -> None:
        """Serves from this plan from the next query on."""
        before, self._plan = self._plan, plan
        if plan.zones is before.zones and plan.services is before.services:
            changed = [name for name, decided in plan.decisions.items() if decided is not before.decisions[name]]
            self._dataplane.swap_decisions(compose_decisions(plan, changed, self._numbers))
            return
        self._numbers = numbering(plan)
        names = compose_names(plan, self._numbers)
        self._dataplane.swap_names(names, compose_decisions(plan, plan.services, self._numbers))

    def respond(self, wire: bytes, client: Address, transport: Transport, now: float, coin: int) -> bytes | None:  # noqa: ARG002  # `now` is for engines that limit rates
        """Returns the answer to a message, or None where silence is right. It never raises."""
        return self._dataplane.respond(wire, client, transport is Transport.TCP, coin)
