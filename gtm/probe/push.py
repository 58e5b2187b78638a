"""The check of monitors `push`: the endpoint says itself that it lives.

What comes in: a check, and the last heartbeat that this node heard of it. What goes out: an outcome; nothing is sent
and nothing is waited for:

    last heartbeat             outcome
    none since the start       unread: it may never have been told to, or to send to another node
    longer ago than the TTL    timeout
    said that it is not ok     status, with the detail that it gave
    else                       ok
"""

from gtm.health.reading import Reason
from gtm.probe.failures import PASSED, Outcome
from gtm.probe.heartbeats import Heartbeat
from gtm.probe.instruments import Instruments
from gtm.zone.model import Check
from gtm.zone.settings import PushSettings


async def check_push(check: Check, instruments: Instruments) -> Outcome:
    """Returns what the last heartbeat means now."""
    settings = check.monitor.settings
    assert isinstance(settings, PushSettings)
    return outcome_of_heartbeat(instruments.heartbeats.last(check.id), settings, now=instruments.clock.monotonic())


def outcome_of_heartbeat(last: Heartbeat | None, settings: PushSettings, *, now: float) -> Outcome:
    """Returns what the last heartbeat means."""
    if last is None:
        return Outcome(Reason.UNREAD, "no heartbeat yet")
    if now - last.heard_at > settings.ttl_s:
        return Outcome(Reason.TIMEOUT, f"no heartbeat for more than {settings.ttl_s:g} s")
    return PASSED if last.ok else Outcome(Reason.STATUS, last.detail or "it says that it is not ok")
