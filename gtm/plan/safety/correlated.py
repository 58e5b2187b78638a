"""Suspicion: when so much fails at once that the probes are to blame (`correlated_failure`).

    more than half of the checks that were up went down within one interval (and SETTLE_S for reports to cross),
    and they are of services that share no target, directly or through others,
    and for each region, half of the checks outside it failed too (a region that dies may take down some checks outside
        it); or there is only one region
    -> suspicion: these failures are not believed in the zones where they look like a mistake of the probes: more than
       half of the zone's own checks that were up failed, and no one of its regions explains that. The author of one
       zone file can make any number of checks fail, and must not stop failover in another zone

    half of them are up again                                  -> over; the rest is believed at the pace of the budget
    nothing at all was up, something is again, and the rest is -> over; of a service of which nothing was up, what is
        no misfit (evidence.py): they see                           dead goes at once (all_down.py)
    HOLD_S have passed, and fresh voices still say the same    -> over, as confirmed; the same
        of half of them: the others may be frozen for long

Endpoints in doubt because of their answers (suspect_check.py) were reached, and make no suspicion.
Checks of services with `correlated_failure: false` neither make a suspicion nor are affected by one.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass

from gtm.health.belief import Belief
from gtm.health.consensus.status import Status
from gtm.ids import CheckId, RegionName
from gtm.plan.model import SteeredService
from gtm.plan.safety.evidence import is_misfit
from gtm.plan.safety.shares import Shares

HOLD_S = 120.0
"""After so long, the votes of a probe that is cut off no longer count. So votes that still count are believed."""

SETTLE_S = 1.0
"""In seconds; added to an interval, so that reports can cross the mesh."""


@dataclass(frozen=True, slots=True)
class Suspicion:
    """The state in which the probes are blamed for many failures at once, and the failed checks are not believed."""

    since: float
    """Monotonic seconds."""
    fell: Mapping[CheckId, float]
    """The checks that failed, with the time of each in monotonic seconds."""
    watched: int
    """How many checks were up before these failed."""
    zones: frozenset[str] = frozenset()
    """The zones in which the failed checks are not believed."""
    was_total: bool = False
    """Whether no check at all was up at some time since it began."""

    @property
    def checks(self) -> frozenset[CheckId]:
        """Returns the checks that are not believed in the zones of this suspicion."""
        return frozenset(self.fell)

    def blames(self, steered: SteeredService, check: CheckId) -> bool:
        """Returns whether a check is not believed for a service."""
        return check in self.fell and steered.zone in self.zones and steered.service.safety.correlated_failure


def still_recent(
    fallen: Mapping[CheckId, float], proposed: Status, shares: Shares, *, now: float
) -> dict[CheckId, float]:
    """Returns the checks of `fallen` that went down within their last interval and are still down."""
    return {
        check: at
        for check, at in fallen.items()
        if proposed.belief(check) is Belief.DOWN and now - at <= recent_s(shares, check)
    }


def recent_s(shares: Shares, check: CheckId) -> float:
    """Returns for how many seconds after a check went down it still counts as recent: an interval and SETTLE_S."""
    monitors = [shares.services[name].service.monitor for name in shares.parts.get(check, ())]
    return SETTLE_S + max((monitor.interval_s for monitor in monitors if monitor is not None), default=0.0)


def suspected(
    last: Suspicion | None, fallen: Mapping[CheckId, float], proposed: Status, shares: Shares, *, now: float
) -> Suspicion | None:
    """Returns the suspicion after this status: a new one, or `last` continued; None when there is none.

    `fallen` has the checks that went down recently. `proposed` is the status by the checks alone.
    """
    if last is None:
        return _new(fallen, proposed, shares, now=now)
    still = [check for check in last.fell if proposed.belief(check) is Belief.DOWN]
    if 2 * len(still) <= len(last.fell) or is_confirmed(still, proposed, held_s=now - last.since):
        return None
    is_total = _is_total(proposed, shares)
    if last.was_total and not is_total and not all(is_misfit(proposed.checks[check]) for check in still):
        return None
    fell = {**{check: fallen[check] for check in _guarded(fallen, shares)}, **last.fell}
    zones = last.zones | _struck(fell.keys(), proposed, shares)
    return Suspicion(last.since, fell, last.watched, zones, was_total=last.was_total or is_total)


def is_confirmed(still: Sequence[CheckId], proposed: Status, *, held_s: float) -> bool:
    """Returns whether the checks that are still down are to be believed, after HOLD_S.

    Half of them must not be frozen. Not all: one endpoint or one probe can cause a check that cannot be read any more,
    and must not keep all others from being believed.
    """
    return held_s >= HOLD_S and 2 * sum(not proposed.checks[check].frozen for check in still) >= len(still)


def _new(fallen: Mapping[CheckId, float], proposed: Status, shares: Shares, *, now: float) -> Suspicion | None:
    guarded = _guarded(fallen, shares)
    was_up = guarded | {check for check in shares.parts if proposed.belief(check) is Belief.UP}
    if 2 * len(guarded) <= len(was_up):
        return None
    is_unrelated = len({shares.clusters[name] for check in guarded for name in shares.parts[check]}) > 1
    is_everywhere = len(shares.regions) == 1 or not any(
        explains(region, guarded, was_up, shares) for region in shares.regions
    )
    if not is_unrelated or not is_everywhere:
        return None
    fell = {check: fallen[check] for check in guarded}
    struck = _struck(guarded, proposed, shares)
    return Suspicion(now, fell, len(was_up), struck, was_total=_is_total(proposed, shares))


def _is_total(proposed: Status, shares: Shares) -> bool:
    return not any(proposed.belief(check) is Belief.UP for check in shares.parts)


def _struck(failed: AbstractSet[CheckId], proposed: Status, shares: Shares) -> frozenset[str]:
    """Returns the zones in which so much failed that it looks like a mistake of the probes."""
    failed_of: defaultdict[str, set[CheckId]] = defaultdict(set)
    for check in failed:
        for zone in shares.zones.get(check, ()):
            failed_of[zone].add(check)
    up_of = {zone: set(those) for zone, those in failed_of.items()}
    for check, zones in shares.zones.items():
        if not failed_of.keys().isdisjoint(zones) and proposed.belief(check) is Belief.UP:
            for zone in failed_of.keys() & set(zones):
                up_of[zone].add(check)
    return frozenset(zone for zone, those in failed_of.items() if _is_struck(those, up_of[zone], shares))


def _is_struck(failed: AbstractSet[CheckId], was_up: AbstractSet[CheckId], shares: Shares) -> bool:
    regions = {region for check in was_up for region in shares.felling.get(check, ())}
    if len(regions) < 2:
        return failed == was_up
    return 2 * len(failed) > len(was_up) and not any(explains(struck, failed, was_up, shares) for struck in regions)


def explains(region: RegionName, failed: AbstractSet[CheckId], was_up: AbstractSet[CheckId], shares: Shares) -> bool:
    """Returns whether the death of a region explains the failed checks: of the checks elsewhere, less than half failed.

    Some checks elsewhere often fail too, because their endpoints use something in that region that no zone file names.
    """

    def elsewhere(checks: AbstractSet[CheckId]) -> int:
        return sum(region not in shares.felling.get(check, ()) for check in checks)

    return elsewhere(failed) == 0 or 2 * elsewhere(failed) < elsewhere(was_up)


def _guarded(fallen: Iterable[CheckId], shares: Shares) -> frozenset[CheckId]:
    return frozenset(
        check
        for check in fallen
        if any(shares.services[name].service.safety.correlated_failure for name in shares.parts.get(check, ()))
    )
