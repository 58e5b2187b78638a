"""The kinds of check, in one table: a new kind is one file and one line here.

What comes in: a check. What goes out: a reading, always: a check never raises but CancelledError. The monitor's
timeout (time_limit.py) is over everything: name, addresses one after the other (attempts.py), connection, handshake,
answer, body.
"""

from collections.abc import Callable, Coroutine, Mapping

from gtm.errors import NoRoute, NotPermitted
from gtm.health.verdict.reading import Reading, Reason, clean_detail
from gtm.probe.addresses import Seen
from gtm.probe.attempts import look, told
from gtm.probe.calculated import check_calculated
from gtm.probe.cost import Bill, Metered
from gtm.probe.dns import check_dns
from gtm.probe.exec import check_exec
from gtm.probe.failures import CheckOutcome
from gtm.probe.http import check_deny, check_http
from gtm.probe.icmp import check_icmp
from gtm.probe.instruments import Instruments
from gtm.probe.peer_certificate import listening
from gtm.probe.permits import check_permits
from gtm.probe.push import check_push
from gtm.probe.stopwatch import Stopwatch, timing
from gtm.probe.tcp import check_tcp
from gtm.probe.time_limit import CheckTime, TimeLimit
from gtm.zone.model import Check, MonitorType


async def _check_grpc(check: Check, instruments: Instruments) -> CheckOutcome:
    from gtm.probe.grpc import check_grpc  # noqa: PLC0415  # HTTP/2, which most probes do without

    return await check_grpc(check, instruments)


CheckFunction = Callable[[Check, Instruments], Coroutine[object, object, CheckOutcome]]

KINDS: Mapping[MonitorType, CheckFunction] = {
    MonitorType.HTTP: check_http,
    MonitorType.HTTPS: check_http,
    MonitorType.DENY: check_deny,
    MonitorType.TCP: check_tcp,
    MonitorType.ICMP: check_icmp,
    MonitorType.DNS: check_dns,
    MonitorType.GRPC: _check_grpc,
    MonitorType.EXEC: check_exec,
    MonitorType.PUSH: check_push,
    MonitorType.CALCULATED: check_calculated,
}


async def read(check: Check, instruments: Instruments) -> Reading:
    """Returns one reading of one check."""
    started_at = instruments.clock.monotonic()
    seen = await look(check, instruments, _attempt)
    outcome, took_s = seen.outcome, instruments.clock.monotonic() - started_at
    detail = clean_detail(outcome.detail)
    return Reading(outcome.reason, took_s, detail, seen.phases, seen.certificate, outcome.is_withheld, seen.address)


async def _attempt(check: Check, instruments: Instruments, *, stopwatch: Stopwatch, time: CheckTime) -> Seen:
    """Returns the result of one look; it raises nothing but CancelledError."""
    limit = TimeLimit(time)
    bill = Bill(limit.cut_off)
    is_passed_over = False
    with timing(stopwatch), listening() as shown:
        try:
            check_permits(check, instruments.permits)
            async with limit:
                outcome = await Metered(KINDS[check.monitor.type](check, instruments), bill)
        except Exception as error:  # noqa: BLE001  # the top of a check: `told` logs what is unplanned
            is_passed_over = isinstance(error, NoRoute | NotPermitted)
            outcome = _cost(bill) if bill.is_too_large else time.doubted() if limit.is_doubtful else told(error, check)
    return Seen(outcome, stopwatch.phases, shown.certificate, instruments.address, is_passed_over)


def _cost(bill: Bill) -> CheckOutcome:
    return CheckOutcome(
        Reason.STATUS, f"cut off: it took {bill.limit_s:g} s of this probe's CPU without a whole answer"
    )
