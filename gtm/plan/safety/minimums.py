"""Enough: whether a service keeps the regions (`at_least`) and a region the endpoints (`min_healthy`) that it needs.

What comes in: services, what the checks say, and overlay. What goes out: regions, and refusals. `at_least` binds
people as well as automatics; how it binds those is in rules.py.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from gtm.health.belief import Belief
from gtm.health.consensus.status import Status
from gtm.health.override.override import SafetyRule
from gtm.ids import EndpointId, RegionName, ServiceId
from gtm.plan.model import SteeredService
from gtm.plan.overlay import Overlay, effective, is_spoken_of, skipped

Kept = tuple[ServiceId, EndpointId]
"""An endpoint of which a rule says what counts."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """One thing that a rule does not let happen."""

    rule: SafetyRule
    subject: str
    """A scope; or `checks`, of all of them."""
    says: str
    facts: Mapping[str, float | str] = field(default_factory=dict)
    held: frozenset[Kept] = frozenset()
    """What is up still, or skipped, by this."""
    helps: str = ""
    """What a person can say about it, with the commands."""

    @property
    def words(self) -> str:
        """Returns all of it for people."""
        return f"{self.says}; {self.helps}" if self.helps else self.says


def wanted_regions(steered: SteeredService) -> int:
    """Returns the number of regions that must serve: `at_least`, but not more than there are."""
    own = {endpoint.region for endpoint in steered.service.endpoints if not endpoint.last_resort}
    return min(steered.service.safety.at_least, len(own))


def serving_regions(steered: SteeredService, status: Status, overlay: Overlay) -> frozenset[RegionName]:
    """Returns the regions of which something is not down."""
    ends = zip(steered.service.endpoints, effective(steered, status, overlay).beliefs, strict=True)
    return frozenset(
        endpoint.region for endpoint, belief in ends if belief is not Belief.DOWN and not endpoint.last_resort
    )


def taking_too_much(
    services: Iterable[SteeredService], status: Status, before: Overlay, after: Overlay
) -> tuple[Refusal, ...]:
    """Returns which services a person would leave with too few regions (`at_least`), sorted by name.

    A service that has too few already is not spoken of, unless it would lose one more.
    """
    refusals = []
    for steered in services:
        serving, left = (serving_regions(steered, status, overlay) for overlay in (before, after))
        wanted, name = wanted_regions(steered), steered.id
        if len(left) < min(wanted, len(serving)):
            message = f"{name} would have {len(left)} serving, and must have {wanted}"
            facts = {"regions_left": len(left), "regions_wanted": wanted}
            refusals.append(Refusal(SafetyRule.AT_LEAST, f"service {name}", message, facts))
    return tuple(sorted(refusals, key=lambda refusal: refusal.subject))


def left_with_too_few(services: Iterable[SteeredService], status: Status, overlay: Overlay) -> tuple[Refusal, ...]:
    """Returns which services have too few regions (`at_least`) by what people said, sorted by name.

    Each was allowed where it was said, but nobody knew of all: they were said at several nodes at once, or checks took
    the rest. Where one names the rule, somebody knew.
    """
    spoken_of = [service for service in services if is_spoken_of(service, overlay.said)]
    return tuple(
        refusal
        for steered in sorted(spoken_of, key=lambda breach: breach.id)
        if (refusal := _breach(steered, status, overlay)) is not None
    )


def _breach(steered: SteeredService, status: Status, overlay: Overlay) -> Refusal | None:
    left, otherwise = (
        serving_regions(steered, status, overlay_then) for overlay_then in (overlay, Overlay(held=overlay.held))
    )
    wanted = wanted_regions(steered)
    if len(left) >= min(wanted, len(otherwise)):
        return None
    if any(overlay.said.lifts(endpoint_ref, SafetyRule.AT_LEAST) for endpoint_ref in steered.endpoint_refs):
        return None
    message = f"{steered.id} has {len(left)} regions serving, and must have {wanted}"
    facts = {"regions_left": len(left), "regions_wanted": wanted}
    return Refusal(SafetyRule.AT_LEAST, f"service {steered.id}", message, facts)


def skipping(services: Iterable[SteeredService], status: Status, overlay: Overlay) -> tuple[Refusal, ...]:
    """Returns which regions of these services are skipped for want of `min_healthy`."""
    return tuple(
        Refusal(
            SafetyRule.MIN_HEALTHY,
            f"service {steered.id}",
            f"{steered.id}: {region} has fewer endpoints up than min_healthy, and is skipped",
            {"min_healthy": dict(steered.service.min_healthy)[region]},
            frozenset(
                (steered.id, endpoint_ref.endpoint)
                for endpoint_ref in steered.endpoint_refs
                if endpoint_ref.region == region
            ),
        )
        for steered in services
        for region in skipped(steered, status, overlay)
    )
