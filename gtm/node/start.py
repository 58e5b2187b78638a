"""The start of a node, in the order that lets it answer queries soonest:

    lock of the state folder -> sockets -> engine -> the plan that served last (gtm/node/state/boot_plan.py) -> queries
            -> everything else: modules that take half a second to load, geo data, zones, probes, peers, admin API

All slow steps come after the first answer. The reference engine in Python, or a first start, answers when all is
ready. A node without the role dns has no engine and no geo data, and loads no module for them: it is for small
machines.
"""

import asyncio
import logging
import signal
from typing import TYPE_CHECKING

from gtm.clock import Clock
from gtm.counters import Counters
from gtm.engine.idle import NoEngine
from gtm.engine.protocol import Engine, Restorable
from gtm.node.allocator import give_back_large_blocks, set_aside_what_stays, use_one_heap
from gtm.node.asyncio_errors import complain_sparingly
from gtm.node.config.changes import NodeFileReread
from gtm.node.config.model import NodeConfig, Role
from gtm.node.state.lock import lock_state
from gtm.serve.descriptors import raise_limit
from gtm.threads import DaemonExecutor, share_the_lock

if TYPE_CHECKING:
    from gtm.node.rivers.queries import Queries

log = logging.getLogger(__name__)


async def run_node(config: NodeConfig, clock: Clock, *, rereading: NodeFileReread | None = None) -> None:
    """Runs a node until SIGTERM or SIGINT.

    `rereading` is None when there is no node file. When the node cannot start, raises StateInUse (state folder),
    ListenFailed, EngineUnavailable, StateInvalid (its key) or ZoneInvalid (no zone at all).
    """
    _hold_signals()
    complain_sparingly(asyncio.get_running_loop())
    raise_limit()
    give_back_large_blocks()
    share_the_lock()
    lock = lock_state(config.state)  # held until the process ends: a write that hangs may still be under way
    asyncio.get_running_loop().set_default_executor(DaemonExecutor())  # libraries use it, and asyncio.run waits for it
    engine, counters = _engine(config), Counters()
    serves = Role.DNS in config.roles
    if not serves:  # no thread of an engine waits for the heap, and such a node is for small machines
        use_one_heap()
    queries = _queries(config, engine, counters) if serves else None
    try:
        if queries is not None:
            _stand_by(config, engine, queries, counters)
        from gtm.node.node import Node  # noqa: PLC0415  # half a second, in which queries are answered already
        from gtm.node.wiring import build  # noqa: PLC0415  # likewise

        if not serves:
            set_aside_what_stays()
        parts = build(config, clock, engine, counters=counters, lock=lock, rereading=rereading)
        await Node(parts).run(queries)
    finally:
        if queries is not None:
            queries.close()


def _engine(config: NodeConfig) -> Engine:
    """Returns the engine that the node file chooses; one that does nothing without the role `dns`."""
    if Role.DNS not in config.roles:
        return NoEngine()
    from gtm.node.engines import make_engine  # noqa: PLC0415  # it loads the Rust engine

    return make_engine(config.engine)


def _hold_signals() -> None:
    """Ignores SIGHUP, SIGTERM and SIGINT until the node installs its handlers; else they would end the process."""
    loop = asyncio.get_running_loop()
    for number in (signal.SIGHUP, signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, lambda: None)


def _queries(config: NodeConfig, engine: Engine, counters: Counters) -> "Queries":
    """Opens the sockets for queries; raises ListenFailed."""
    from gtm.node.rivers.queries import open_queries  # noqa: PLC0415  # what a probe does without

    return open_queries(config, engine, counters=counters)


def _stand_by(config: NodeConfig, engine: Engine, queries: "Queries", counters: Counters) -> None:
    """Starts to answer from the plan that served before this start, if it is on disk and the Rust engine serves."""
    from gtm.node.rivers.queries import NativeQueries  # noqa: PLC0415  # what a probe does without
    from gtm.node.state.boot_plan import restore  # noqa: PLC0415  # likewise
    from gtm.node.state.checksummed_files import ChecksummedFiles  # noqa: PLC0415  # likewise

    if not isinstance(queries, NativeQueries) or not isinstance(engine, Restorable):
        return
    generation = restore(ChecksummedFiles(config.state, counters), config.zones, engine)
    if generation is not None:
        queries.start()
        log.info("generation %d of the run before serves until this start is done", generation)
