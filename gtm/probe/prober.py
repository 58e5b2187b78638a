"""The prober: runs every check on its schedule, and keeps this node's verdict of each.

What comes in: the checks to watch, which may change at any time. What goes out: verdicts; a call for every reading,
every changed belief and every inconclusive check, and one log line for each of the latter two. It decides
nothing: gtm/health/verdict/verdict.py does. One task per check, all in one TaskGroup; how many connections are open at
once is bounded, and shared by the zones (turns.py). A calculated check is also read when one of its parts changes, so
that it follows without delay.
"""

import asyncio
import logging
from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import replace
from random import Random

from gtm.checks.model import Check
from gtm.checks.policy import has_rechecks, pace, verdict_policy
from gtm.clock import Clock
from gtm.counters import Counters
from gtm.health.belief import Belief
from gtm.health.consensus.voices import Freshness
from gtm.health.verdict.next_change import foretold, soonest_s
from gtm.health.verdict.reading import Reading, Reason
from gtm.health.verdict.verdict import NO_VERDICT, Verdict, VerdictPolicy, step
from gtm.ids import CheckId
from gtm.probe.inconclusive import Unread
from gtm.probe.log_limit import Told
from gtm.probe.schedule import Schedule, phase_of, window_s
from gtm.probe.turns import MAX_CHECKS_AT_ONCE, CheckTurns

log = logging.getLogger(__name__)

Read = Callable[[Check], Awaitable[Reading]]
OnReading = Callable[[Check, Reading], None]
OnChange = Callable[[Check, Verdict], None]


def _ignore(*_: object) -> None: ...


