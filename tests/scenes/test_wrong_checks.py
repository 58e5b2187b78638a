"""A scene: a deploy renames the health path. Every endpoint answers 404 to its check, and is well.

Nobody may be sent to fewer endpoints for that than when one region really dies, however many regions and endpoints
there are, and when the checks are mended all is as before.
"""

from collections.abc import Callable, Iterator
from random import Random

import pytest

from gtm.checks.model import checks
from gtm.health.override.override import Action, SafetyRule, in_force, joined, newest
from gtm.zone.model import Zone
from tests.fakes.overrides import WALL, said
from tests.scenes.shares import (
    NOT_FOUND,
    REGIONS,
    TICK_S,
    TIMEOUT,
    Failed,
    Fate,
    Key,
    Moment,
    Stage,
    address,
    most,
    region_of,
    zone_of,
)
from tests.scenes.shares import service_text as text

pytestmark = pytest.mark.slow

BEGINS = 10.0
INTERVAL_S = 5.0
POLICIES = ("nearest", "weighted", "failover", "multivalue")


def offsets(zone: Zone, seed: int) -> dict[str, float]:
    """How much later than the first each endpoint is found out: within an interval, and no two at once."""
    targets = [check.target for check in checks((zone,))]
    ticks = Random(seed).sample(range(int(INTERVAL_S / TICK_S)), len(targets))
    return {target: number * TICK_S for target, number in zip(targets, ticks, strict=True)}


def failing(
    late: dict[str, float],
    *,
    until: float,
    why: Failed = NOT_FOUND,
    which: Callable[[str], bool] | None = None,
    begins: float = BEGINS,
) -> Fate:
    return lambda target, now: (
        why if (which is None or which(target)) and begins <= now - late[target] < until else None
    )


def in_region(place: int) -> Callable[[str], bool]:
    return lambda target: region_of(target) == place


def real_death(zone: Zone, late: dict[str, float], regions: int) -> dict[Key, float]:
    """The largest share that each endpoint has when one region dies, whichever, and comes back."""
    found: dict[Key, float] = {}
    for place in range(regions):
        fate = failing(late, until=40.0, why=TIMEOUT, which=in_region(place))
        for key, share in most(Stage(zone).play(fate, until=60.0)).items():
            found[key] = max(share, found.get(key, 0.0))
    return found


def require_no_more_than(limit: dict[Key, float], moments: list[Moment]) -> None:
    for moment in moments:
        for key, share in moment.shares.items():
            assert share <= limit[key] + 1e-9, f"{key} at {moment.at} s"


def require_no_worse(zone: Zone, fate: Fate, moments: list[Moment]) -> None:
    """By share of the busiest endpoint, and by dead answers, than the same without rules."""
    bare = Stage(zone, has_rules=False).play(fate, until=moments[-1].at)
    assert max(moment.busiest for moment in moments) <= max(moment.busiest for moment in bare) + 1e-9


def sites(regions: int, each: int) -> Iterator[Zone]:
    for steer in POLICIES:
        weight = (lambda number: 1 + number) if steer == "weighted" else (lambda _number: 1)
        yield zone_of(text("api", 0, regions=regions, each=each, steer=steer, weight=weight))


@pytest.mark.parametrize("regions", range(1, 5))
@pytest.mark.parametrize("each", range(1, 5))
def test_all_checks_wrong_at_once_send_nobody_to_fewer_endpoints_than_one_dead_region(regions: int, each: int) -> None:
    for seed, zone in enumerate(sites(regions, each)):
        late = offsets(zone, seed)
        limit = real_death(zone, late, regions)
        for lasts_s in (60.0, 600.0):
            fate = failing(late, until=BEGINS + lasts_s)
            moments = Stage(zone).play(fate, until=BEGINS + lasts_s + 30.0)
            require_no_more_than(limit, moments)
            require_no_worse(zone, fate, moments)
            assert moments[-1].shares == moments[0].shares, "mended, and as before"
            assert not moments[-1].refusals


