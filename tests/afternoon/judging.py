"""Whether an incident of the afternoon went as it must: nobody got worse answers for the rules, and somebody was told.

What comes in: what was measured, and what `gtm bound` says. What goes out: sentences, each a fault; none is well.
"""

from collections.abc import Iterator

from tests.afternoon.measuring import Played
from tests.afternoon.places import BOLD, SAFE, TTL_S

LEAST_ANSWERS = 150

BUSY_S = 2.0
"""The bound is for probes that keep up; a machine that runs twenty processes on two cores may be late."""

CHANCE_S = 0.8
"""By so much two zones may differ with the same rules: each is asked ten times a second by each client."""

CACHED_S = 2.0
"""So long the resolver keeps an answer: the TTL is one second, and it counts in whole ones."""

CHANCE = 0.12
"""Likewise in shares: of the answers of two seconds each endpoint of a region has half, give or take."""


def faults(played: Played, *, bound_s: float) -> tuple[str, ...]:
    """Returns what was worse than it may be; the bound is until no node names what is dead."""
    return (*_of_answers(played, bound_s), *_of_messages(played))


def _of_answers(played: Played, bound_s: float) -> Iterator[str]:
    safe, bold = played.by_zone[SAFE], played.by_zone[BOLD]
    yield from (f"a client got {wrong}" for wrong in safe.wrong)
    if safe.answers <= LEAST_ANSWERS:
        yield f"{safe.answers} answers tell nothing"
    measures = (
        ("nodes name what is dead for s", safe.named_s, min(bound_s + BUSY_S, bold.named_s + CHANCE_S)),
        (
            "clients get what is dead for s",
            safe.dead_s,
            min(bound_s + TTL_S + BUSY_S, bold.named_s + CACHED_S + CHANCE_S),
        ),
        (
            "the busiest endpoint has a share of",
            safe.busiest,
            max(bold.busiest, played.incident.most_share) + CHANCE,
        ),
    )
    for what, measured, limit in measures:
        if measured > limit:
            yield f"{what}: {measured:.2f}, and at most {limit:.2f} is as good as without rules, and in the bound"


def _of_messages(played: Played) -> Iterator[str]:
    incident = played.incident
    for way, expression in incident.says.items():
        if way not in played.told:
            yield f"no {way.value} tells of it: {expression}"
    for way, alarm in played.alarms.items():
        if not alarm.names(incident.about):
            yield f"the first {way.value} to call somebody tells of something else: {alarm}"
