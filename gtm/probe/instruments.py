"""Instruments: the tools that every check uses, made once per node.

What comes in: a clock, and an extra CA file for private certificates. What goes out: the clock, a resolver, a TLS
context, a measure of how busy this process is, and what some kinds need besides (permits, heartbeats, beliefs).
"""

import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

from gtm.checks.model import Check
from gtm.clock import Clock
from gtm.health.belief import Belief
from gtm.ids import Address, CheckId
from gtm.probe.heartbeats import Heartbeats
from gtm.probe.loop_lag import Lateness
from gtm.probe.permits import NO_PERMITS, Permits
from gtm.probe.stopwatch import Phase, lap
from gtm.probe.tls import Contexts
from gtm.probe.turns import MAX_CHECKS_AT_ONCE, CheckTurns
from gtm.resolver import Resolver, SystemResolver
from gtm.threads import Pool

PARSING_THREADS = 2
"""The number of threads. They use the interpreter's lock most of the time, so more of them would be no faster."""


def _nothing_known(_check: CheckId) -> Belief:
    return Belief.UNKNOWN


@dataclass(frozen=True, slots=True)
class Instruments:
    """The tools that every check uses."""

    clock: Clock
    resolver: Resolver
    contexts: Contexts
    lateness: Lateness
    permits: Permits = NO_PERMITS
    """What the node file lets checks use."""
    heartbeats: Heartbeats = field(default_factory=Heartbeats)
    believed: Callable[[CheckId], Belief] = _nothing_known
    """Returns this probe's belief of another check, for checks of kind `calculated`."""
    parsing: Pool = field(default_factory=lambda: Pool("answers", threads=PARSING_THREADS))
    """The threads that parse long answers."""
    turns: CheckTurns = field(default_factory=lambda: CheckTurns(MAX_CHECKS_AT_ONCE))
    """The turns for connections besides the first one of a check; the prober takes the turns of checks from the
    same."""
    address: Address | None = None
    """The address to check (attempts.py); None for checks that connect to none."""

    def looking_at(self, address: Address | None) -> "Instruments":
        """Returns the same instruments for one address; None for a check that connects to none."""
        return replace(self, address=address)


@asynccontextmanager
async def open_instruments(
    clock: Clock,
    *,
    resolver: Resolver | None = None,
    extra_ca: Path | None = None,
    permits: Permits = NO_PERMITS,
    heartbeats: Heartbeats | None = None,
    believed: Callable[[CheckId], Belief] = _nothing_known,
    turns: CheckTurns | None = None,
) -> AsyncIterator[Instruments]:
    """Opens the instruments for the block, and closes them at its end.

    An argument that is None gets a default. `extra_ca` is a file of CA certificates; `believed` returns this probe's
    belief of a check.
    """
    lateness = Lateness()
    lateness.start()
    try:
        yield Instruments(
            clock,
            resolver or SystemResolver(),
            Contexts(permits, extra_ca),
            lateness,
            permits,
            heartbeats or Heartbeats(),
            believed,
            turns=turns or CheckTurns(MAX_CHECKS_AT_ONCE),
        )
    finally:
        lateness.stop()


async def target_addresses(check: Check, instruments: Instruments) -> tuple[Address, ...]:
    """Returns the addresses of a target's host name, in the resolver's order. Raises OSError if there are none."""
    addresses = await instruments.resolver.resolve(check.target, within_s=check.monitor.timeout_s)
    if not addresses:
        raise socket.gaierror(socket.EAI_NONAME, "the name has no address")
    lap(Phase.DNS)
    return addresses


def target_address(check: Check, instruments: Instruments) -> Address:
    """Returns the address that a check must connect to now.

    Raises NotPermitted where the check may not connect to it. Each kind of check connects to this address and resolves
    no name again, so the address that was permitted is the address that is checked.
    """
    assert instruments.address is not None
    instruments.permits.target(instruments.address, check.monitor.port)
    return instruments.address
