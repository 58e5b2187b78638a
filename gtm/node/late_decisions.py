"""Late decisions: what takes long to decide anew is decided in a thread, while the others follow their health at once.

    put_off    the touched services of costly zones, with what caused it      planner, in the event loop
    decide     by the status of then, until nothing is left                   a thread of the planner's
    swap       with the TTLs that the status of after that allows             planner

Its state is what is put off, and of what the thread decides just now.
"""

import asyncio
import logging
from collections.abc import Callable
from collections.abc import Set as AbstractSet

from gtm.counters import Counters
from gtm.event import EventId
from gtm.health.consensus.delta import StatusDelta
from gtm.ids import CheckId, ServiceId
from gtm.node.present import Present
from gtm.plan.apply import checks_in, decided_apart, decided_since, touched_by, with_decisions
from gtm.plan.model import Plan
from gtm.threads import Pool

log = logging.getLogger(__name__)


class LateDecisions:
    """Decides late. `present` is read before and after; `swap` serves what comes of it; `done` follows each round."""

    def __init__(
        self,
        *,
        threads: Pool,
        turn: asyncio.Lock,
        counters: Counters,
        present: Callable[[], Present],
        swap: Callable[[Plan, tuple[EventId, ...]], None],
        done: Callable[[], None],
    ) -> None:
        """`turn` is held for a round: a zone that is new waits for one, and not for all."""
        self._threads = threads
        self._turn = turn
        self._counters = counters
        self._present = present
        self._swap = swap
        self._done = done
        self.costly: frozenset[ServiceId] = frozenset()
        """The services that are decided apart."""
        self._late: set[ServiceId] = set()
        """Those of them that do not follow the newest status yet."""
        self._deciding: AbstractSet[ServiceId] = frozenset()
        """Those of which the thread decides just now."""
        self._causes: tuple[EventId, ...] = ()
        """Why they are decided anew."""
        self._refused: AbstractSet[ServiceId] = frozenset()
        self._task: asyncio.Task[None] | None = None

    @property
    def is_pending(self) -> bool:
        """Returns whether anything is put off."""
        return bool(self._late or self._deciding)

    def put_off(
        self, plan: Plan, changed: AbstractSet[CheckId], guided: AbstractSet[ServiceId], causes: tuple[EventId, ...]
    ) -> frozenset[ServiceId]:
        """Has those of the touched services that take long decided apart, and returns them."""
        apart = touched_by(plan, changed, guided) & self.costly if self.costly else frozenset()
        if apart or self._late:
            try:
                loop = asyncio.get_running_loop()
            except RuntimeError:  # none runs: nobody waits
                return frozenset()
            if apart:
                self._late |= apart
                self._causes = tuple(dict.fromkeys((*self._causes, *causes)))
            if self._task is None or self._task.done():
                self._task = loop.create_task(self._catch_up(), name="late decisions")
        return apart

    async def _catch_up(self) -> None:
        """Decides in the thread what was put off, by the status of then, until nothing is."""
        while self._late:
            async with self._turn:
                began = self._present()
                names = self._late & began.plan.services.keys()
                self._deciding, self._late = names, set()
                causes, self._causes = self._causes, ()
                try:
                    decided = await self._threads.run(decided_apart, began.plan, names, began.status, began.overlay)
                    now = self._present()  # others did not wait
                    _, timed = checks_in(StatusDelta.between(began.status, now.status))
                    decided = decided_since(now.plan, decided, timed, now.status, now.overlay)
                    plan = with_decisions(now.plan, decided)
                    if plan is not None:
                        self._swap(plan, causes)
                except Exception:
                    if names != self._refused:
                        log.exception("plan: a zone cannot follow a change of health; the others do")
                    self._refused = names
                    self._counters.add("plan_failures", cause="health")
                    self._late |= names  # with the next status
                    return
                finally:
                    self._deciding = frozenset()
                self._done()
