"""Keeping: the endpoints that `at_least` keeps up, so that no service is left with fewer regions than it wants.

What comes in: the status before and now, the overrides, and the endpoints that other rules keep up. What goes out:
further endpoints that stay up, and the refusals that say so.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from gtm.health.belief import Belief
from gtm.health.consensus.status import Status
from gtm.health.override.override import Action, InForce, SafetyRule
from gtm.ids import CheckId, EndpointId, RegionName, ServiceId
from gtm.plan.model import SteeredService
from gtm.plan.overlay import HeldEndpoints, Overlay, effective, overriding
from gtm.plan.safety.minimums import Refusal, serving_regions, wanted_regions
from gtm.plan.safety.shares import Shares

Holding = dict[ServiceId, dict[EndpointId, SafetyRule]]
"""The endpoints that rules keep up, with the rule; a dict that is filled during one decision."""


@dataclass(frozen=True, slots=True)
class Keeping:
    """The inputs of the rule `at_least` for one decision."""

    shares: Shares
    before: Status
    proposed: Status
    said: InForce
    last_held: HeldEndpoints

    def hold(self, held: Holding, failed: Iterable[CheckId]) -> list[Refusal]:
        """Adds to `held` the endpoints that services need to keep enough regions; returns the refusals.

        `failed` are the checks that went down just now.
        """
        touched = dict.fromkeys(name for check in failed for name in self.shares.parts.get(check, ()))
        refusals = []
        for name in touched | dict.fromkeys(name for name in self.last_held if name in self.shares.services):
            steered = self.shares.services[name]
            if steered.service.safety.at_least <= 1:
                continue  # of none at all `on_all_down` decides
            wanted = wanted_regions(steered)
            regions = self._lost_too_many(steered, wanted, held)
            ends = self._ends_in(steered, regions)
            if ends:
                held.setdefault(name, {}).update(dict.fromkeys(ends, SafetyRule.AT_LEAST))
                says = f"{name}: {', '.join(regions)} stays, or fewer than {wanted} regions would serve"
                facts = {"regions_wanted": wanted, "endpoints_held": len(ends)}
                kept = frozenset((name, end) for end in ends)
                refusals.append(Refusal(SafetyRule.AT_LEAST, f"service {name}", says, facts, kept))
        return refusals

    def _lost_too_many(self, steered: SteeredService, wanted: int, held: HeldEndpoints) -> tuple[RegionName, ...]:
        """Returns the lost regions that must stay, so that `wanted` regions serve; the first in the zone's order."""
        serving = serving_regions(steered, self.proposed, Overlay(self.said, held))
        if not serving or len(serving) >= wanted:
            return ()
        until_now = serving_regions(steered, self.before, Overlay(self.said, self.last_held))
        lost = [region.name for region in steered.regions if region.name in until_now - serving]
        return tuple(lost[: wanted - len(serving)])

    def _ends_in(self, steered: SteeredService, regions: tuple[RegionName, ...]) -> list[EndpointId]:
        """Returns the endpoints that were up in these regions until now, without those that an override decides."""
        counted = effective(steered, self.before, Overlay(self.said, self.last_held)).beliefs
        overrides = overriding(steered, self.said)
        return [
            endpoint_ref.endpoint
            for endpoint_ref, belief, override in zip(steered.endpoint_refs, counted, overrides, strict=True)
            if endpoint_ref.region in regions
            and belief is Belief.UP
            and (override is None or override.action is Action.OBEY)
            and not self.said.lifts(endpoint_ref, SafetyRule.AT_LEAST)
        ]
