"""Heartbeats: the last message of each endpoint about itself. In memory, and only for checks in the zones.

What comes in: the watched checks, and their heartbeats. What goes out: the last heartbeat of a check. Heartbeats of
checks that are not watched are dropped, so that memory does not grow with them; a heartbeat outlives changes of its
monitor. Of earlier runs of the node only the ids of checks with heartbeats are known, as text in the state folder:
such a check that is silent now is missed.
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
    """One message of an endpoint about itself."""

    ok: bool
    detail: str
    heard_at: float
    """The time of arrival, in monotonic seconds of this process."""


class Heartbeats:
    """Stores the last heartbeat of each check of kind `push`.

    It has state: the heartbeats, and the checks that are watched.
    """

    def __init__(self, heard_before: Iterable[CheckId] = ()) -> None:
        self._awaited: dict[CheckId, Check] = {}
        self._last: dict[CheckId, Heartbeat] = {}
        self._heard = set(heard_before)
        self._missed_since: dict[CheckId, float] = {}
        self._unjudged_at: dict[CheckId, float] = {}
        self.changes = 0
        """The number of changes to the set of checks that had a heartbeat."""

    @property
    def heard(self) -> frozenset[CheckId]:
        """Returns the checks that had a heartbeat in this run, or in an earlier run and are still watched."""
        return frozenset(self._heard)

    def watch(self, checks: Iterable[Check], *, now: float) -> None:
        """Accepts heartbeats of these checks and no others; `now` is monotonic seconds."""
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
        """Returns the check with this id, of kind `push`; None if it is not watched."""
        return self._awaited.get(check)

    def hear(self, check: CheckId, heartbeat: Heartbeat) -> None:
        """Stores a heartbeat of a check; ignores it if the check is not watched."""
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
        """Returns the time when a check was first watched, if it had a heartbeat in an earlier run; None if not.

        The time is in monotonic seconds.
        """
        return self._missed_since.get(check)


def compose_heard(heard: Iterable[CheckId]) -> str:
    """Returns the ids of the checks that had a heartbeat, as JSON text."""
    return json.dumps({"version": 1, "heard": sorted(heard)}, indent=1) + "\n"


def parse_heard(text: str) -> frozenset[CheckId]:
    """Returns the ids of the checks that had a heartbeat. Raises StateInvalid when the text is damaged."""
    try:
        return frozenset(CheckId(check) for check in _Heard.model_validate_json(text).heard)
    except (ValidationError, UnicodeEncodeError) as error:
        raise StateInvalid("does not say who was heard") from error


class _Heard(Wire):
    version: Literal[1]
    heard: list[str]
