"""Late decisions: slow decisions are made in a thread, while other services follow a change of health at once.

    put_off    the affected services that are slow to decide, and the causes  planner, in the event loop
    decide     by the status at that time, until no service is left           a thread of the planner
    swap       with the TTLs that the newest status allows                    planner

Its state: the services that wait for a decision, and those that the thread decides now.
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
    """Makes slow decisions in a thread.

    `present` returns the present of the node; it is called before and after each round. `swap` serves the new plan.
    `done` is called after each round.
    """

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
        """`turn` is the planner's lock for compiling. Each round holds it: a new zone waits for one round only."""
        self._threads = threads
        self._turn = turn
        self._counters = counters
        self._present = present
        self._swap = swap
        self._done = done
        self.costly: frozenset[ServiceId] = frozenset()
        """The services that are slow to decide, which the thread decides."""
        self._late: set[ServiceId] = set()
        """The slow services that wait for the next round: their decisions do not follow the newest status yet."""
        self._deciding: AbstractSet[ServiceId] = frozenset()
        """The services that the thread decides now."""
        self._causes: tuple[EventId, ...] = ()
        """The ids of the events that caused the decisions of the next round."""
        self._refused: AbstractSet[ServiceId] = frozenset()
        self._task: asyncio.Task[None] | None = None

    @property
    def is_pending(self) -> bool:
        """Returns whether any service still waits for a late decision."""
        return bool(self._late or self._deciding)

    def put_off(
        self, plan: Plan, changed: AbstractSet[CheckId], guided: AbstractSet[ServiceId], causes: tuple[EventId, ...]
    ) -> frozenset[ServiceId]:
        """Returns the affected services that are slow to decide, and starts to decide them in the thread.

        Affected are the services of the plan with a check in `changed`, and those in `guided` (the overlay says
        something new of them). Returns no service where no event loop runs.
        """
        apart = touched_by(plan, changed, guided) & self.costly if self.costly else frozenset()
        if apart or self._late:
            try:
                loop = asyncio.get_running_loop()
            except RuntimeError:  # no event loop runs: nobody waits
                return frozenset()
            if apart:
                self._late |= apart
                self._causes = tuple(dict.fromkeys((*self._causes, *causes)))
            if self._task is None or self._task.done():
                self._task = loop.create_task(self._catch_up(), name="late decisions")
        return apart

    async def _catch_up(self) -> None:
        """Decides the waiting services in the thread, round by round, until none waits or a round fails."""
        while self._late:
            async with self._turn:
                began = self._present()
                names = self._late & began.plan.services.keys()
                self._deciding, self._late = names, set()
                causes, self._causes = self._causes, ()
                try:
                    decided = await self._threads.run(decided_apart, began.plan, names, began.status, began.overlay)
                    now = self._present()  # other services followed their health meanwhile
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
                    self._late |= names  # they are tried again with the next status
                    return
                finally:
                    self._deciding = frozenset()
                self._done()
