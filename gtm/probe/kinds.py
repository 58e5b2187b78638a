"""The kinds of check, in one table: a new kind is one file of this folder, and one line here.

What comes in: a check. What goes out: a reading, always: a check raises nothing but CancelledError. The monitor's
timeout (time_limit.py) is over everything: name, addresses one after the other (attempts.py), connection, handshake,
answer, body.
"""

from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from gtm.checks.model import Check
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
from gtm.zone.monitors.kinds.calculated import CalculatedSettings
from gtm.zone.monitors.kinds.deny import DenySettings
from gtm.zone.monitors.kinds.dns import DnsSettings
from gtm.zone.monitors.kinds.exec import ExecSettings
from gtm.zone.monitors.kinds.grpc import GrpcSettings
from gtm.zone.monitors.kinds.http import HttpSettings
from gtm.zone.monitors.kinds.icmp import IcmpSettings
from gtm.zone.monitors.kinds.push import PushSettings
from gtm.zone.monitors.kinds.tcp import TcpSettings
from gtm.zone.monitors.registry import MonitorType
from gtm.zone.monitors.settings import Settings


async def _check_grpc(check: Check, settings: GrpcSettings, instruments: Instruments) -> CheckOutcome:
    from gtm.probe.grpc import check_grpc  # noqa: PLC0415  # HTTP/2, which most probes do without

    return await check_grpc(check, settings, instruments)


SettingsT = TypeVar("SettingsT", bound=Settings)


@dataclass(frozen=True, slots=True)
class Runner(Generic[SettingsT]):
    """Runs the checks of one kind."""

    settings: type[SettingsT]
    """The class of the settings that monitors of the kind have (gtm/zone/monitors/kinds)."""
    run: Callable[[Check, SettingsT, Instruments], Coroutine[object, object, CheckOutcome]]

    def begin(self, check: Check, instruments: Instruments) -> Coroutine[object, object, CheckOutcome]:
        """Returns the coroutine of one check, which begins when it is awaited."""
        settings = check.monitor.settings
        if not isinstance(settings, self.settings):
            raise TypeError(f"a {check.monitor.type.value} monitor with {type(settings).__name__}")
        return self.run(check, settings, instruments)


KINDS: Mapping[MonitorType, Runner[Any]] = {
    MonitorType.HTTP: Runner(HttpSettings, check_http),
    MonitorType.HTTPS: Runner(HttpSettings, check_http),
    MonitorType.DENY: Runner(DenySettings, check_deny),
    MonitorType.TCP: Runner(TcpSettings, check_tcp),
    MonitorType.ICMP: Runner(IcmpSettings, check_icmp),
    MonitorType.DNS: Runner(DnsSettings, check_dns),
    MonitorType.GRPC: Runner(GrpcSettings, _check_grpc),
    MonitorType.EXEC: Runner(ExecSettings, check_exec),
    MonitorType.PUSH: Runner(PushSettings, check_push),
    MonitorType.CALCULATED: Runner(CalculatedSettings, check_calculated),
}


async def read(check: Check, instruments: Instruments) -> Reading:
    """Returns one reading of a check. It raises nothing but CancelledError."""
    started_at = instruments.clock.monotonic()
    seen = await look(check, instruments, _attempt)
    outcome, took_s = seen.outcome, instruments.clock.monotonic() - started_at
    detail = clean_detail(outcome.detail)
    return Reading(outcome.reason, took_s, detail, seen.phases, seen.certificate, outcome.is_withheld, seen.address)


async def _attempt(check: Check, instruments: Instruments, *, stopwatch: Stopwatch, time: CheckTime) -> Seen:
    """Returns the result of one attempt at one address. It raises nothing but CancelledError."""
    limit = TimeLimit(time)
    bill = Bill(limit.cut_off)
    is_passed_over = False
    with timing(stopwatch), listening() as shown:
        try:
            check_permits(check, instruments.permits)
            async with limit:
                outcome = await Metered(KINDS[check.monitor.type].begin(check, instruments), bill)
        except Exception as error:  # noqa: BLE001  # the top of a check: `told` logs what is unplanned
            is_passed_over = isinstance(error, NoRoute | NotPermitted)
            outcome = _cost(bill) if bill.is_too_large else time.doubted() if limit.is_doubtful else told(error, check)
    return Seen(outcome, stopwatch.phases, shown.certificate, instruments.address, is_passed_over)


def _cost(bill: Bill) -> CheckOutcome:
    return CheckOutcome(
        Reason.STATUS, f"cut off: it took {bill.limit_s:g} s of this probe's CPU without a whole answer"
    )
