"""What an override is told to change is held against the answers of the plans before and after it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gtm.admin.effect_text import nothing_words, reason_words
from gtm.health.belief import Belief
from gtm.health.consensus.status import Status
from gtm.health.override.override import TAKING, Action, Override, in_force, joined, newest
from gtm.ids import ServiceId
from gtm.plan.apply import apply
from gtm.plan.model import Plan
from gtm.plan.overlay import NO_OVERLAY, Overlay, guided_anew
from gtm.plan.override_effects import Effect, Touched, Why, effect_of, freed_by
from tests.fakes import world
from tests.fakes.overrides import WALL, said

TEXT = """
  api:
    monitor: web
    steer: multivalue
    on_all_down: OUTCOME
    endpoints:
      - {region: us-east, address: 192.0.2.10}
      - {region: eu-west, address: 192.0.2.20}
      - {region: eu-west, address: 192.0.2.21}
"""
API = ServiceId("api.gtm.example.com")
EU, ZONE = "region gtm.example.com/eu-west", "zone gtm.example.com"
FIRST, SECOND = (f"endpoint api.gtm.example.com eu-west/192.0.2.{n}" for n in (20, 21))
SCOPES = [EU, ZONE, FIRST, SECOND, "region */eu-west", "region */us-east", "service api.gtm.example.com"]


class Site:
    """A zone of one service, what its checks say, and what people said."""

    def __init__(self, *before: Override, down: tuple[str, ...] = (), on_all_down: str = "serve_all") -> None:
        self.down = {f"192.0.2.{n}": Belief.DOWN for n in down}
        self.zone = world.services(TEXT.replace("OUTCOME", on_all_down))
        self.before = before

    @property
    def status(self) -> Status:
        return world.status(self.down, self.zone)

    def plan(self, overlay: Overlay = NO_OVERLAY) -> Plan:
        plan = world.plan(self.zone, beliefs=self.down, geography=world.geography())
        guided = guided_anew(plan, NO_OVERLAY, overlay)
        return apply(plan, self.status, (), overlay=overlay, guided=guided) or plan

    def overlay(self, *more: Override) -> Overlay:
        return Overlay(in_force(newest(joined({}, [*self.before, *more])), wall=WALL + 100))

    def effect(self, one: Override, *, outlasts: bool = False) -> Effect:
        now, after = self.overlay(), self.overlay(one)
        plan = self.plan(now)
        services, decided = plan.services.values(), plan.decisions
        return effect_of(
            services, self.status, now, after, decided=decided, override=one, scope=one.scope, outlasts=outlasts
        )

    def answered(self, *more: Override) -> set[str]:
        """The last parts of the addresses that clients get, once this is said too."""
        found = self.plan(self.overlay(*more)).decisions[API].different
        ends = {answer.endpoint for part in found for outcome in part.outcomes.values() for answer in outcome.answers}
        return {end.rpartition(".")[2] for end in ends}


def targets(some: tuple[Touched, ...]) -> list[tuple[str, str]]:
    return [(one.target.rpartition(".")[2], one.why.value) for one in some]


def late(scope: str, action: Action = Action.DRAIN, *, span_s: float = 3600.0) -> Override:
    return said(scope, action, made_at=WALL + 100, span_s=span_s)


def test_a_drain_takes_out_what_is_in_the_answers_and_not_what_is_exempt() -> None:
    site = Site(said(FIRST, Action.OBEY, by="bob"))
    effect = site.effect(late(EU))
    assert targets(effect.counts) == [("21", "counts")]
    assert targets(effect.without) == [("20", "exempt")]
    words = "obeyed until 23:13Z by bob (endpoint api.gtm.example.com eu-west/192.0.2.20; clear it: gtm clear "
    assert reason_words(effect.without[0], wall=WALL).startswith(words)
    assert site.answered(late(EU)) == {"10", "20"}


def test_what_is_exempt_everywhere_makes_a_drain_of_all_mean_nothing() -> None:
    site = Site(said(EU, Action.OBEY), said("region */us-east", Action.UP, made_at=WALL + 1))
    effect = site.effect(late(ZONE))
    assert effect.is_nothing
    assert {one.why for one in effect.without} == {Why.EXEMPT}
    words = nothing_words(late(ZONE), effect, wall=WALL)
    assert words.startswith(f"drain {ZONE} would take out nothing: 192.0.2.10 (api.gtm.example.com): said up until ")
    assert "; 192.0.2.20 (api.gtm.example.com), 192.0.2.21 (api.gtm.example.com): obeyed until " in words


@pytest.mark.parametrize(("outlasts", "kept"), [(False, 0), (True, 2)])
def test_what_another_one_took_out_is_kept_out_for_longer_only_if_that_was_asked(outlasts: bool, kept: int) -> None:  # noqa: FBT001  # a parameter
    site = Site(said("region */eu-west", Action.DRAIN))
    effect = site.effect(late(EU, span_s=7200.0), outlasts=outlasts)
    assert not effect.counts
    assert len(effect.keeps) == kept
    assert not site.effect(late(EU, span_s=60.0), outlasts=True).keeps, "one that ends sooner keeps nothing out"


def test_saying_it_again_of_the_same_scope_makes_it_longer_or_shorter() -> None:
    site = Site(said(EU, Action.DRAIN))
    assert targets(site.effect(late(EU, span_s=60.0)).keeps) == [("20", "renewed"), ("21", "renewed")]
    assert len(site.effect(late(EU, Action.DOWN)).keeps) == 2


def test_what_is_down_by_its_checks_is_kept_out_when_it_recovers() -> None:
    effect = Site(down=("20", "21")).effect(late(EU))
    assert targets(effect.keeps) == [("20", "down_already"), ("21", "down_already")]
    assert not effect.is_nothing


@pytest.mark.parametrize(
    ("on_all_down", "counts", "is_last"),
    [("serve_all", 0, True), ("serve_last_good", 0, True), ("nodata", 3, False), ("servfail", 3, False)],
)
def test_where_all_is_taken_out_on_all_down_decides_what_that_means(
    on_all_down: str, counts: int, *, is_last: bool
) -> None:
    site = Site(on_all_down=on_all_down)
    effect = site.effect(late(ZONE))
    assert (len(effect.counts), effect.is_last) == (counts, is_last)
    assert site.answered(late(ZONE)) == ({"10", "20", "21"} if is_last else set())


@pytest.mark.parametrize("on_all_down", ["serve_all", "serve_last_good"])
def test_what_is_down_and_answered_all_the_same_is_taken_out(on_all_down: str) -> None:
    site = Site(down=("10", "20", "21"), on_all_down=on_all_down)
    assert site.answered() == {"10", "20", "21"}
    effect = site.effect(late(EU))
    assert (targets(effect.counts), effect.keeps) == ([("20", "counts"), ("21", "counts")], ())
    assert site.answered(late(EU)) == {"10"}
    assert not Site(down=("10", "20", "21"), on_all_down="nodata").effect(late(EU)).counts


def test_a_drain_of_the_rest_brings_back_what_was_out() -> None:
    site = Site(said("region */eu-west", Action.DRAIN), down=("21",))
    assert site.answered() == {"10"}
    effect = site.effect(late("service api.gtm.example.com"))
    assert targets(effect.without) == [
        ("10", "nothing_else_left"),
        ("20", "brought_back"),
        ("21", "brought_back"),
    ]
    assert effect.is_last
    assert reason_words(effect.without[1], wall=WALL) == (
        "out until now; nothing else of its service is left, so this brings it back (on_all_down)"
    )


def test_up_and_obey_count_where_nothing_more_specific_is_said() -> None:
    site = Site(said(FIRST, Action.DRAIN))
    for action in (Action.UP, Action.OBEY):
        effect = site.effect(late(EU, action))
        assert targets(effect.counts) == [("21", "counts")]
        assert targets(effect.without) == [("20", "exempt")]


def test_what_is_cleared_gives_back_what_nothing_else_takes_out() -> None:
    site, wide = Site(said(FIRST, Action.DRAIN)), said("region */eu-west", Action.DRAIN, made_at=WALL + 1)
    services = site.plan().services.values()
    ended = site.before[:1]
    freed = freed_by(services, site.overlay().said, NO_OVERLAY.said, ended=ended)
    assert targets(freed.counts) == [("20", "counts")]
    still = Overlay(in_force(newest(joined({}, [wide])), wall=WALL + 100)).said
    both = site.overlay(wide).said
    kept = freed_by(services, both, still, ended=ended)
    assert (targets(kept.counts), targets(kept.without)) == ([], [("20", "out_already")])


some_overrides = st.lists(
    st.builds(
        lambda scope, action, at: said(scope, action, made_at=WALL + at),
        st.sampled_from(SCOPES),
        st.sampled_from([action for action in Action if action is not Action.CLEAR]),
        st.integers(0, 50),
    ),
    max_size=4,
)


@pytest.mark.slow
@given(
    some_overrides,
    st.sampled_from(SCOPES),
    st.sampled_from(sorted(TAKING, key=lambda action: action.value)),
    st.sets(st.sampled_from(["10", "20", "21"])),
    st.sampled_from(["serve_all", "nodata", "servfail"]),
)
def test_what_is_told_of_a_drain_is_what_clients_get(
    before: list[Override], scope: str, action: Action, down: set[str], on_all_down: str
) -> None:
    site = Site(*before, down=tuple(down), on_all_down=on_all_down)
    one = late(scope, action)
    effect, answered, until_now = site.effect(one), site.answered(one), site.answered()
    for each in (*effect.counts, *effect.keeps):
        assert each.target.rpartition(".")[2] not in answered
    assert {count.target.rpartition(".")[2] for count in effect.counts} <= until_now
    assert until_now.isdisjoint({keep.target.rpartition(".")[2] for keep in effect.keeps})
    for each in effect.without:
        name = each.target.rpartition(".")[2]
        if each.why in {Why.LAST, Why.BACK}:
            assert name in answered
            assert (name in until_now) is (each.why is Why.LAST)
        elif each.why is Why.OUT:
            assert name not in answered
    covered = {"20", "21"} if "eu-west" in scope else {"10"} if "us-east" in scope else {"10", "20", "21"}
    covered = {scope.rpartition(".")[2]} if scope in {FIRST, SECOND} else covered
    told = (*effect.counts, *effect.keeps, *effect.without)
    assert sorted(each.target.rpartition(".")[2] for each in told) == sorted(covered), "each once"
