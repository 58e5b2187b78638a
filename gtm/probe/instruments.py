"""Instruments: what every check works with, made once per node.

What comes in: a clock, and an extra CA file for private certificates. What goes out: the clock, a resolver, a TLS
context, a measure of how busy this process is, and what else some kinds go by (permits, heartbeats, beliefs).
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
"""What they do takes the interpreter's lock for most of the time: more of them would be no faster."""


def _nothing_known(_check: CheckId) -> Belief:
    return Belief.UNKNOWN


@dataclass(frozen=True, slots=True)
class Instruments:
    """What every check works with."""

    clock: Clock
    resolver: Resolver
    contexts: Contexts
    lateness: Lateness
    permits: Permits = NO_PERMITS
    """What the node file lets checks use."""
    heartbeats: Heartbeats = field(default_factory=Heartbeats)
    believed: Callable[[CheckId], Belief] = _nothing_known
    """What this probe believes of other checks, for those of kind `calculated`."""
    parsing: Pool = field(default_factory=lambda: Pool("answers", threads=PARSING_THREADS))
    """Where answers are read that take long to read."""
    turns: CheckTurns = field(default_factory=lambda: CheckTurns(MAX_CHECKS_AT_ONCE))
    """For connections beside the first of a check; the prober takes those of checks from the same."""
    address: Address | None = None
    """Which address of the target is looked at (attempts.py); None for checks that ask nobody."""

    def looking_at(self, address: Address | None) -> "Instruments":
        """Returns the same instruments, for a look at one address."""
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
    """Opens the instruments, and closes them at the end."""
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
    """Returns the addresses that the host name of a target has, in the resolver's order. Raises OSError for none."""
    addresses = await instruments.resolver.resolve(check.target, within_s=check.monitor.timeout_s)
    if not addresses:
        raise socket.gaierror(socket.EAI_NONAME, "the name has no address")
    lap(Phase.DNS)
    return addresses


def target_address(check: Check, instruments: Instruments) -> Address:
    """Returns the address that a check, of a kind that asks its endpoint, looks at now.

    Raises NotPermitted where the check may not look at it. Each kind connects to this address and asks for no name
    again: so what was judged is what is looked at, whatever a name server says a moment later.
    """
    assert instruments.address is not None
    instruments.permits.target(instruments.address, check.monitor.port)
    return instruments.address
