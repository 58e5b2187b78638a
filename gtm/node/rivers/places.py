"""Where clients are, and which vantage is near them: what the plan of a node that answers queries is cut by.

What comes in: geo files, and the reports' vantages. What goes out: both, into the planner. A node without the role dns
imports nothing of this: it brings numpy and the readers of databases, and what they load is most of a node's memory.
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
    """Loads both, and watches them."""

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
        # without peers there is but one vantage, whatever an earlier run knew
        self._vantages = (
            VantageWatch(planner, report_store, state, voting=voting, clock=clock) if config.peers else None
        )

    async def load(self) -> None:
        """Loads what there is now."""
        if self._vantages is not None:
            await self._vantages.load()
        await self._geo.load()

    def take(self, *, settle_s: float) -> None:
        """Goes by another node file from now on."""
        self._geo.take(settle_s=settle_s)

    def rivers(self) -> list[Coroutine[None, None, None]]:
        """Returns the tasks that follow the changes of both, until cancelled."""
        return [self._geo.run(), *([] if self._vantages is None else [self._vantages.run()])]
