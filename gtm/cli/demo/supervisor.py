"""The supervisor: it owns the processes of the demo, and no process of the demo outlives it.

What comes in: the programs of the nodes and of the regions, and switches of a region from one mode to another. What
goes out: their processes, and DemoFailed when one that must live dies. A node must live. A region may die, or be
killed by hand: that is what the demo is for, so the supervisor notes it and goes on.

    event                        then
    switch(region, mode)         its process is stopped; unless the mode is STOPPED, one in that mode is started
    a region ends by itself      its mode is STOPPED; it is said
    a node ends by itself        DemoFailed with the end of its log; the task group ends everything
    stop()                       SIGTERM to all, SIGKILL to those still there after a limit; guards end
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from gtm.cli.demo import child
from gtm.cli.demo.child import Child, ChildProgram
from gtm.cli.demo.mode import Mode
from gtm.errors import DemoFailed
from gtm.ids import RegionName


@dataclass(frozen=True, slots=True)
class RegionProgram:
    """How a region is run, and how to know that it answers."""

    name: RegionName
    in_mode: Callable[[Mode], ChildProgram]
    answers: Callable[[], Awaitable[bool]]
    """Returns whether something listens at its address."""


class DemoSupervisor:
    """The processes of one demo. Its guards join the task group it is given; call `stop` before that group ends."""

    def __init__(
        self,
        tasks: asyncio.TaskGroup,
        regions: Sequence[RegionProgram],
        *,
        logs: Path,
        say: Callable[[str], None],
        start_limit_s: float = 30.0,
    ) -> None:
        self._tasks = tasks
        self._regions = {region.name: region for region in regions}
        self._logs = logs
        self._say = say
        self._start_limit_s = start_limit_s
        self._modes = dict.fromkeys(self._regions, Mode.STOPPED)
        self._running: dict[RegionName, Child] = {}
        self._children: set[Child] = set()
        self._switching = asyncio.Lock()
        self._stopping = False

    @property
    def modes(self) -> Mapping[RegionName, Mode]:
        """Returns the mode of every region, as it is now."""
        return MappingProxyType(dict(self._modes))

    @property
    def pids(self) -> Mapping[str, int]:
        """Returns the process id of every running child by the name of its program."""
        return MappingProxyType({each.program.name: each.pid for each in self._children})

    async def start_node(self, program: ChildProgram) -> None:
        """Starts a node, which must live from now on."""
        node = await self._start(program)
        self._tasks.create_task(self._guard_node(node))

    async def switch(self, name: RegionName, mode: Mode) -> None:
        """Puts a region into a mode; returns when it is so. Raises DemoFailed for no such region, or one that fails."""
        region = self._regions.get(name)
        if region is None:
            raise DemoFailed(f'no region "{name}"; the demo has {", ".join(sorted(self._regions))}')
        async with self._switching:
            if name in self._running:
                await self._running.pop(name).stop()
            self._modes[name] = Mode.STOPPED
            if mode is not Mode.STOPPED:
                await self._start_region(region, mode)

    async def stop(self, *, limit_s: float = child.STOP_S) -> None:
        """Stops every child; returns when none is left."""
        self._stopping = True
        await asyncio.gather(*(each.stop(limit_s=limit_s) for each in self._children))

    async def _start_region(self, region: RegionProgram, mode: Mode) -> None:
        started = await self._start(region.in_mode(mode))
        try:
            await self._until_it_listens(region, started)
        except DemoFailed:
            await started.stop()
            self._children.discard(started)
            raise
        self._running[region.name] = started
        self._modes[region.name] = mode
        self._tasks.create_task(self._guard_region(region.name, started))

    async def _until_it_listens(self, region: RegionProgram, started: Child) -> None:
        try:
            async with asyncio.timeout(self._start_limit_s):
                while started.running and not await region.answers():  # noqa: ASYNC110  # another process tells no Event
                    await asyncio.sleep(_POLL_S)
        except TimeoutError as error:
            raise DemoFailed(_with_log(f"region {region.name} does not listen", started)) from error
        if not started.running:
            raise DemoFailed(_with_log(f"region {region.name} does not start", started))

    async def _start(self, program: ChildProgram) -> Child:
        if self._stopping:
            raise DemoFailed("the demo is ending")
        started = await child.start(program, self._logs / f"{program.name}.log")
        self._children.add(started)
        if self._stopping:
            await started.stop()  # `stop` ran while this one was being started
        return started

    async def _guard_node(self, node: Child) -> None:
        status = await self._end(node)
        if not node.stopping:
            raise DemoFailed(_with_log(f"{node.program.name} {_ended(status)}", node))

    async def _guard_region(self, name: RegionName, region: Child) -> None:
        status = await self._end(region)
        if not region.stopping and self._running.get(name) is region:
            del self._running[name]
            self._modes[name] = Mode.STOPPED
            self._say(f"region {name} {_ended(status)}; `gtm demo start {name}` brings it back")

    async def _end(self, started: Child) -> int:
        try:
            return await started.end()
        finally:
            if not started.running:
                self._children.discard(started)


_POLL_S = 0.02
"""How often a starting region is asked whether it listens; it takes a few hundred milliseconds."""


def _ended(status: int) -> str:
    return f"was ended by signal {-status}" if status < 0 else f"ended by itself with exit status {status}"


def _with_log(what: str, ended: Child) -> str:
    lines = "".join(f"\n  {line}" for line in ended.last_lines())
    return f"{what}; the end of its log:{lines}" if lines else f"{what}; its log is empty"
