"""Heartbeats: what endpoints last said of themselves. In memory, and no more than the zones ask for.

What comes in: the checks that are watched, and heartbeats of them. What goes out: the last heartbeat of a check. What
nobody watches is not kept, so that memory does not grow with what is sent; a heartbeat outlives changes of its monitor.
Of a run before only who was heard is known, as text that the node keeps: whoever was, and is silent now, is missed.
"""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from pydantic import ValidationError

from gtm.checks.model import Check
from gtm.errors import StateInvalid
from gtm.health.verdict.saved_model import Wire
from gtm.ids import CheckId
from gtm.zone.monitors.kinds.push import PushSettings


@dataclass(frozen=True, slots=True)
class Heartbeat:
    """What an endpoint said of itself."""

    ok: bool
    detail: str
    heard_at: float
    """Monotonic seconds of this process."""


class Heartbeats:
    """Remembers the last heartbeat of each check of kind `push`. It has state: those, and who is awaited."""

    def __init__(self, heard_before: Iterable[CheckId] = ()) -> None:
        self._awaited: dict[CheckId, Check] = {}
        self._last: dict[CheckId, Heartbeat] = {}
        self._heard = set(heard_before)
        self._missed_since: dict[CheckId, float] = {}
        self._unjudged_at: dict[CheckId, float] = {}
        self.changes = 0
        """So often there was a change to who was heard."""

    @property
    def heard(self) -> frozenset[CheckId]:
        """Returns the checks that were heard in this run, or in one before and are not given up."""
        return frozenset(self._heard)

    def watch(self, checks: Iterable[Check], *, now: float) -> None:
        """Awaits heartbeats of these checks and no others; `now` is monotonic seconds."""
        awaited_before = self._awaited.keys()
        self._awaited = {check.id: check for check in checks if isinstance(check.monitor.settings, PushSettings)}
        self._last = {check: last for check, last in self._last.items() if check in self._awaited}
        given_up = self._heard & (awaited_before - self._awaited.keys())
        self._heard -= given_up
        self.changes += len(given_up)
        missed = dict.fromkeys(self._heard & (self._awaited.keys() - awaited_before), now)
        self._missed_since = {check: at for check, at in self._missed_since.items() if check in self._awaited} | missed
        self._unjudged_at = {check: at for check, at in self._unjudged_at.items() if check in self._awaited}

    def awaited(self, check: CheckId) -> Check | None:
        """Returns the check of an id, which is of kind `push`; None for one that is not awaited."""
        return self._awaited.get(check)

    def hear(self, check: CheckId, heartbeat: Heartbeat) -> None:
        """Remembers a heartbeat, unless nobody awaits it."""
        if check in self._awaited:
            self._last[check] = heartbeat
            self.changes += check not in self._heard
            self._heard.add(check)

    def leave_unjudged(self, check: CheckId, *, now: float) -> None:
        """Remembers that a heartbeat was refused, be it good or not, because this node could not read the token."""
        if check in self._awaited:
            self._unjudged_at[check] = now

    def unjudged_at(self, check: CheckId) -> float | None:
        """Returns the time when a heartbeat was last refused because this node could not read the token."""
        return self._unjudged_at.get(check)

    def last(self, check: CheckId) -> Heartbeat | None:
        """Returns the last heartbeat of a check; None if there was none since this node started."""
        return self._last.get(check)

    def missed_since(self, check: CheckId) -> float | None:
        """Returns the time when a check was first awaited, if it was heard in a run before; None if it never was."""
        return self._missed_since.get(check)


def compose_heard(heard: Iterable[CheckId]) -> str:
    """Returns as JSON text who was heard."""
    return json.dumps({"version": 1, "heard": sorted(heard)}, indent=1) + "\n"


def parse_heard(text: str) -> frozenset[CheckId]:
    """Returns the checks that were heard. Raises StateInvalid when the text does not say."""
    try:
        return frozenset(CheckId(check) for check in _Heard.model_validate_json(text).heard)
    except (ValidationError, UnicodeEncodeError) as error:
        raise StateInvalid("does not say who was heard") from error


class _Heard(Wire):
    version: Literal[1]
    heard: list[str]
