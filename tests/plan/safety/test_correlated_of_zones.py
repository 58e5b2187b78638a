"""What fails in the zone of one team is no reason to blame the probes for what fails in that of another."""

from gtm.health.belief import Belief
from gtm.health.consensus.status import Status
from gtm.health.override.override import NOTHING_IN_FORCE, SafetyRule
from gtm.plan.overlay import Overlay, effective
from gtm.plan.safety.correlated import HOLD_S
from gtm.plan.safety.rules import NO_HISTORY, History, SafetyDecision, allow
from gtm.plan.safety.shares import shares_of
from tests.fakes import world
from tests.fakes.deltas import delta_of
from tests.plan.site import REGIONS, region, text

THEIRS = world.zone(f"{world.HEAD}services:\n{text(4)}\nrecords:{world.NS1}")
MANY = 40
CROWD = world.zone(
    world.HEAD.replace("gtm.example.com", "crowd.example.com")
    + "services:\n"
    + "".join(
        f"  s{number}:\n    monitor: web\n    steer: nearest\n    endpoints:\n"
        f"      - {{region: {REGIONS[number % 3]}, address: 198.51.100.{number}}}\n"
        for number in range(MANY)
    )
    + f"\nrecords:{world.NS1}"
)
ALL_OF_THE_CROWD = {f"198.51.100.{number}" for number in range(MANY)}
ALL_OF_THEIRS = {end.target for service in THEIRS.services for end in service.endpoints}


class Node:
    """Both zones under the rules of safety; the clock is the test's."""

    def __init__(self) -> None:
        self.plan = world.plan(THEIRS, CROWD)
        self.shares = shares_of(self.plan.services)
        self.truth: Status = world.status({}, THEIRS, CROWD)
        self.history: History = NO_HISTORY
        self.allowed = SafetyDecision({}, (), NO_HISTORY)
        self.now = 1000.0

    def see(self, *down: str, after_s: float = 0.0) -> "Node":
        self.now += after_s
        before, self.truth = self.truth, world.status(world.down(*down), THEIRS, CROWD)
        self.allowed = allow(
            self.shares, self.history, self.truth, delta_of(before, self.truth), NOTHING_IN_FORCE, now=self.now
        )
        self.history = self.allowed.history
        return self

    def out(self, zone: str) -> set[str]:
        overlay = Overlay(NOTHING_IN_FORCE, self.allowed.held)
        return {
            endpoint.target
            for service in self.plan.services.values()
            for endpoint, belief in zip(
                service.service.endpoints, effective(service, self.truth, overlay).beliefs, strict=True
            )
            if belief is Belief.DOWN and service.zone == zone
        }

    @property
    def theirs_out(self) -> set[str]:
        return self.out("gtm.example.com")


def test_a_crowd_that_fails_with_a_region_of_another_zone_delays_no_failover() -> None:
    node = Node().see(*region(1, 4), *ALL_OF_THE_CROWD)
    assert node.theirs_out == region(1, 4)
    assert node.out("crowd.example.com") == set()
    assert {refusal.rule for refusal in node.allowed.refusals} == {SafetyRule.CORRELATED}


def test_nor_one_that_failed_before_or_after() -> None:
    assert Node().see(*ALL_OF_THE_CROWD).see(*region(1, 4), *ALL_OF_THE_CROWD, after_s=30.0).theirs_out == region(1, 4)
    assert Node().see(*region(1, 4)).see(*region(1, 4), *ALL_OF_THE_CROWD, after_s=2.0).theirs_out == region(1, 4)


def test_where_the_probes_are_to_blame_every_zone_is_held() -> None:
    node = Node().see(*ALL_OF_THEIRS, *ALL_OF_THE_CROWD)
    assert node.theirs_out == set()
    assert node.see(*ALL_OF_THEIRS, *ALL_OF_THE_CROWD, after_s=HOLD_S - 1).theirs_out == set()


def test_a_zone_that_fails_later_than_the_others_is_held_too() -> None:
    node = Node().see(*ALL_OF_THE_CROWD).see(*ALL_OF_THEIRS, *ALL_OF_THE_CROWD, after_s=3.0)
    assert node.theirs_out == set()
