"""The Rust engine as an Engine: composes a plan into blobs, and gives the changed blobs to the Rust code.

new zones or geo data      both blobs
a flip of health           the decisions of the services that changed
"""

from collections.abc import Mapping, Sequence

from gtm._native import Dataplane
from gtm.counters import series
from gtm.engine.protocol import Answered, TcpLimits, Transport
from gtm.ids import Address
from gtm.plan.blob import Numbering, compose_decisions, compose_names, numbering
from gtm.plan.model import EMPTY_PLAN, Plan


class NativeEngine:
    """Answers queries from a plan by the Rust engine. Its state is the plan of the last swap."""

    name = "rust"

    def __init__(self) -> None:
        self._dataplane = Dataplane()
        self._plan = EMPTY_PLAN
        self._numbers: Numbering = numbering(EMPTY_PLAN)
        self._ready: tuple[Plan, Numbering, bytes] | None = None

    def prepare(self, plan: Plan) -> None:
        """Composes the blob of names for the next swap, if that has the same zones and services as this plan.

        It takes long, so call it in a thread.
        """
        numbers = numbering(plan)
        self._ready = plan, numbers, compose_names(plan, numbers)

    def swap(self, plan: Plan) -> None:
        """Answers all queries from this plan, from the next query on."""
        before, self._plan = self._plan, plan
        if plan.zones is before.zones and plan.services is before.services:
            changed = [name for name, decided in plan.decisions.items() if decided is not before.decisions[name]]
            self._dataplane.swap_decisions(compose_decisions(plan, changed, self._numbers))
            return
        ready, self._ready = self._ready, None
        if ready is None or plan.zones is not ready[0].zones or plan.services is not ready[0].services:
            numbers = numbering(plan)
            ready = plan, numbers, compose_names(plan, numbers)
        _, self._numbers, names = ready
        self._dataplane.swap_names(names, compose_decisions(plan, plan.services, self._numbers))

    def check(self, plan: Plan) -> None:
        """Raises the exception that `swap` would raise for this plan, if any, and changes nothing."""
        NativeEngine().swap(plan)

    def restore(self, names: bytes, decisions: bytes) -> None:
        """Answers from the blobs of an earlier run until the next swap; raises ValueError for blobs it cannot read."""
        self._dataplane.swap_names(names, decisions)

    def respond(self, wire: bytes, client: Address, transport: Transport, coin: int) -> Answered | None:
        """Returns the answer to a message; None for a message that must get no answer. It never raises."""
        answered = self._dataplane.respond(wire, client, transport is Transport.TCP, coin)
        return None if answered is None else Answered(*answered)

    def listen(self, addresses: Sequence[str], *, threads: int, tcp: TcpLimits) -> tuple[str, ...]:
        """Binds UDP and TCP sockets on each ADDRESS:PORT; queries wait until `start`.

        Returns the addresses with their real ports.
        """
        limits = tcp.connections, tcp.of_network, tcp.idle_s
        return tuple(self._dataplane.listen(list(addresses), threads, *limits))

    def start(self) -> None:
        """Starts to answer, on `threads` threads (see `listen`) for UDP and as many for TCP."""
        self._dataplane.start()

    def stop(self) -> None:
        """Ends all threads and closes all sockets."""
        self._dataplane.stop()

    def counters(self) -> Mapping[str, int]:
        """Returns the counters of the threads, by the name of their metric series."""
        return {series(name, labels): value for name, labels, value in self._dataplane.counters()}
