"""The kinds of check, in one table: a new kind is one file and one line here.

What comes in: a check. What goes out: a reading, always: a check never raises but CancelledError. The monitor's
timeout is over everything: name, connection, handshake, answer, body; and so is its bill (cost.py).
"""

import asyncio
import logging
from collections.abc import Callable, Coroutine, Mapping

from gtm.health.reading import Reading, Reason, clean_detail
from gtm.probe.calculated import check_calculated
from gtm.probe.cost import Bill, Metered
from gtm.probe.dns import check_dns
from gtm.probe.exec import check_exec
from gtm.probe.failures import Outcome, outcome_of
from gtm.probe.grpc import check_grpc
from gtm.probe.http import check_deny, check_http
from gtm.probe.icmp import check_icmp
from gtm.probe.instruments import Instruments
from gtm.probe.permits import check_permits
from gtm.probe.push import check_push
from gtm.probe.shown import listening
from gtm.probe.stopwatch import running
from gtm.probe.tcp import check_tcp
from gtm.zone.model import Check, MonitorType

log = logging.getLogger(__name__)

Kind = Callable[[Check, Instruments], Coroutine[object, object, Outcome]]

KINDS: Mapping[MonitorType, Kind] = {
    MonitorType.HTTP: check_http,
    MonitorType.HTTPS: check_http,
    MonitorType.DENY: check_deny,
    MonitorType.TCP: check_tcp,
    MonitorType.ICMP: check_icmp,
    MonitorType.DNS: check_dns,
    MonitorType.GRPC: check_grpc,
    MonitorType.EXEC: check_exec,
    MonitorType.PUSH: check_push,
    MonitorType.CALCULATED: check_calculated,
}


async def read(check: Check, instruments: Instruments) -> Reading:
    """Returns one reading of one check."""
    started_at, mark = instruments.clock.monotonic(), instruments.lateness.mark()
    with running(instruments.clock) as stopwatch, listening() as shown:
        outcome = await _outcome(check, instruments)
    took_s = instruments.clock.monotonic() - started_at
    late = instruments.lateness.since(mark)
    if outcome.reason is Reason.TIMEOUT and late.may_hide_an_answer(check.monitor.timeout_s):
        # An overloaded probe must not take healthy endpoints down.
        outcome = Outcome(Reason.UNREAD, f"this probe is too busy to tell: it was {late.total_s:.1f} s late")
    detail = clean_detail(outcome.detail)
    return Reading(outcome.reason, took_s, detail, stopwatch.phases, shown.certificate, outcome.is_withheld)


def _cut_off(limit: asyncio.Timeout) -> None:
    """Ends a check now: at its next step it is over."""
    if not limit.expired():  # else it ends already
        limit.reschedule(asyncio.get_running_loop().time())


async def _outcome(check: Check, instruments: Instruments) -> Outcome:
    timeout_s = check.monitor.timeout_s
    limit = asyncio.timeout(timeout_s)
    bill = Bill(lambda: _cut_off(limit))
    try:
        check_permits(check, instruments.permits)
        async with limit:
            return await Metered(KINDS[check.monitor.type](check, instruments), bill)
    except Exception as error:
        if bill.is_too_large:
            return Outcome(
                Reason.STATUS, f"cut off: it took {bill.limit_s:g} s of this probe's CPU without a whole answer"
            )
        outcome = outcome_of(error, timeout_s=timeout_s)
        if outcome is None:
            log.exception("check %s failed by a mistake of this program", check.id)
            return Outcome(Reason.UNREAD, f"{type(error).__name__}: {error}")
        return outcome