def mixed(regions: int, seed: int) -> Zone:
    """A service with both families, weighted; one with IPv4 alone; one without IPv6 in its last region."""
    chance = Random(seed)

    def weight(_number: int) -> int:
        return chance.randint(1, 9)

    some = "".join(
        f'      - {{region: {REGIONS[place]}, address: "{address(2, place, 0, family)}", weight: {weight(0)}}}\n'
        for place in range(regions)
        for family in (4, 6)
        if family == 4 or place < regions - 1
    )
    return zone_of(
        text("api", 0, regions=regions, each=1, steer="weighted", families=(4, 6), weight=weight)
        + text("shop", 1, regions=regions, each=1, steer="weighted", weight=weight)
        + f"  mail:\n    monitor: web\n    steer: nearest\n    endpoints:\n{some}"
    )


@pytest.mark.parametrize("regions", [2, 3, 4])
@pytest.mark.parametrize("steer", POLICIES)
def test_the_same_where_a_service_has_both_families(regions: int, steer: str) -> None:
    weight = (lambda number: 1 + number) if steer == "weighted" else (lambda _number: 1)
    zone = zone_of(text("api", 0, regions=regions, each=2, steer=steer, families=(4, 6), weight=weight))
    late = offsets(zone, regions)
    limit = real_death(zone, late, regions)
    for which in (None, lambda target: ":" in target):
        moments = Stage(zone).play(failing(late, until=BEGINS + 60.0, which=which), until=BEGINS + 90.0)
        require_no_more_than(limit, moments)
        assert moments[-1].shares == moments[0].shares


@pytest.mark.parametrize("regions", [2, 3, 4])
@pytest.mark.parametrize("seed", range(4))
def test_the_same_in_a_zone_of_services_that_differ(regions: int, seed: int) -> None:
    zone = mixed(regions, seed)
    late = offsets(zone, seed)
    limit = real_death(zone, late, regions)
    for prefix in ("192.0.0.", "192.0.1.", "192.0.2.", "2001:db8:0:", "2001:db8:2:", ""):
        fate = failing(late, until=BEGINS + 60.0, which=lambda target, prefix=prefix: target.startswith(prefix))  # type: ignore[misc]
        moments = Stage(zone).play(fate, until=BEGINS + 90.0)
        require_no_more_than(limit, moments)
        assert moments[-1].shares == moments[0].shares, prefix
        assert not moments[-1].refusals


@pytest.mark.parametrize("regions", [2, 3, 4])
@pytest.mark.parametrize("policy", ["nodata", "servfail", "serve_last_good"])
def test_whatever_is_answered_when_all_is_down_nobody_is_sent_through_a_smaller_and_smaller_set(
    regions: int, policy: str
) -> None:
    zone = zone_of(text("api", 0, regions=regions, each=2, more=f"    on_all_down: {policy}\n"))
    late = offsets(zone, regions)
    moments = Stage(zone).play(failing(late, until=2000.0), until=700.0)
    require_no_more_than(real_death(zone, late, regions), moments)
    assert moments[-1].states == {"fail_open" if policy == "serve_last_good" else "fail_closed"}
    if policy == "serve_last_good":
        assert moments[-1].shares == moments[0].shares
    else:
        assert not moments[-1].shares


@pytest.mark.parametrize("regions", [2, 3, 4])
def test_half_of_the_checks_mended_and_the_other_half_ten_seconds_later(regions: int) -> None:
    zone = zone_of(text("api", 0, regions=regions, each=4))
    late = offsets(zone, 1)
    first, second = failing(late, until=400.0), failing(late, until=410.0)
    half = {target for number, target in enumerate(sorted(late)) if number % 2}
    moments = Stage(zone).play(lambda one, now: (first if one in half else second)(one, now), until=430.0)
    require_no_more_than(real_death(zone, late, regions), moments)
    assert moments[-1].shares == moments[0].shares


def test_half_of_the_checks_that_stay_wrong_are_taken_out_at_the_pace_of_the_budget() -> None:
    zone = zone_of(text("api", 0, regions=4, each=1, steer="weighted"))
    late = offsets(zone, 1)
    first, second = failing(late, until=400.0), failing(late, until=2000.0)
    stays = {target for target in late if region_of(target) < 2}
    moments = Stage(zone).play(lambda one, now: (second if one in stays else first)(one, now), until=600.0)
    assert {round(moment.busiest, 6) for moment in moments if moment.at < 460.0} == {0.25, 0.333333}
    assert moments[-1].busiest == 0.5, "and in the end the checks are followed"
    assert not moments[-1].refusals


