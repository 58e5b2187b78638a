"""Enough: whether a service keeps the regions (`at_least`) and a region the endpoints (`min_healthy`) that it needs.

What comes in: services, the status, and the overlay. What goes out: regions, and refusals. `at_least` limits overrides
as well as checks; how it limits checks is in rules.py.
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
"""An endpoint about which a safety rule decides."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """A message about one thing that a safety rule does not let happen."""

    rule: SafetyRule
    subject: str
    """A scope, such as `service api.example.com`; or `checks` for all checks."""
    says: str
    facts: Mapping[str, float | str] = field(default_factory=dict)
    held: frozenset[Kept] = frozenset()
    """The endpoints that stay up, or are skipped, by this refusal."""
    helps: str = ""
    """What a person can do about it, with the commands; it may be empty."""

    @property
    def words(self) -> str:
        """Returns the message as one text: `says`, and `helps` if there is any."""
        return f"{self.says}; {self.helps}" if self.helps else self.says


def wanted_regions(steered: SteeredService) -> int:
    """Returns the number of regions that must serve: `at_least`, but not more than there are."""
    own = {endpoint.region for endpoint in steered.service.endpoints if not endpoint.last_resort}
    return min(steered.service.safety.at_least, len(own))


def serving_regions(steered: SteeredService, status: Status, overlay: Overlay) -> frozenset[RegionName]:
    """Returns the regions in which a regular endpoint of the service is not down, with this overlay."""
    ends = zip(steered.service.endpoints, effective(steered, status, overlay).beliefs, strict=True)
    return frozenset(
        endpoint.region for endpoint, belief in ends if belief is not Belief.DOWN and not endpoint.last_resort
    )


def taking_too_much(
    services: Iterable[SteeredService], status: Status, before: Overlay, after: Overlay
) -> tuple[Refusal, ...]:
    """Returns a refusal for each service that would have too few regions (`at_least`) with the overlay `after`.

    They are sorted by name. A service that has too few with `before` counts only if it would lose one more.
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
    """Returns a refusal for each service that has too few regions (`at_least`) because of overrides, sorted by name.

    Each override was allowed when it was set, but together they take too much: they were set at several nodes at once,
    or checks took out the rest. A service with an override that lifts the rule is left out.
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
    """Returns a refusal for each region of these services that is skipped: fewer endpoints up than `min_healthy`."""
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
