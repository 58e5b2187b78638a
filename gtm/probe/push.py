"""The check of monitors `push`: the endpoint sends heartbeats to this node.

What comes in: a check, and the last heartbeat of it that this node received. What goes out: an outcome; nothing is sent
and nothing is waited for:

    last heartbeat             outcome
    none, in any run           unread: it may not send heartbeats yet, or send them to another node
    none since the start       unread; timeout when the TTL has passed since the start
    longer ago than the TTL    timeout; unread while this node cannot read the token and so refuses heartbeats, and
                               for a TTL after the last one that it refused for that
    said that it is not ok     status, with the detail that it gave
    else                       ok
"""

from gtm.checks.model import Check
from gtm.health.verdict.reading import Reason
from gtm.probe.failures import PASSED, CheckOutcome
from gtm.probe.heartbeats import Heartbeat
from gtm.probe.instruments import Instruments
from gtm.probe.secret import secret_text
from gtm.zone.monitors.kinds.push import PushSettings


async def check_push(check: Check, settings: PushSettings, instruments: Instruments) -> CheckOutcome:
    """Returns the outcome that the last heartbeat of a check means now."""
    heartbeats, now = instruments.heartbeats, instruments.clock.monotonic()
    last, missed_since = heartbeats.last(check.id), heartbeats.missed_since(check.id)
    outcome = outcome_of_heartbeat(last, settings, now=now, missed_since=missed_since)
    if outcome.reason is Reason.TIMEOUT:  # an endpoint whose heartbeats are refused is not silent
        await secret_text(instruments.permits.secret(settings.token, check.monitor.scope))
        unjudged_at = heartbeats.unjudged_at(check.id)
        if unjudged_at is not None and now - unjudged_at <= settings.ttl_s:
            return CheckOutcome(Reason.UNREAD, "no heartbeat since this node can read the token again")
    return outcome


def outcome_of_heartbeat(
    last: Heartbeat | None, settings: PushSettings, *, now: float, missed_since: float | None = None
) -> CheckOutcome:
    """Returns the outcome of the last heartbeat; `now` is monotonic seconds.

    Without a heartbeat in this run, `missed_since` is the time since which one is missed, if there was one in an
    earlier run; else None.
    """
    silent_since = missed_since if last is None else last.heard_at
    if silent_since is not None and now - silent_since > settings.ttl_s:
        return CheckOutcome(Reason.TIMEOUT, f"no heartbeat for more than {settings.ttl_s:g} s")
    if last is None:
        return CheckOutcome(Reason.UNREAD, "no heartbeat yet")
    return PASSED if last.ok else CheckOutcome(Reason.STATUS, last.detail or "it says that it is not ok")
