"""Suspicion: when so much fails at once that the probes are to blame (`correlated_failure`).

    more than half of the checks that were up went down within one interval (and SETTLE_S for reports to cross),
    and they are of services that share no target, directly or through others,
    and of what is not in any one region, or calculated from it, half failed too: a region that dies takes more along
        than its own; or there is only one region
    -> suspicion: nothing of it is believed, in the zones that it is like a mistake of the probes for: more than half of
       the zone's own checks that were up failed, and no one of its regions explains that. Whoever writes one zone file
       may have any number of checks fail, and must not hold what fails in another

    half of them are up again                                  -> over; the rest is believed at the pace of the budget
    nothing at all was up, something is again, and the rest is -> over; of a service of which nothing was up, what is
        no misfit (evidence.py): they see                           dead goes at once (all_down.py)
    HOLD_S have passed, and fresh voices still say the same    -> over, as confirmed; the same
        of half of them: the others may be frozen for long

What is in doubt for its own answers (suspect_check.py) was reached, and makes no suspicion.
Checks of services with `correlated_failure: false` neither make a suspicion nor are held by one.
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
"""A probe that is cut off for longer is silent, and its votes have grown old: what is still said is believed."""

SETTLE_S = 1.0
"""Added to an interval: for reports to cross the mesh."""


@dataclass(frozen=True, slots=True)
class Suspicion:
    """The probes are blamed."""

    since: float
    """Monotonic seconds."""
    fell: Mapping[CheckId, float]
    """What failed, and when."""
    watched: int
    """How many checks were up before these failed."""
    zones: frozenset[str] = frozenset()
    """Those that it holds."""
    was_total: bool = False
    """Since it began, there was a time when nothing at all was up."""

    @property
    def checks(self) -> frozenset[CheckId]:
        """Returns the checks that are not believed where it holds."""
        return frozenset(self.fell)

    def blames(self, steered: SteeredService, check: CheckId) -> bool:
        """Returns whether a check is not believed, for a service."""
        return check in self.fell and steered.zone in self.zones and steered.service.safety.correlated_failure


def still_recent(
    fallen: Mapping[CheckId, float], proposed: Status, shares: Shares, *, now: float
) -> dict[CheckId, float]:
    """Returns the checks that went down within the last interval, and are still down."""
    return {
        check: at
        for check, at in fallen.items()
        if proposed.belief(check) is Belief.DOWN and now - at <= recent_s(shares, check)
    }


def recent_s(shares: Shares, check: CheckId) -> float:
    """Returns for how long a check that went down is given back, should others follow."""
    monitors = [shares.services[name].service.monitor for name in shares.parts.get(check, ())]
    return SETTLE_S + max((monitor.interval_s for monitor in monitors if monitor is not None), default=0.0)


def suspected(
    last: Suspicion | None, fallen: Mapping[CheckId, float], proposed: Status, shares: Shares, *, now: float
) -> Suspicion | None:
    """Returns the suspicion that there is after this, if any."""
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
    """Returns whether what is down still is to be believed, however it began.

    The voices of half of it are enough: one endpoint, or one probe, can make a check that cannot be read any more, and
    must not have all others held for that.
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
    """Returns the zones of which so much failed, and so wide apart, that it is like a mistake of the probes."""
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
    """Returns whether the death of a region explains what failed: of what it does not take along, less than half did.

    Some of that often fails too, because it asks something in that region without saying so in any zone file.
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
