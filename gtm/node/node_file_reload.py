"""The reload of the node file: reads it again on request, and applies the settings that a running node can change.

    SIGHUP, gtm reload -> read (in a thread) -> valid? -> difference to what runs (gtm/node/config/changes.py) ->
    all changed settings applied

A node file with a mistake changes nothing; `gtm check --config` reports the same mistake. Each reload names the keys
that need a restart, until there was one. Each reload also names the unusable files that the node file lists
(unusable_files.py): these are problems, because the next start may fail. No content of the node file, and no failure
to read it, ends the node. When an internal error stops the change in the middle, the next reload applies all settings
again: every step may be repeated.
"""

import asyncio
import logging
import math
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace

from gtm.clock import Clock
from gtm.errors import CallOverdue, GtmError, StateInvalid
from gtm.event import Event, EventKind, Fact
from gtm.health.report.signature import PublicKey
from gtm.node.config.changes import Difference, NodeFileReread, difference
from gtm.node.config.model import NodeConfig
from gtm.node.events.recorder import EventRecorder
from gtm.node.trust import key_problem
from gtm.node.unusable_files import useless_files
from gtm.share.keys import load_key
from gtm.threads import Pool

READ_LIMIT_S = 5.0
"""Seconds to read the node file and the key file; their disk may hang."""
SAID_AGAIN_S = 60.0
"""Seconds until the same lines are logged again: anybody who reaches the admin API may ask for a reload often."""

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class NodeReload:
    """The result of a reload: `lines` say what changed or needs a restart, `problems` what is wrong."""

    lines: tuple[str, ...] = ()
    problems: tuple[str, ...] = ()


NOTHING_NEW = NodeReload()


