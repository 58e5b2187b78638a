"""The node file of a running node: read again when somebody asks, and taken as far as a running node can.

    SIGHUP, gtm reload -> read (in a thread) -> right? -> what is other than what runs (settings.py) -> taken, all of it

A file with a mistake changes nothing, and `gtm check --config` says the same of it. What needs a restart is named each
time, until there was one. Nothing that is in the file, or keeps it from being read, ends the node.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace

from gtm.errors import CallOverdue, GtmError, StateInvalid
from gtm.health.event import Event, EventKind, Fact
from gtm.health.signature import PublicKey
from gtm.node.chronicle import Chronicle
from gtm.node.config import NodeConfig
from gtm.node.settings import Difference, Rereading, difference
from gtm.node.trusting import key_problem
from gtm.share.keys import load_key
from gtm.threads import Pool

READ_LIMIT_S = 5.0
"""For the node file and the key, whose disk may hang."""

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class NodeReload:
    """What came of reading the node file again."""

    lines: tuple[str, ...] = ()
    problems: tuple[str, ...] = ()


NOTHING_NEW = NodeReload()


class NodeFile:
    """Reads the node file again. Its state is what runs, and what was wrong with the file when it was read last."""

    def __init__(
        self,
        running: NodeConfig,
        rereading: Rereading | None,
        *,
        key: PublicKey,
        take: Callable[[NodeConfig], Awaitable[None]],
        chronicle: Chronicle,
    ) -> None:
        """Without `rereading` there is no node file."""
        self._running = running
        self._rereading = rereading
        self._key = key
        self._take = take
        self._chronicle = chronicle
        self._one_at_a_time = asyncio.Lock()
        self._threads = Pool("node file", threads=1)
        self.problems: tuple[str, ...] = ()

    async def reread(self) -> NodeReload:
        """Reads the file, takes what it can, and says what; with a mistake in it nothing is taken."""
        if self._rereading is None:
            return NOTHING_NEW
        async with self._one_at_a_time:
            before = self.problems
            try:
                asked, of_key = await self._threads.run(self._read, self._rereading, timeout_s=READ_LIMIT_S)
                found = difference(self._running, asked)
                await self._follow(found, self._rereading)
            except CallOverdue:
                self.problems = (f"the node file cannot be read: its disk did nothing for {READ_LIMIT_S:.0f} s",)
            except GtmError as error:
                self.problems = tuple(str(error).splitlines())
            except Exception as error:
                log.exception("the node file cannot be taken; what ran before goes on")
                self.problems = (f"the node file cannot be taken by a mistake of this program: {error!r}",)
            else:
                self.problems = ()
                return self._told(found, of_key)
            self._complain(before)
            return NodeReload((), self.problems)

    def _read(self, rereading: Rereading) -> tuple[NodeConfig, str]:
        """Returns the file, and what there is to say of the key file. Raises GtmError."""
        asked = rereading.read()
        if asked.geo.present() == self._running.geo.present():  # databases in their place are taken without a restart
            asked = replace(asked, geo=self._running.geo)
        if problem := key_problem(asked, self._key):
            raise StateInvalid(problem)
        return asked, self._wait_of_key(asked)

    def _wait_of_key(self, asked: NodeConfig) -> str:
        """Returns what there is to say of the key file; it is read at the start alone."""
        if asked.key is None or asked.key != self._running.key:
            return ""
        try:
            is_other = load_key(asked.key).public != self._key
        except StateInvalid as error:
            return f"the next start will fail: {error}"
        return "needs a restart: the key in the file of share.key is another one" if is_other else ""

    async def _follow(self, found: Difference, rereading: Rereading) -> None:
        if found.config != self._running:
            if found.config.log != self._running.log:
                rereading.relog(found.config.log)
            self._running = found.config
            await self._take(found.config)

    def _told(self, found: Difference, of_key: str) -> NodeReload:
        lines = (*found.lines, *((f"node file: {of_key}",) if of_key else ()))
        is_all_taken = not found.restart and not of_key
        for line in lines:
            log.log(logging.INFO if is_all_taken else logging.WARNING, "%s", line)
        if found.taken:
            facts: dict[str, Fact] = {"taken": found.taken, "restart": found.restart}
            node = self._running.node
            self._chronicle.record(Event(EventKind.CONFIG_APPLIED, node, "; ".join(found.lines), facts))
        return NodeReload(lines)

    def _complain(self, before: tuple[str, ...]) -> None:
        for problem in self.problems:
            log.error("node file: %s", problem)
        if self.problems != before:
            words = f"{self.problems[0]}; what ran before goes on"
            facts: dict[str, Fact] = {"problems": self.problems, "problems_count": len(self.problems)}
            self._chronicle.record(Event(EventKind.CONFIG_REJECTED, self._running.node, words, facts))
