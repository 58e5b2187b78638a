"""The TTL of an answer: how long a resolver may keep it.

What comes in: a service, what is decided of it in each part of the world, and what its endpoints' checks promise. What
goes out: a TTL for each part. It reads no clock: a promise counts from the last reading.

    ttl of the zone file   the part of the world                                    served
    30                     steady for every type                                    30
    30                     degraded, failed open or closed, for some type           ttl_degraded
    {max, min}             nothing that is checked matters                          max
    {max, min}             something that matters could change at any time          min
    {max, min}             the first that matters could change in t s               t, but min..max

What matters: an endpoint that is answered, for it may go down; and one that is not up, for it may come back. One that
is up and not answered matters only after another has changed. A last resort is answered whatever its health, so its
own does not matter. That is gdnsd's rule (the least of what was looked at), without a long TTL for a first result.
"""

import math
from collections.abc import Mapping, Sequence

from gtm.health.belief import Belief
from gtm.health.consensus.status import CheckStatus
from gtm.ids import CheckId
from gtm.plan.outcome import CellAnswers, Selected
from gtm.plan.service_shape import ServiceShape
from gtm.steer.decide import State
from gtm.zone.model import Service

MIN_DEGRADED_S = 5
"""In seconds. With shorter TTLs, the extra queries cost more than the faster change is worth."""


def degraded_ttl(service: Service) -> int:
    """Returns the TTL, in seconds, of answers that are not steady: `ttl_degraded`, or half of `ttl`."""
    if service.ttl_degraded is not None:
        return service.ttl_degraded
    return min(service.ttl, max(MIN_DEGRADED_S, service.ttl // 2))


def is_steady(part: Sequence[Selected]) -> bool:
    """Returns whether the answers of all types are the same as with all endpoints up (STEADY)."""
    return all(selected.state is State.STEADY for selected in part)


def plain_ttls(service: Service, steady: Sequence[bool]) -> tuple[int, ...]:
    """Returns the TTLs, in seconds, of a service with a plain `ttl`: `ttl` for steady answers, else the degraded TTL.

    `steady` says for each different answer whether it is steady.
    """
    degraded = degraded_ttl(service)
    return tuple([service.ttl if each else degraded for each in steady])


def truthful_ttls(
    service: Service,
    answered: Sequence[Sequence[int]],
    service_shape: ServiceShape,
    checks: Sequence[CheckId | None],
    believed: Mapping[CheckId, CheckStatus],
) -> tuple[int, ...]:
    """Returns the TTLs, in seconds, of a service with a `ttl` of max and min, one for each different answer.

    `answered` has the numbers of the endpoints in each answer. `checks` has the check of each endpoint.
    """
    soonest_s: float = service.ttl
    promises_s = []
    for check, standing in zip(checks, service_shape.standings, strict=True):
        known = None if check is None else believed.get(check)
        promise_s = _promise_s(check, known)
        promises_s.append(promise_s)
        if check is not None and not standing.last_resort and not _is_up(known):  # it may come back
            soonest_s = min(soonest_s, promise_s)
    least_s = service.ttl if service.ttl_min is None else service.ttl_min
    return tuple(
        [
            math.floor(max(least_s, min([soonest_s, *[promises_s[number] for number in numbers]])))
            for numbers in answered
        ]
    )


def first_ttls(service: Service, ttls: Sequence[int]) -> tuple[int, ...]:
    """Returns the TTLs to serve before any report has come: the minimum where `ttl` has max and min, else `ttls`."""
    return tuple(ttls) if service.ttl_min is None else (service.ttl_min,) * len(ttls)


def answered_numbers(spread: CellAnswers, service_shape: ServiceShape) -> tuple[tuple[int, ...], ...]:
    """Returns, for each different answer, the numbers of its endpoints without last resorts."""
    return tuple(
        tuple(
            {
                pick.number
                for selected in part
                for pick in selected.picks
                if not service_shape.standings[pick.number].last_resort
            }
        )
        for part in spread.different
    )


def _promise_s(check: CheckId | None, known: CheckStatus | None) -> float:
    if check is None:
        return math.inf
    return 0.0 if known is None else known.flip_in_s


def _is_up(known: CheckStatus | None) -> bool:
    """Returns whether a check is up by the quorum and at every vantage."""
    return known is not None and known.belief is Belief.UP and not known.local
