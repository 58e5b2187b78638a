"""Notices of safety rules: what they refuse. Each refusal is an event that names its rule, and is counted.

    tell     endpoints that a rule holds or skips: from when on, when more, when fewer      overlay.py, at every merge
    refuse   a requested override that a rule forbids                                       requests.py
    breach   overrides that together take out more than a rule allows                       overlay.py

Events about changed answers are causes of the plan that follows. It decides nothing. Its state: what was reported last.
"""

import logging
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from enum import Enum

from gtm.counters import Counters
from gtm.event import Event, EventId, EventKind, Fact
from gtm.health.override.override import TAKING, InForce, OverrideRequest, SafetyRule
from gtm.node.events.log_fields import fields_of
from gtm.node.events.recorder import EventRecorder
from gtm.plan.safety.minimums import Kept, Refusal

MAX_NAMED = 5
"""The services that one line names."""

log = logging.getLogger(__name__)


class Released(Enum):
    """What became of an endpoint that a safety rule no longer holds, in words for people."""

    DOWN = "counted as down now, by the checks"
    SAID_DOWN = "out by what a person said"
    SAID_UP = "up by what a person said"
    UP = "not down any more"
    HELD = "held by another rule"
    GONE = "not served here any more"


_Rule = tuple[SafetyRule, str]
"""A safety rule, and the subject of its refusal."""


class SafetyNotices:
    """Logs, counts and records what the safety rules refuse."""

    def __init__(self, *, counters: Counters, recorder: EventRecorder) -> None:
        self._counters = counters
        self._recorder = recorder
        self._told: Mapping[_Rule, frozenset[Kept]] = {}
        self._broken: frozenset[str] = frozenset()

    def tell(self, refusals: Sequence[Refusal], fate: Callable[[Kept], Released]) -> tuple[EventId, ...]:
        """Reports refusals that are new, and endpoints that a rule no longer holds; returns the ids of the events.

        `fate` returns what became of an endpoint that is no longer held.
        """
        events: list[EventId] = []
        before, self._told = self._told, _by_rule(refusals)
        for refusal in refusals:
            key = (refusal.rule, refusal.subject)
            joined = refusal.held - before.get(key, frozenset())
            if joined or key not in before:
                events.append(self._blocked(refusal, joined))
        for key, held in before.items():
            gone = held - self._told.get(key, frozenset())
            if gone or key not in self._told:
                events.append(self._released(key, gone, fate))
        return tuple(events)

    def refuse(self, wanted: OverrideRequest, refusals: Sequence[Refusal]) -> None:
        """Counts and records that a requested override is refused: it would leave services with too few regions.

        The admin API logs the refusal itself.
        """
        rule = refusals[0].rule.value
        message = (
            f"safety rule {rule}: {wanted.action.value} {wanted.scope} by {wanted.by} is refused: {in_short(refusals)}"
        )
        facts: dict[str, Fact] = {
            "rule": rule,
            "action": wanted.action.value,
            "by": wanted.by,
            "why": wanted.why,
            "services": _services(refusals),
            "services_count": len(refusals),
        }
        self._counters.add("safety_blocks", rule=rule)
        self._recorder.record(Event(EventKind.SAFETY_BLOCKED, str(wanted.scope), message, facts))

    def breach(self, breaches: Sequence[Refusal], overrides: InForce) -> tuple[EventId, ...]:
        """Reports the new breaches, where overrides in force break the rule `at_least`; returns the ids of the events.

        The overrides are followed all the same.
        """
        before, self._broken = self._broken, frozenset(breach.subject for breach in breaches)
        new = [breach for breach in breaches if breach.subject not in before]
        if before and not breaches:
            log.info("safety rule %s: what people said leaves enough again", SafetyRule.AT_LEAST.value)
        if not new:
            return ()
        message = f"{breach_words(new)}; they are followed all the same"
        rule = SafetyRule.AT_LEAST.value
        self._counters.add("safety_breaches", rule=rule)
        facts: dict[str, Fact] = {
            "rule": rule,
            "services": _services(new),
            "services_count": len(new),
            "overrides": tuple(
                sorted(override.id for override in overrides.by_scope.values() if override.action in TAKING)
            ),
        }
        subject = new[0].subject if len(new) == 1 else f"{len(new)} services"
        return (self._tell(logging.WARNING, Event(EventKind.SAFETY_BREACHED, subject, message, facts)),)

    def _blocked(self, refusal: Refusal, joined: frozenset[Kept]) -> EventId:
        message = f"safety rule {refusal.rule.value}: {refusal.words}"
        self._counters.add("safety_blocks", rule=refusal.rule.value)
        facts: dict[str, Fact] = {
            "rule": refusal.rule.value,
            **refusal.facts,
            "held": _names(refusal.held),
            "held_count": len(refusal.held),
            "joined": _names(joined),
        }
        return self._tell(logging.WARNING, Event(EventKind.SAFETY_BLOCKED, refusal.subject, message, facts))

    def _released(self, key: _Rule, gone: frozenset[Kept], fate: Callable[[Kept], Released]) -> EventId:
        rule, subject = key
        left = len(self._told.get(key, ()))
        others = gone & frozenset().union(*self._told.values()) if gone else frozenset()
        fates = {
            fate_of_endpoint: Released.HELD if fate_of_endpoint in others else fate(fate_of_endpoint)
            for fate_of_endpoint in gone
        }
        message = f"safety rule {rule.value}: " + (_let_go(subject, fates, left) if gone else f"over for {subject}")
        facts: dict[str, Fact] = {
            "rule": rule.value,
            "released": _names(gone),
            "released_count": len(gone),
            "held_count": left,
            "held_by_others": len(others),
            "down_count": sum(fate_of_endpoint is Released.DOWN for fate_of_endpoint in fates.values()),
        }
        return self._tell(logging.INFO, Event(EventKind.SAFETY_RELEASED, subject, message, facts))

    def _tell(self, level: int, event: Event) -> EventId:
        log.log(level, "%s", event.message, extra=fields_of(event))
        return self._recorder.record(event)


