"""Decisions by shape: services of one shape and health are decided once.

Filters see regions, weights and beliefs, but no addresses. So services with the same cells, service shape
(gtm/plan/service_shape.py) and beliefs get the same decisions, and deciding costs one run of the chain per cell and
shape: when a region with a thousand services dies, the work is done once. Cells differ little too: a chain over ten
regions makes hundreds of cells, and about ten different decisions.
"""

from collections.abc import Callable

from dns.rcode import Rcode

from gtm.health.consensus.status import Status
from gtm.plan.last_good import LastGood
from gtm.plan.local_view import NOTHING, Numbers, seen_from
from gtm.plan.model import CellSpace, SteeredService
from gtm.plan.outcome import CellAnswers, Selected
from gtm.plan.service_shape import EffectiveHealth, ServiceShape, candidates, of_type
from gtm.plan.ttl import answered_numbers, degraded_ttl, is_steady, plain_ttls, truthful_ttls
from gtm.steer.chain import Chain, Views
from gtm.steer.decide import Decided, Pick, State, decide
from gtm.steer.filter import Candidates, Choose
from gtm.zone.model import OnAllDown, Service


class Shapes:
    """A cache of the answers and TTLs of each service shape, for one compile or one apply. Its state is the cache."""

    def __init__(self, check: Callable[[], None] = lambda: None) -> None:
        """Calls `check` for each cell that is decided; an exception that it raises ends the work."""
        self._check = check
        self.last_good = LastGood()
        self._spreads: dict[tuple[int, int, EffectiveHealth], CellAnswers] = {}
        self._steady: dict[int, tuple[CellAnswers, tuple[bool, ...]]] = {}
        self._ttls: dict[tuple[tuple[bool, ...], int, int], tuple[int, ...]] = {}
        self._answered: dict[tuple[int, int], tuple[CellAnswers, tuple[tuple[int, ...], ...]]] = {}

    def spread(self, steered: SteeredService, effective: EffectiveHealth) -> CellAnswers:
        """Returns the answers of a service for each of its cells, given the effective health of its endpoints."""
        key = (id(steered.space), id(steered.service_shape), effective)
        known = self._spreads.get(key)  # looked up once: most of the work for the second to the thousandth service
        if known is None:
            known = self._spreads[key] = _spread(
                steered.chain, steered.service_shape, effective, steered.space, check=self._check
            )
        return known

    def plain_ttls(self, spread: CellAnswers, service: Service) -> tuple[int, ...]:
        """Returns the TTLs, in seconds, of a service with a plain `ttl`, one for each different answer of the spread.

        Equal results are one object.
        """
        if id(spread) not in self._steady:  # it is kept, so that no other spread gets its id
            self._steady[id(spread)] = spread, tuple(is_steady(part) for part in spread.different)
        _, steady = self._steady[id(spread)]
        key = (steady, service.ttl, degraded_ttl(service))
        if key not in self._ttls:
            self._ttls[key] = plain_ttls(service, steady)
        return self._ttls[key]

    def truthful_ttls(self, spread: CellAnswers, steered: SteeredService, status: Status) -> tuple[int, ...]:
        """Returns the TTLs, in seconds, of a service with a `ttl` of max and min, one for each different answer."""
        key = (id(spread), id(steered.service_shape))
        if key not in self._answered:  # the spread is kept, as above
            self._answered[key] = spread, answered_numbers(spread, steered.service_shape)
        _, answered = self._answered[key]
        return truthful_ttls(steered.service, answered, steered.service_shape, steered.checks, status.checks)


def _spread(
    chain: Chain,
    service_shape: ServiceShape,
    effective: EffectiveHealth,
    space: CellSpace,
    *,
    check: Callable[[], None],
) -> CellAnswers:
    everyone = candidates(service_shape, effective)
    pools = [(rtype, of_type(everyone, service_shape, rtype)) for rtype in service_shape.types]
    seen_down = dict(effective.seen_down)
    numbers: dict[tuple[Selected, ...], int] = {}
    known: dict[tuple[Views, Numbers], int] = {}
    by_cell = []
    for cell in space.cells:
        down = NOTHING if cell.nearest is None else seen_down.get(cell.nearest, NOTHING)
        key = (cell.views, down)
        if key not in known:
            check()
            part = tuple(
                _selected(chain, service_shape, rtype, seen_from(pool, down), cell.views) for rtype, pool in pools
            )
            known[key] = numbers.setdefault(part, len(numbers))
        by_cell.append(known[key])
    return CellAnswers(tuple(numbers), tuple(by_cell))


def _selected(chain: Chain, service_shape: ServiceShape, rtype: int, pool: Candidates, seen: Views) -> Selected:
    return selected(decide(chain, pool, seen, service_shape.on_all_down), service_shape, rtype)


def selected(decided: Decided, service_shape: ServiceShape, rtype: int) -> Selected:
    """Returns the Selected of a decision: only picks that can answer the type, and the RCODE."""
    failed = decided.state is State.FAIL_CLOSED and service_shape.on_all_down is OnAllDown.SERVFAIL
    picks = tuple(pick for pick in decided.picks if service_shape.can_answer(pick.number, rtype))
    return Selected(
        rtype,
        picks if decided.choose is Choose.ONE else _distinct(picks, service_shape),
        decided.choose,
        decided.count,
        decided.state,
        Rcode.SERVFAIL if failed else Rcode.NOERROR,
    )


def _distinct(picks: tuple[Pick, ...], service_shape: ServiceShape) -> tuple[Pick, ...]:
    """Returns the picks with each address once: an address may be in several regions (RFC 2181 5)."""
    seen: set[int] = set()
    kept = []
    for pick in picks:
        first = service_shape.standings[pick.number].first
        if first not in seen:
            seen.add(first)
            kept.append(pick)
    return tuple(kept)
