"""A prober on a fake clock for tests: its readings are what the test says."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from random import Random

import pytest

from gtm.checks.model import Check
from gtm.counters import Counters
from gtm.health.belief import Belief
from gtm.health.verdict.reading import Reading, Reason
from gtm.health.verdict.verdict import Verdict
from gtm.ids import CheckId, MonitorName
from gtm.probe.prober import Prober
from gtm.zone.model import Monitor
from gtm.zone.monitors.registry import MonitorType
from tests.fakes.clock import FakeClock
from tests.fakes.sleep import FakeSleep, settle

MONITOR = replace(
    Monitor("gtm.example.com", MonitorName("api"), MonitorType.HTTP, 80, interval_s=1.0, fall=3, rise=2),
    window=None,
    failback_delay_s=0.0,
    damping=False,
)
OK = Reading(Reason.OK, 0.01)
BAD = Reading(Reason.TIMEOUT, 1.0, "no complete answer in 1 s")
UNREAD = Reading(Reason.UNREAD, 0.0, "Too many open files")


def check_of(target: str, monitor: Monitor = MONITOR) -> Check:
    return Check(CheckId(f"gtm.example.com/api/{target}"), monitor, target)


A, B, C = check_of("192.0.2.10"), check_of("192.0.2.20"), check_of("192.0.2.30")


class Bench:
    """A prober on a fake clock, whose readings are what the test says."""

    def __init__(self, *, at_once: int = 10, remembered: Mapping[CheckId, Verdict] | None = None) -> None:
        self.clock = FakeClock()
        self.sleep = FakeSleep(self.clock)
        self.counters = Counters()
        self.answers: dict[CheckId, Reading] = {}
        self.mistakes: dict[CheckId, Exception] = {}
        """What reading a check raises, in place of an answer."""
        self.lost: set[CheckId] = set()
        """The checks whose change of mind whoever is told of it cannot take."""
        self.asked: list[tuple[float, CheckId]] = []
        self.readings: list[CheckId] = []
        self.changes: list[tuple[CheckId, Belief]] = []
        self.unread: list[CheckId] = []
        self.open = self.most_open = 0
        self.gate: asyncio.Event | None = None
        self.prober = Prober(
            self._read,
            self.clock,
            random=Random(1),
            counters=self.counters,
            on_reading=lambda check, _: self.readings.append(check.id),
            on_change=self._changed,
            on_unread=lambda check, _: self.unread.append(check.id),
            sleep=self.sleep,
            at_once=at_once,
            remembered=remembered,
        )

    async def _read(self, check: Check) -> Reading:
        self.asked.append((self.clock.monotonic(), check.id))
        self.open += 1
        self.most_open = max(self.most_open, self.open)
        try:
            if self.gate is not None:
                await self.gate.wait()
            if check.id in self.mistakes:
                raise self.mistakes[check.id]
            return self.answers.get(check.id, OK)
        finally:
            self.open -= 1

    def _changed(self, check: Check, verdict: Verdict) -> None:
        if check.id in self.lost:
            raise KeyError(check.id)
        self.changes.append((check.id, verdict.belief))

    def times(self, check: Check) -> list[float]:
        return [at for at, asked in self.asked if asked == check.id]


def run(story: Callable[[Bench], Awaitable[None]], bench: Bench | None = None) -> Bench:
    """Plays a story beside a running prober, and stops the prober at its end."""

    async def play() -> Bench:
        staged = bench or Bench()
        running = asyncio.create_task(staged.prober.run())
        await settle()
        await story(staged)
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running
        return staged

    return asyncio.run(play())