def _let_go(subject: str, fates: Mapping[Kept, Released], left: int) -> str:
    """Returns the sentence about the endpoints that a rule no longer holds; `left` is how many it still holds."""
    parts = []
    for fate in Released:
        names = _names(frozenset(pair for pair, its in fates.items() if its is fate))
        more = f" and {len(names) - MAX_NAMED} more" if len(names) > MAX_NAMED else ""
        if names:
            parts.append(f"{len(names)} {fate.value} ({', '.join(names[:MAX_NAMED])}{more})")
    return f"{subject}: {'; '.join(parts)}" + (f"; {left} held still" if left else "")


def _by_rule(refusals: Sequence[Refusal]) -> Mapping[_Rule, frozenset[Kept]]:
    kept: defaultdict[_Rule, frozenset[Kept]] = defaultdict(frozenset)
    for refusal in refusals:
        kept[refusal.rule, refusal.subject] |= refusal.held
    return dict(kept)


def _services(refusals: Sequence[Refusal]) -> tuple[str, ...]:
    return tuple(refusal.subject.removeprefix("service ") for refusal in refusals)


def _names(kept: frozenset[Kept]) -> tuple[str, ...]:
    return tuple(f"{service} {endpoint}" for service, endpoint in sorted(kept))


def breach_words(breaches: Sequence[Refusal]) -> str:
    """Returns the sentence about the services that overrides left with too few regions."""
    return f"safety rule {SafetyRule.AT_LEAST.value}: people took too much: {in_short(breaches)}"


def in_short(refusals: Sequence[Refusal]) -> str:
    """Returns the words of the first MAX_NAMED refusals, and how many more there are."""
    named = "; ".join(refusal.words for refusal in refusals[:MAX_NAMED])
    return f"{named}; and {len(refusals) - MAX_NAMED} more" if len(refusals) > MAX_NAMED else named