@pytest.mark.parametrize("regions", [2, 3, 4])
def test_checks_renamed_region_by_region_are_no_worse_than_without_rules(regions: int) -> None:
    """A rolling deploy over five minutes. It looks like regions that die one after the other, and is followed so."""
    zone = zone_of(text("api", 0, regions=regions, each=2))
    late = {target: offset + 300.0 / regions * region_of(target) for target, offset in offsets(zone, 1).items()}
    fate = failing(late, until=900.0)
    moments = Stage(zone).play(fate, until=1300.0)
    require_no_worse(zone, fate, moments)
    last = BEGINS + 300.0 / regions * (regions - 1) + INTERVAL_S
    assert all(moment.shares == moments[0].shares for moment in moments if last + 1 < moment.at < 900.0), "at once"
    assert moments[-1].shares == moments[0].shares


def test_one_service_of_several_whose_checks_are_wrong_moves_nobody_and_delays_nobody() -> None:
    zone = zone_of(
        "".join(text(name, number, regions=3, each=2) for number, name in enumerate(("api", "shop", "mail")))
    )
    late = offsets(zone, 3)
    wrong = failing(late, until=900.0, which=lambda target: target.startswith("192.0.0."))
    dead = failing(late, until=900.0, why=TIMEOUT, which=lambda one: one.startswith("192.0.1.2"), begins=60.0)
    moments = Stage(zone).play(lambda target, now: wrong(target, now) or dead(target, now), until=120.0)
    require_no_more_than(real_death(zone, late, 3), moments)
    assert all(moment.shares[key] == moments[0].shares[key] for moment in moments[40:] for key in apis(moments[0]))
    others = {key for key, share in moments[-1].shares.items() if key[0] == "shop"}
    assert not {key for key in others if key[2].startswith("ap-southeast")}, "a region of another service goes at once"


def apis(moment: Moment) -> list[Key]:
    return [key for key in moment.shares if key[0] == "api"]


def words_of(moments: list[Moment]) -> list[str]:
    """What was told of the rule, each once."""
    told = (refusal.words for moment in moments for refusal in moment.refusals if refusal.rule is SafetyRule.CORRELATED)
    return list(dict.fromkeys(told))


def test_it_is_said_in_words_with_the_command_that_helps() -> None:
    zone = zone_of(text("api", 0, regions=4, each=2))
    late = {target: number * 0.4 for number, target in enumerate(sorted(offsets(zone, 0)))}
    last = words_of(Stage(zone).play(failing(late, until=100.0), until=30.0))[-1]
    assert last == (
        "all 8 checks of 4 regions of api.gtm.example.com failed within 3 s, all HTTP 404: suspect the check; "
        "if it is well, mend the check, and `gtm up api.gtm.example.com --why TEXT` keeps it in until then; "
        "if it is really down, `gtm obey api.gtm.example.com --override-rule correlated_failure` believes the checks"
    )


def test_the_rule_is_lifted_by_its_name() -> None:
    zone = zone_of(text("api", 0, regions=4, each=1, more="    on_all_down: nodata\n"))
    fate = failing(dict.fromkeys(offsets(zone, 0), 0.0), until=900.0, which=lambda target: region_of(target) < 3)
    stage = Stage(zone)
    stage.play(fate, until=30.0)
    assert stage.overlay.held
    rules = (SafetyRule.CORRELATED, SafetyRule.MAX_SHARE)
    stage.said = in_force(
        newest(joined({}, [said("service api.gtm.example.com", Action.OBEY, rules=rules)])), wall=WALL
    )
    moments = stage.play(fate, until=35.0)
    assert moments[-1].busiest == 1.0
    assert not moments[-1].refusals


@pytest.mark.parametrize("regions", [2, 3, 4])
@pytest.mark.parametrize("why", [TIMEOUT, NOT_FOUND])
def test_one_region_that_really_dies_is_out_at_once_whatever_its_checks_say(regions: int, why: Failed) -> None:
    zone = zone_of(text("api", 0, regions=regions, each=3))
    for place in range(regions):
        late = offsets(zone, place)
        moments = Stage(zone).play(failing(late, until=900.0, why=why, which=in_region(place)), until=60.0)
        for moment in moments:
            assert not moment.refusals
            answered = {endpoint.partition("/")[2] for _, _, endpoint in moment.shares}
            assert not answered & moment.dead
