"""Heartbeats: what endpoints last said of themselves. In memory, and no more than the zones ask for.

What comes in: the checks that are watched, and heartbeats of them. What goes out: the last heartbeat of a check. What
nobody watches is not kept, so that memory does not grow with what is sent; a heartbeat outlives changes of its monitor.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from gtm.ids import CheckId
from gtm.zone.model import Check
from gtm.zone.settings import PushSettings, Secret


@dataclass(frozen=True, slots=True)
class Heartbeat:
    """What an endpoint said of itself."""

    ok: bool
    detail: str
    heard_at: float
    """Monotonic seconds of this process."""


class Heartbeats:
    """Remembers the last heartbeat of each check of kind `push`. It has state: those, and who is awaited."""

    def __init__(self) -> None:
        self._tokens: dict[CheckId, Secret] = {}
        self._last: dict[CheckId, Heartbeat] = {}

    def watch(self, checks: Iterable[Check]) -> None:
        """Awaits heartbeats of these checks and no others."""
        self._tokens = {
            check.id: check.monitor.settings.token
            for check in checks
            if isinstance(check.monitor.settings, PushSettings)
        }
        self._last = {check: last for check, last in self._last.items() if check in self._tokens}

    def token(self, check: CheckId) -> Secret | None:
        """Returns what a heartbeat of a check must carry; None for a check that is not awaited."""
        return self._tokens.get(check)

    def hear(self, check: CheckId, heartbeat: Heartbeat) -> None:
        """Remembers a heartbeat, unless nobody awaits it."""
        if check in self._tokens:
            self._last[check] = heartbeat

    def last(self, check: CheckId) -> Heartbeat | None:
        """Returns the last heartbeat of a check; None if there was none since this node started."""
        return self._last.get(check)
