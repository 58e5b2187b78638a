"""The places of clients, and the vantages near them: the cells of a plan are made from both.

What comes in: geo files, and the vantages in the reports. What goes out: both, into the planner. A node without the
role dns must not import this: it imports numpy and the readers of databases, whose data fill most of a node's memory.
"""

from collections.abc import Callable, Coroutine
from collections.abc import Set as AbstractSet

from gtm.clock import Clock
from gtm.ids import NodeName
from gtm.node.config.model import NodeConfig
from gtm.node.events.recorder import EventRecorder
from gtm.node.planner import Planner
from gtm.node.rivers.geodata import GeoWatch
from gtm.node.rivers.vantages import VantageWatch
from gtm.node.state.folder import StateFolder
from gtm.share.report_store import ReportStore


class ClientPlaces:
    """Loads the geo files and the vantages, and follows their changes."""

    def __init__(
        self,
        config: NodeConfig,
        planner: Planner,
        *,
        report_store: ReportStore,
        state: StateFolder,
        voting: Callable[[], AbstractSet[NodeName]],
        clock: Clock,
        recorder: EventRecorder,
    ) -> None:
        self._geo = GeoWatch(config.geo, planner, recorder=recorder, settle_s=config.settle_s)
        # without peers there is only one vantage, even if an earlier run knew more
        self._vantages = (
            VantageWatch(planner, report_store, state, voting=voting, clock=clock) if config.peers else None
        )

    async def load(self) -> None:
        """Loads the vantages of the run before, and the geo files, into the planner."""
        if self._vantages is not None:
            await self._vantages.load()
        await self._geo.load()

    def take(self, *, settle_s: float) -> None:
        """Uses another setting from now on: for how many seconds a geo file must be unchanged before it is read."""
        self._geo.take(settle_s=settle_s)

    def rivers(self) -> list[Coroutine[None, None, None]]:
        """Returns the coroutines that follow changes of geo files and vantages, until cancelled."""
        return [self._geo.run(), *([] if self._vantages is None else [self._vantages.run()])]
