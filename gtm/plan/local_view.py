"""Local truth: in the cells nearest to a vantage, what that vantage sees down is left out while another endpoint is up.

What comes in: what counts of a service's endpoints everywhere (overlay.py), and what vantages see otherwise. What goes
out: for each vantage the endpoints that it sees down; and the candidates of one cell.

    everywhere      as seen from the vantage    in its cells
    up, unknown     down                        down, while another endpoint of the same type is up; else as everywhere
    down            up                          down: what most of the world cannot reach is not brought back
    by a person     whatever                    what the person said

Where a vantage says nothing of an endpoint (it is silent, in quarantine, or does not make that check), the nearest one
that does stands in for it, as if it were not there (gtm/health/consensus/local_view.py).
"""

from gtm.health.belief import Belief
from gtm.health.consensus.local_view import seen_down, stand_in
from gtm.health.consensus.status import CheckStatus, Status
from gtm.ids import VantageName
from gtm.plan.model import CellSpace, SteeredService
from gtm.plan.service_shape import EffectiveHealth
from gtm.steer.filter import Candidate, Candidates

Numbers = frozenset[int]
"""Numbers of endpoints, from 0, in the order of the zone file."""

NOTHING: Numbers = frozenset()


def with_local_truth(steered: SteeredService, status: Status, counted: EffectiveHealth) -> EffectiveHealth:
    """Returns the effective health with `seen_down` set: which endpoints each near vantage sees down.

    Endpoints with an override are left out.
    """
    space = steered.space
    if not space.vantages:
        return counted
    numbers_seen: dict[VantageName, set[int]] = {}
    for number, check in enumerate(steered.checks):
        known = None if check is None else status.checks.get(check)
        if known is None or not known.local or (counted.said and counted.said[number] is not None):
            continue
        for vantage in _down_for(known, space):
            numbers_seen.setdefault(vantage, set()).add(number)
    seen = tuple((vantage, frozenset(numbers)) for vantage, numbers in sorted(numbers_seen.items()))
    return counted._replace(seen_down=seen)


def _down_for(known: CheckStatus, space: CellSpace) -> list[VantageName]:
    """Returns the vantages of the space for which a check is down: by their own vote, or by that of their stand-in."""
    down = frozenset(seen_down(known.local))
    if not down:
        return []
    said_by = known.said_by
    return [vantage for vantage in space.vantages if stand_in(vantage, said_by, space.order) in down]


def seen_from(candidates: Candidates, down: Numbers) -> Candidates:
    """Returns the candidates of one type, where those with the numbers in `down` are believed down.

    Returns them unchanged when no other candidate is up.
    """
    if not down or not any(_remains(candidate) for candidate in candidates if candidate.number not in down):
        return candidates
    return tuple(
        [candidate.believed(Belief.DOWN) if candidate.number in down else candidate for candidate in candidates]
    )


def _remains(candidate: Candidate) -> bool:
    return candidate.belief is Belief.UP and not candidate.last_resort and not candidate.is_taken_out
