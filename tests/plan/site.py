"""A world of three regions and several services under the rules of safety; the clock is the test's."""

from collections.abc import Mapping
from dataclasses import replace

from gtm.checks.model import checks
from gtm.health.belief import Belief
from gtm.health.consensus.status import Status
from gtm.health.override.override import NOTHING_IN_FORCE, InForce, Override, SafetyRule, in_force, joined, newest
from gtm.ids import ServiceId
from gtm.plan.model import SteeredService
from gtm.plan.overlay import Overlay, effective
from gtm.plan.safety.rules import NO_HISTORY, History, SafetyDecision, allow
from gtm.plan.safety.shares import Shares, shares_of
from gtm.zone.model import DEFAULT_SAFETY, Safety
from tests.fakes import world
from tests.fakes.deltas import delta_of
from tests.fakes.overrides import WALL

REGIONS = ("us-east", "eu-west", "ap-southeast")


def text(services: int, per_region: int = 1) -> str:
    """Services that share no address, each in all regions: 192.0.SERVICE.REGION+COUNT."""
    return "\n".join(
        f"  s{number}:\n    monitor: web\n    steer: nearest\n    endpoints:\n"
        + "\n".join(
            f"      - {{region: {name}, address: {address(number, place, count)}}}"
            for place, name in enumerate(REGIONS)
            for count in range(per_region)
        )
        for number in range(services)
    )


def address(service: int, region: int, count: int = 0) -> str:
    return f"192.0.{service}.{10 * region + count}"


DEPENDENT = """
  db:
    monitor: web
    steer: failover
    endpoints: [{region: eu-west, address: 192.0.2.1}]
  shop:
    monitor: on-db
    steer: nearest
    endpoints: [{region: us-east, address: 192.0.2.2}]
  media:
    monitor: on-db
    steer: nearest
    endpoints: [{region: ap-southeast, address: 192.0.2.3}]
"""


class Site:
    """A site whose checks the test lets fail, as safety sees it."""

    def __init__(self, zone_text: str, safety: Safety = DEFAULT_SAFETY, *, monitors: str = "") -> None:
        self.zone = world.zone(f"{world.HEAD}{monitors}\nservices:\n{zone_text}\nrecords:{world.NS1}")
        self.checks = checks((self.zone,))
        plan = world.plan(self.zone)
        self.services: Mapping[ServiceId, SteeredService] = {
            name: replace(one, service=replace(one.service, safety=safety)) for name, one in plan.services.items()
        }
        self.shares: Shares = shares_of(self.services)
        self.history: History = NO_HISTORY
        self.now = 1000.0
        self.truth: Status = world.status({}, self.zone)
        self.said: InForce = NOTHING_IN_FORCE
        self.allowed = SafetyDecision({}, (), NO_HISTORY)

    def see(self, *down: str, after_s: float = 0.0, otherwise: Belief = Belief.UP) -> "Site":
        """Lets time pass, and then these and only these be down."""
        self.now += after_s
        before, self.truth = self.truth, world.status(world.down(*down), self.zone, otherwise=otherwise)
        self.allowed = allow(
            self.shares, self.history, self.truth, delta_of(before, self.truth), self.said, now=self.now
        )
        self.history = self.allowed.history
        return self

    def say(self, *overrides: Override) -> "Site":
        self.said = in_force(newest(joined({}, overrides)), wall=WALL)
        return self

    @property
    def out(self) -> set[str]:
        """The addresses that are out of the answers."""
        overlay = Overlay(self.said, self.allowed.held)
        return {
            endpoint.target
            for service in self.services.values()
            for endpoint, belief in zip(
                service.service.endpoints, effective(service, self.truth, overlay).beliefs, strict=True
            )
            if belief is Belief.DOWN
        }

    @property
    def open(self) -> set[str]:
        """The addresses that nothing holds, for nothing of their type is up, and that are answered for that."""
        targets = {check.id: check.target for check in self.checks}
        return {targets[check] for _, check in self.history.open}

    @property
    def rules(self) -> set[SafetyRule]:
        return {refusal.rule for refusal in self.allowed.refusals}


def region(place: int, services: int) -> set[str]:
    return {address(number, place) for number in range(services)}