class NodeFile:
    """Reloads the node file. Its state: the settings that run, the last problems, and the last logged lines."""

    def __init__(
        self,
        running: NodeConfig,
        rereading: NodeFileReread | None,
        *,
        key: PublicKey,
        take: Callable[[NodeConfig], Awaitable[None]],
        recorder: EventRecorder,
        clock: Clock,
    ) -> None:
        """`take` applies a new configuration to the parts of the node; `key` is the public key of this node.

        `rereading` is None when the node runs without a node file.
        """
        self._clock = clock
        self._is_whole = True
        """Whether all settings that run come from the same reading of the node file."""
        self._logged: tuple[str, ...] = ()
        self._logged_at = -math.inf
        self._running = running
        self._rereading = rereading
        self._key = key
        self._take = take
        self._recorder = recorder
        self._one_at_a_time = asyncio.Lock()
        self._threads = Pool("node file", threads=1)
        self.problems: tuple[str, ...] = ()

    async def reread(self) -> NodeReload:
        """Reads the node file, applies the settings that a running node can change, and returns what changed.

        A node file with a mistake changes nothing; the result then has the problems.
        """
        if self._rereading is None:
            return NOTHING_NEW
        async with self._one_at_a_time:
            try:
                asked, of_key = await self._threads.run(self._read, self._rereading, timeout_s=READ_LIMIT_S)
                taken = difference(self._running, asked)
            except CallOverdue:
                return self._refused((f"the node file cannot be read: its disk did nothing for {READ_LIMIT_S:.0f} s",))
            except GtmError as error:
                return self._refused(tuple(str(error).splitlines()))
            except Exception as error:
                log.exception("the node file cannot be read because of an internal error")
                return self._refused((f"the node file cannot be read because of an internal error: {_named(error)}",))
            try:
                await self._follow(taken, self._rereading)
            except Exception as error:
                log.exception("the node file was taken in part, because of an internal error")
                return self._complain((f"{IN_PART}: {_named(error)}; {MEND_IN_PART}",))
            self.problems = ()
            return self._told(taken, of_key, await self._useless(asked))

    def _read(self, rereading: NodeFileReread) -> tuple[NodeConfig, str]:
        """Returns the configuration in the node file, and the message about the key file. Raises GtmError."""
        asked = rereading.read()
        if asked.geo.present() == self._running.geo.present():  # databases in their place are taken without a restart
            asked = replace(asked, geo=self._running.geo)
        if problem := key_problem(asked, self._key):
            raise StateInvalid(problem)
        return asked, self._wait_of_key(asked)

    def _wait_of_key(self, asked: NodeConfig) -> str:
        """Returns the message that the key file has another key now, which needs a restart; else an empty text."""
        if asked.key is None or asked.key != self._running.key:
            return ""
        try:
            is_other = load_key(asked.key).public != self._key
        except StateInvalid:
            return ""  # unusable_files.py tells it
        return "needs a restart: the key in the file of share.key is another one" if is_other else ""

    async def _useless(self, asked: NodeConfig) -> tuple[str, ...]:
        """Returns a line for each unusable file that the node file names: keys, certificates, tokens."""
        try:
            useless = await self._threads.run(useless_files, asked, timeout_s=READ_LIMIT_S)
        except CallOverdue:
            useless = (f"the files that it names cannot be read: their disk did nothing for {READ_LIMIT_S:.0f} s",)
        except Exception as error:
            log.exception("the files that the node file names cannot be looked at because of an internal error")
            useless = (f"the files that it names cannot be looked at because of an internal error: {_named(error)}",)
        return tuple(f"node file: {line}" for line in useless)

    async def _follow(self, taken: Difference, rereading: NodeFileReread) -> None:
        """Applies the new configuration to the log and to all parts of the node, if it differs from what runs."""
        if taken.config == self._running and self._is_whole:
            return
        is_relogged = taken.config.log != self._running.log or not self._is_whole
        self._is_whole = False
        if is_relogged:
            rereading.relog(taken.config.log)
        await self._take(taken.config)
        self._running, self._is_whole = taken.config, True

    def _told(self, taken: Difference, of_key: str, useless: tuple[str, ...]) -> NodeReload:
        """Logs and records a reload that succeeded, and returns its result."""
        lines = (*taken.lines, *((f"node file: {of_key}",) if of_key else ()))
        is_all_taken = not taken.restart and not of_key
        if taken.taken or self._is_news((*lines, *useless)):
            for line in lines:
                log.log(logging.INFO if is_all_taken else logging.WARNING, "%s", line)
            for line in useless:
                log.error("%s", line)
        if taken.taken:
            facts: dict[str, Fact] = {"taken": taken.taken, "restart": taken.restart}
            node = self._running.node
            self._recorder.record(Event(EventKind.CONFIG_APPLIED, node, "; ".join(taken.lines), facts))
        return NodeReload(lines, useless)

    def _refused(self, problems: tuple[str, ...]) -> NodeReload:
        """Logs and records that nothing changed, and returns the problems, also of an earlier change that broke off."""
        in_part = () if self._is_whole else tuple(line for line in self.problems if line.startswith(IN_PART))
        return self._complain((*problems, *in_part), what_runs="; what ran before goes on" if self._is_whole else "")

    def _complain(self, problems: tuple[str, ...], *, what_runs: str = "") -> NodeReload:
        """Logs the problems, records an event if they are new, and returns them as the result."""
        if self._is_news(problems):
            for problem in problems:
                log.error("node file: %s", problem)
        before, self.problems = self.problems, problems
        if problems != before:
            facts: dict[str, Fact] = {"problems": problems, "problems_count": len(problems)}
            message = f"{problems[0]}{what_runs}"
            self._recorder.record(Event(EventKind.CONFIG_REJECTED, self._running.node, message, facts))
        return NodeReload((), problems)

    def _is_news(self, lines: tuple[str, ...]) -> bool:
        """Returns whether to log these lines: they differ from the last ones, or SAID_AGAIN_S have passed since."""
        now = self._clock.monotonic()
        if lines == self._logged and now < self._logged_at + SAID_AGAIN_S:
            return False
        self._logged, self._logged_at = lines, now
        return True


IN_PART = "the node file was taken in part, because of an internal error"
MEND_IN_PART = "`gtm reload` takes all of it again, and a restart does; the log has the traceback"


def _named(error: Exception) -> str:
    """Returns the class name of an error. Its message is left out, because it may quote the node file."""
    return type(error).__name__