class Prober:
    """Runs the checks. It has state: the verdicts, and the tasks of the checks while it runs."""

    def __init__(
        self,
        read: Read,
        clock: Clock,
        *,
        random: Random,
        counters: Counters,
        on_reading: OnReading = _ignore,
        on_change: OnChange = _ignore,
        on_unread: OnReading = _ignore,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        at_once: int = MAX_CHECKS_AT_ONCE,
        turns: CheckTurns | None = None,
        remembered: Mapping[CheckId, Verdict] | None = None,
    ) -> None:
        self._read = read
        self._clock = clock
        self._random = random
        self._counters = counters
        self._on_reading = on_reading
        self._on_change = on_change
        self._on_unread = on_unread
        self._unread = Unread()
        self._told = Told(log)
        self._sleep = sleep
        self._turns = turns or CheckTurns(at_once)
        self._checks: dict[CheckId, Check] = {}
        self._calculated_of: Mapping[CheckId, frozenset[CheckId]] = {}
        self._pending: set[CheckId] = set()
        """The calculated checks about to be read: one reading is enough when several parts change."""
        self._verdicts: dict[CheckId, Verdict] = {}
        self._remembered = dict(remembered or {})
        """The verdicts of the last run, with which checks begin when they are first watched."""
        self._tasks: dict[CheckId, asyncio.Task[None]] = {}
        self._group: asyncio.TaskGroup | None = None

    @property
    def verdicts(self) -> Mapping[CheckId, Verdict]:
        """Returns the present verdict of every watched check."""
        return dict(self._verdicts)

    def believed(self, check_id: CheckId) -> Belief:
        """Returns this probe's belief of a check; UNKNOWN if it is not watched, or its last reading is too old."""
        check, verdict = self._checks.get(check_id), self._verdicts.get(check_id, NO_VERDICT)
        if check is None:
            return Belief.UNKNOWN
        freshness = Freshness(check.monitor.interval_s, check.monitor.timeout_s)
        is_fresh = self._clock.monotonic() - verdict.read_at <= freshness.limit_s
        return verdict.belief if is_fresh and verdict.reason is not Reason.UNREAD else Belief.UNKNOWN

    def watch(self, checks: Iterable[Check]) -> None:
        """Watches these checks and no others. A check that stays keeps its verdict, even if its monitor changed."""
        wanted = {check.id: check for check in checks}
        stale = [check for check in self._checks.values() if wanted.get(check.id) != check]
        fresh = [check for check in wanted.values() if self._checks.get(check.id) != check]
        self._checks = wanted
        self._turns.are_shared = len({check.asked_by for check in wanted.values()}) > 1
        self._calculated_of = _calculated_of(wanted.values())
        known = {check_id: self._remembered.pop(check_id, NO_VERDICT) for check_id in wanted} | self._verdicts
        self._verdicts = {check_id: known[check_id] for check_id in wanted}
        self._unread.forget(check.id for check in stale)
        for check in stale:
            self._stop(check)
        self._start(fresh)

    async def run(self) -> None:
        """Runs the checks until it is cancelled."""
        async with asyncio.TaskGroup() as group:
            self._group = group
            self._pending.clear()  # of a run that was cancelled
            self._start(self._checks.values())
            self._turns.start()
            try:
                await asyncio.Event().wait()
            finally:
                self._turns.stop()
                self._group = None  # a group that is ending takes no new tasks
                self._tasks.clear()

    def _start(self, checks: Iterable[Check]) -> None:
        if self._group is None:
            return
        now = self._clock.monotonic()
        started = list(checks)
        for check in started:
            interval_s = check.monitor.interval_s
            schedule = Schedule(now, interval_s, window_s(interval_s, len(started)), phase_of(check.id))
            self._tasks[check.id] = self._group.create_task(self._repeat(check, schedule), name=f"check {check.id}")

    def _stop(self, check: Check) -> None:
        task = self._tasks.pop(check.id, None)
        if task is not None:
            task.cancel()

    async def _repeat(self, check: Check, schedule: Schedule) -> None:
        turn, recheck_s = schedule.first(), pace(check.monitor).recheck_s
        while True:
            await self._sleep(max(0.0, turn.due_at - self._clock.monotonic()))
            async with self._turns.turn(self._checks.get(check.id, check).asked_by):
                began_at = self._clock.monotonic()
                reading = await self._reading(check)
            self._take_safely(check, reading)
            turn = schedule.after(
                turn,
                began_at=began_at,
                now=self._clock.monotonic(),
                recheck_s=recheck_s if self._is_near_a_fall(check, reading) else None,
                coin=self._random.random(),
            )

    def _is_near_a_fall(self, check: Check, reading: Reading) -> bool:
        """Returns whether a bad reading may soon make the verdict down, so that the check is repeated early.

        It is False for an inconclusive reading, or while the verdict is down.
        """
        if reading.ok or reading.reason is Reason.UNREAD:
            return False
        return self._verdicts[check.id].belief is not Belief.DOWN and has_rechecks(check.monitor)

    def _take(self, check: Check, reading: Reading) -> None:
        self._counters.add("readings", kind=check.monitor.type.value, outcome=reading.reason.value)
        self._on_reading(check, reading)
        if reading.reason is Reason.UNREAD:
            self._own_fault(check, reading)
            self._tell_unread(check, reading)
            return
        before = self._verdicts[check.id]
        policy, now, wall = verdict_policy(check.monitor), self._clock.monotonic(), self._clock.wall()
        after = foretold(step(before, reading, now=now, wall=wall, policy=policy), policy, pace(check.monitor))
        if check.parts and after.flip_in_s:
            after = replace(after, flip_in_s=self._soonest_s(check, now=now))
        self._verdicts[check.id] = after
        if after.belief is not before.belief:
            self._told.tell(check.monitor.scope, _line(check, before.belief, after, policy), check=check.id, now=now)
            self._on_change(check, after)
        if after.belief is not before.belief or after.flip_in_s != before.flip_in_s:
            self._read_calculated_of(check)

    def _soonest_s(self, check: Check, *, now: float) -> float:
        """Returns the seconds until the verdict of any part could change; `now` is monotonic seconds.

        The calculated check cannot change earlier.
        """
        verdicts = [self._verdicts.get(part_check, NO_VERDICT) for part in check.parts for part_check in part.checks]
        return max(0.0, soonest_s(verdict.flip_in_s - (now - verdict.read_at) for verdict in verdicts))

    def _read_calculated_of(self, changed: Check) -> None:
        """Reads at once the checks that are calculated from a changed check."""
        if self._group is None:
            return
        for check_id in self._calculated_of.get(changed.id, frozenset()) - self._pending:
            self._pending.add(check_id)
            self._group.create_task(self._read_once(self._checks[check_id]), name=f"calculated check {check_id}")

    async def _read_once(self, check: Check) -> None:
        self._pending.discard(check.id)
        reading = await self._reading(check)
        if self._checks.get(check.id) is check:
            self._take_safely(check, reading)

    async def _reading(self, check: Check) -> Reading:
        """Returns a reading of a check.

        An internal error of this program gives an inconclusive reading, and ends no task.
        """
        began_at = self._clock.monotonic()
        try:
            return await self._read(check)
        except Exception as error:
            log.exception("check %s failed because of an internal error", check.id)
            took_s = self._clock.monotonic() - began_at
            return Reading(Reason.UNREAD, took_s, f"{type(error).__name__}: a mistake of this program")

    def _take_safely(self, check: Check, reading: Reading) -> None:
        try:
            self._take(check, reading)
        except Exception:
            log.exception("a reading of check %s was lost because of an internal error", check.id)

    def _tell_unread(self, check: Check, reading: Reading) -> None:
        """Adds the reason why there is no newer reading to a verdict whose last reading is too old.

        Other nodes show this reason.
        """
        verdict, now = self._verdicts[check.id], self._clock.monotonic()
        limit_s = Freshness(check.monitor.interval_s, check.monitor.timeout_s).limit_s
        if verdict.unread != reading.detail and (verdict.reason is Reason.UNREAD or now - verdict.read_at > limit_s):
            self._verdicts[check.id] = replace(verdict, unread=reading.detail)

    def _own_fault(self, check: Check, reading: Reading) -> None:
        """Logs once, and reports, that a check is inconclusive.

        The verdict does not change: its votes become too old to count. A check that only waits for messages or other
        checks is no fault of this probe, and is not logged.
        """
        is_ours = check.monitor.type.asks or reading.is_withheld
        if is_ours and self._unread.is_news(check.id, now=self._clock.monotonic()):
            log.warning("probe %s: cannot check: %s; further such readings are only counted", check.id, reading.detail)
            self._on_unread(check, reading)


def _calculated_of(checks: Iterable[Check]) -> Mapping[CheckId, frozenset[CheckId]]:
    """Returns, for each check that is a part, the ids of the checks calculated from it."""
    parents: defaultdict[CheckId, set[CheckId]] = defaultdict(set)
    for check in checks:
        for part in check.parts:
            for part_check in part.checks:
                parents[part_check].add(check.id)
    return {part: frozenset(those) for part, those in parents.items()}


def _line(check: Check, before: Belief, after: Verdict, policy: VerdictPolicy) -> str:
    arrow = f"{before.name} -> {after.belief.name}"
    if after.belief is Belief.UP:
        return f"probe {check.id}: {arrow} ({after.good_run} good in a row)"
    why = f"{after.reason.value} {after.detail}".strip()
    if policy.window is None or after.bad_run >= policy.fall:
        return f"probe {check.id}: {arrow} ({after.bad_run} bad in a row: {why})"
    return f"probe {check.id}: {arrow} ({policy.window.bad} of the last {policy.window.of} bad: {why})"
