"""The demo from its first process to its last: check for room, start, wait, tell, follow, end.

What comes in: the stage, and a `stop` event that the operator's Ctrl-C sets. What goes out: lines for the operator, and
DemoFailed or ListenFailed when it cannot go on. However it ends, every process and the folder are gone; when it
failed, the logs are kept elsewhere, without the keys that were beside them.
"""

import asyncio
import shutil
import socket
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from gtm.cli.demo.child import ChildProgram
from gtm.cli.demo.control import listening
from gtm.cli.demo.mode import Mode
from gtm.cli.demo.scripts import Shipped, node_programs, region_program
from gtm.cli.demo.stage import Stage, bind_control, check_room
from gtm.cli.demo.supervisor import DemoSupervisor
from gtm.cli.demo.watching import follow, until_ready
from gtm.cli.demo.words import introduction
from gtm.errors import DemoFailed, GtmError

READY_LIMIT_S = 90.0
"""Four Python processes that each read a geo database, on one slow core."""


async def play(stage: Stage, shipped: Shipped, *, gtm: str, say: Callable[[str], None], stop: asyncio.Event) -> None:
    """Runs the demo until `stop` is set; raises ListenFailed or DemoFailed. `gtm` is how the operator types it."""
    with bind_control(stage) as control, tempfile.TemporaryDirectory(prefix="gtm-demo-") as name:
        check_room(stage)
        folder = Path(name)
        programs = node_programs(stage, shipped, folder)
        try:
            async with asyncio.TaskGroup() as tasks:
                supervisor = DemoSupervisor(
                    tasks, [region_program(region) for region in stage.regions], logs=folder, say=_timed(say)
                )
                story = tasks.create_task(_story(stage, supervisor, programs, control, folder, gtm=gtm, say=say))
                try:
                    await stop.wait()
                finally:
                    story.cancel()
                    await supervisor.stop()
        except* GtmError as failed:
            messages = [str(exception) for exception in failed.exceptions]
            raise DemoFailed("\n".join((*messages, *_keep_logs(folder)))) from failed
        say("The demo has ended; all its processes are gone.")


def _keep_logs(folder: Path) -> tuple[str, ...]:
    """Copies the logs to a folder that stays; returns the words that say where, if there are any."""
    logs = sorted(folder.glob("*.log"))
    if not logs:
        return ()
    try:
        kept = Path(tempfile.mkdtemp(prefix="gtm-demo-logs-"))
        for log in logs:
            shutil.copy(log, kept)
    except OSError as error:
        return (f"the logs could not be kept: {error.strerror or error}",)
    return (f"all logs are kept in {kept}",)


async def _story(
    stage: Stage,
    supervisor: DemoSupervisor,
    programs: Sequence[ChildProgram],
    control: socket.socket,
    folder: Path,
    *,
    gtm: str,
    say: Callable[[str], None],
) -> None:
    say(f"Starting {len(stage.regions)} regions and {len(programs)} nodes; logs in {folder}")
    async with listening(supervisor, control):
        await asyncio.gather(
            *(supervisor.switch(region.name, Mode.OK) for region in stage.regions),
            *(supervisor.start_node(program) for program in programs),
        )
        seen = await until_ready(stage, limit_s=READY_LIMIT_S)
        say("\n" + introduction(stage, folder, gtm=gtm) + "\n")
        await follow(stage, seen, _timed(say))


def _timed(say: Callable[[str], None]) -> Callable[[str], None]:
    return lambda line: say(f"{time.strftime('%H:%M:%S')} {line}")
