"""How a process becomes a node, in the order that answers soonest:

    lock of the state folder -> sockets -> engine -> the plan that served last (standby.py) -> queries
            -> everything else: modules that take half a second to load, geo data, zones, probes, peers, admin API

Whatever takes long comes after the first answer. An engine in Python, or a first start, answers when all is ready.
"""

import asyncio
import logging
import signal

from gtm.clock import Clock
from gtm.counters import Counters
from gtm.engine.protocol import Engine, Restorable
from gtm.node.allocator import give_back_large_blocks
from gtm.node.complaints import complain_sparingly
from gtm.node.config import NodeConfig, Role
from gtm.node.engines import make_engine
from gtm.node.queries import NativeQueries, Queries, open_queries
from gtm.node.settings import Rereading
from gtm.node.standby import restore
from gtm.node.state_lock import lock_state
from gtm.node.vault import Vault
from gtm.serve.descriptors import raise_limit
from gtm.threads import DaemonExecutor, share_the_lock

log = logging.getLogger(__name__)


async def run_node(config: NodeConfig, clock: Clock, *, rereading: Rereading | None = None) -> None:
    """Runs a node until SIGTERM or SIGINT.

    Raises StateInUse, ListenFailed, EngineUnavailable, StateInvalid (its key) or ZoneInvalid (no zone at all) when it
    cannot start.
    """
    _hold_signals()
    complain_sparingly(asyncio.get_running_loop())
    raise_limit()
    give_back_large_blocks()
    share_the_lock()
    lock = lock_state(config.state)  # held until the process ends: a write that hangs may still be under way
    asyncio.get_running_loop().set_default_executor(DaemonExecutor())  # libraries use it, and asyncio.run waits for it
    engine, counters = make_engine(config.engine), Counters()
    serves = Role.DNS in config.roles
    queries = open_queries(config, engine, clock=clock, counters=counters) if serves else None
    try:
        _stand_by(config, engine, queries, counters)
        from gtm.node.node import Node  # noqa: PLC0415  # half a second, in which the line above answers

        await Node(config, clock, engine, counters=counters, lock=lock, rereading=rereading).run(queries)
    finally:
        if queries is not None:
            queries.close()


def _hold_signals() -> None:
    """Has signals wait for the node, which says what they do: unhandled they would end the process in mid-air."""
    loop = asyncio.get_running_loop()
    for number in (signal.SIGHUP, signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, lambda: None)


def _stand_by(config: NodeConfig, engine: Engine, queries: Queries | None, counters: Counters) -> None:
    """Answers from the plan that served last, if there is one and the engine needs no Python to serve it."""
    if not isinstance(queries, NativeQueries) or not isinstance(engine, Restorable):
        return
    generation = restore(Vault(config.state, counters), config.zones, engine)
    if generation is not None:
        queries.start()
        log.info("generation %d of the run before serves until this start is done", generation)
