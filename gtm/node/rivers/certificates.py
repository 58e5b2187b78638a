"""The certificates of this node: their files are checked for changes every LOOK_S seconds.

    renewed and valid      taken up: event gtm.cert.renewed
    renewed and invalid    refused, the old one still serves: event gtm.cert.refused, once for each change of the files
    not renewed in time    event gtm.cert.expiring, once for each certificate

What comes in: the sides that speak TLS (the listener, and this node as a client of its peers). What goes out: log
lines, events, counters, and the time at which each certificate expires.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable, Mapping
from datetime import UTC, datetime
from functools import partial

from gtm.clock import Clock
from gtm.counters import Counters
from gtm.event import Event, EventKind, Recorder
from gtm.health.certificate import Certificate
from gtm.threads import Pool
from gtm.tls.renewal import LOOK_S, LiveTls, RenewalResult

log = logging.getLogger(__name__)


_LISTENER = "listen"


class Certificates:
    """Takes up renewed certificates of each TLS side. Its state: the sides, and the certificates it warned about."""

    def __init__(
        self,
        sides: Iterable[LiveTls],
        *,
        clock: Clock,
        counters: Counters,
        events: Recorder,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._clock = clock
        self._counters = counters
        self._events = events
        self._sleep = sleep
        self._sides = tuple(sides)
        self._threads = Pool("certificates", threads=1)
        self._warned: dict[str, Certificate] = {}
        self._warned_of_nobody = False

    @property
    def expiries(self) -> Mapping[str, float]:
        """Returns the Unix time at which the certificate of each side that shows one expires."""
        return {live.side: live.validity.ends_at for live in self._sides if live.validity is not None}

    async def run(self) -> None:
        """Looks at the certificate files of every side, once in LOOK_S, until cancelled; ends at once without sides."""
        while self._sides:
            await self.look()
            await self._sleep(LOOK_S)

    async def look(self) -> None:
        """Looks once at the certificate files of every side; takes up renewed ones, and warns of expiring ones."""
        for live in self._sides:
            renewal = await self._threads.run(partial(live.look, wall=self._clock.wall()))
            if renewal is not None:
                self._tell(live, renewal.outcome, renewal.words)
            self._warn(live)
            self._warn_of_nobody(live)

    def _tell(self, live: LiveTls, outcome: RenewalResult, why: str) -> None:
        self._counters.add("certificate_renewals", side=live.side, outcome=outcome.value)
        if outcome is RenewalResult.TAKEN:
            ends = "" if live.validity is None else f"; it is good until {_day(live.validity)}"
            message = f"TLS of {live.side}: the renewed files serve{ends}"
            log.info("%s", message)
            self._record(EventKind.CERTIFICATE_RENEWED, live, message)
        else:
            message = f"TLS of {live.side}: the renewed files are refused, those of before serve on: {why}"
            log.error("%s", message)
            self._record(EventKind.CERTIFICATE_REFUSED, live, message)

    def _warn(self, live: LiveTls) -> None:
        validity = live.validity
        if validity is None or self._warned.get(live.side) == validity or not validity.is_expiring(self._clock.wall()):
            return
        self._warned[live.side] = validity
        message = f"TLS of {live.side}: the certificate expires {_day(validity)}, and was not renewed"
        log.warning("%s", message)
        self._record(EventKind.CERTIFICATE_EXPIRING, live, message)

    def _warn_of_nobody(self, live: LiveTls) -> None:
        """Warns once if the listener's certificate names no host: no client can verify it.

        Certificates of clients need no host name, so the other sides are skipped.
        """
        if live.side != _LISTENER:
            return
        if live.names_nobody and not self._warned_of_nobody:
            message = "has no host and no address in its subjectAltName: peers, browsers and gtm itself refuse it"
            log.warning("TLS of %s: the certificate %s", live.side, message)
        self._warned_of_nobody = live.names_nobody

    def _record(self, kind: EventKind, live: LiveTls, message: str) -> None:
        facts = {} if live.validity is None else {"expires_at": live.validity.ends_at}
        self._events.record(Event(kind, live.side, message, facts))


def _day(validity: Certificate) -> str:
    return f"{datetime.fromtimestamp(validity.ends_at, UTC):%Y-%m-%d %H:%M} UTC"
