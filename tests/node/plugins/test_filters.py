"""Filters of other packages: what they may do, and what becomes of those that misbehave."""

import logging
from collections.abc import Callable, Mapping
from importlib.metadata import EntryPoint, EntryPoints
from typing import Any

import pytest

from gtm.counters import Counters
from gtm.engine.reference import ReferenceEngine
from gtm.errors import ZoneInvalid
from gtm.geo.place import NOWHERE, Place
from gtm.health.belief import Belief
from gtm.ids import RegionName
from gtm.node.plugins import filters as module
from gtm.node.plugins.filters import vocabulary
from gtm.plan.compile import compile_plan
from gtm.plan.model import EMPTY_PLAN, Plan
from gtm.steer.filter import Candidate, Candidates, Choose, Filter, Regions, View
from gtm.steer.filters import up
from gtm.steer.vocabulary import STEERING, SteeringVocabulary
from gtm.zone.model import Zone
from gtm.zone.parse import NO_SHARED, parse
from gtm.zone.steering import Argument, FilterSpec
from tests.fakes import world
from tests.node.present import SMALL

ALL = tuple(Candidate(number, RegionName("eu-west"), Belief.UP) for number in range(3))
ALL_DOWN = tuple(one.believed(Belief.DOWN) for one in ALL)


def only(argument: Argument) -> Filter:
    """A good filter: keeps the candidates of one region, if there are any."""
    if not isinstance(argument, str):
        raise ValueError("takes the name of a region")  # noqa: TRY004  # what a kind raises

    def keep(candidates: Candidates, _view: View) -> Candidates:
        return tuple(candidate for candidate in candidates if candidate.region == argument) or candidates

    return Filter("only", keep, why=lambda candidate, _place, _regions: str(candidate.region))


def fails(*_arguments: object) -> Any:
    raise RuntimeError("out of luck")


def filter_of(keep: Callable[..., Any], **more: Any) -> Callable[[Argument], Filter]:
    return lambda _argument: Filter("stranger", keep, **more)


class FakePoint:
    """An entry point that loads what the test gives, or raises it."""

    def __init__(self, name: str, loaded: object) -> None:
        self.name = name
        self.value = f"package:{name}"
        self._loaded = loaded

    def load(self) -> object:
        if isinstance(self._loaded, Exception):
            raise self._loaded
        return self._loaded


@pytest.fixture
def install(monkeypatch: pytest.MonkeyPatch) -> Callable[..., SteeringVocabulary]:
    """Installs filters as packages would."""

    def installed(counters: Counters | None = None, **filters: object) -> SteeringVocabulary:
        def entry_points(*, group: str) -> list[FakePoint]:
            assert group == "gtm.filters"
            return [FakePoint(name, loaded) for name, loaded in filters.items()]

        monkeypatch.setattr(module, "entry_points", entry_points)
        return vocabulary(counters or Counters())

    return installed


Install = Callable[..., SteeringVocabulary]


def zone(words: SteeringVocabulary, steer: str) -> Zone:
    return parse(SMALL.replace("steer: nearest", f"steer: {steer}"), "z.yaml", NO_SHARED, words)


def plan(words: SteeringVocabulary, steer: str, beliefs: Mapping[str, Belief] | None = None) -> Plan:
    asked = zone(words, steer)
    return compile_plan(
        (asked,),
        serials={asked.origin.to_text(): 1},
        geography=world.geography(),
        vocabulary=words,
        status=world.status(beliefs or {}, asked),
        before=EMPTY_PLAN,
    )


def answers(served: Plan, client: str = world.US) -> list[str]:
    engine = ReferenceEngine()
    engine.swap(served)
    return world.values(world.answer(engine, world.query("api"), client=client).answer)


def test_without_other_packages_there_are_our_filters_alone(install: Install) -> None:
    assert install() is STEERING


def test_a_real_entry_point_of_the_group_is_found_and_loaded(monkeypatch: pytest.MonkeyPatch) -> None:
    point = EntryPoint("only", "tests.node.plugins.test_filters:only", "gtm.filters")
    other = EntryPoint("never", "tests.node.plugins.test_filters:fails", "somebody.else")
    monkeypatch.setattr(module, "entry_points", lambda group: EntryPoints([point, other]).select(group=group))
    assert vocabulary(Counters()).filters == STEERING.filters | {"only"}


def test_an_added_filter_steers(install: Install) -> None:
    words = install(only=only)
    assert answers(plan(words, "[up, {only: eu-west}]")) == ["192.0.2.2"]
    assert answers(plan(words, "[up, {only: us-east}]"), world.EU) == ["192.0.2.1"]


def test_an_added_filter_refuses_its_argument_in_its_own_words(install: Install) -> None:
    words = install(only=only)
    with pytest.raises(ZoneInvalid, match="filter only takes the name of a region"):
        zone(words, "[up, {only: 7}]")


def test_a_filter_that_cannot_be_loaded_is_logged_and_unknown(
    install: Install, caplog: pytest.LogCaptureFixture
) -> None:
    counters = Counters()
    words = install(counters, bad=ImportError("no module named luck"), only=only)
    assert "filter bad of package:bad cannot be loaded" in caplog.text
    assert "no module named luck" in caplog.text
    assert counters.count("filter_failures", filter="bad") == 1
    with pytest.raises(ZoneInvalid, match='unknown filter "bad"'):
        zone(words, "[up, bad]")
    assert zone(words, "[up, {only: eu-west}]").services


def test_our_filters_keep_their_names(install: Install, caplog: pytest.LogCaptureFixture) -> None:
    words = install(up=filter_of(fails), nearest=filter_of(fails), only=only)
    assert words.kinds["up"] is up.parse
    assert answers(plan(words, "nearest")) == ["192.0.2.1"]
    assert "filter nearest of package:nearest is left out: gtm has one of that name" in caplog.text


@pytest.mark.parametrize(
    "loaded",
    [
        fails,
        7,
        lambda: None,
        lambda _argument: None,
        lambda _argument: "up",
        filter_of(fails, choose="one"),
        filter_of(fails, choose=Choose.SHUFFLE, count=-1),
        filter_of(fails, choose=Choose.SHUFFLE, count="many"),
    ],
)
def test_what_makes_no_filter_is_an_objection_to_the_zone_file(
    install: Install, caplog: pytest.LogCaptureFixture, loaded: object
) -> None:
    counters = Counters()
    words = install(counters, bad=loaded)
    with pytest.raises(ZoneInvalid, match="filter bad is broken in this installation: "):
        zone(words, "[up, bad]")
    assert counters.count("filter_failures", filter="bad") == 1
    assert caplog.records


@pytest.mark.parametrize(
    "keep",
    [
        fails,
        lambda: None,
        lambda _candidates, _view: None,
        lambda candidates, _view: list(candidates),
        lambda candidates, _view: [candidate.number for candidate in candidates],
        lambda candidates, _view: candidates + candidates,
        lambda candidates, _view: (*candidates, Candidate(99, RegionName("eu-west"), Belief.UP)),
        lambda _candidates, _view: ("192.0.2.1",),
        lambda _candidates, _view: (),
    ],
)
def test_a_filter_that_fails_leaves_the_candidates_as_they_came(
    install: Install, caplog: pytest.LogCaptureFixture, keep: Callable[..., Any]
) -> None:
    counters = Counters()
    words = install(counters, bad=filter_of(keep))
    made = words.kinds["bad"](None)
    with caplog.at_level(logging.ERROR):
        assert made.keep(ALL, ()) == ALL
        assert made.keep(ALL[:2], ()) == ALL[:2]
    assert counters.count("filter_failures", filter="bad") == 2
    assert len(caplog.records) == 1
    assert answers(plan(words, "[up, bad, nearest, weight]"), world.EU) == ["192.0.2.2"]


def test_a_filter_may_drop_everything_that_is_down_and_order_the_rest(install: Install) -> None:
    counters = Counters()
    words = install(
        counters, own=filter_of(lambda some, _view: tuple(one for one in reversed(some) if one.belief is Belief.UP))
    )
    made = words.kinds["own"](None)
    assert made.keep(ALL, ()) == tuple(reversed(ALL))
    assert made.keep(ALL_DOWN, ()) == ()
    assert not counters.snapshot()
    down = dict.fromkeys(("192.0.2.1", "192.0.2.2"), Belief.DOWN)
    assert sorted(answers(plan(words, "[own]", down))) == ["192.0.2.1", "192.0.2.2"], "serve_all is ours to decide"


@pytest.mark.parametrize("view", [fails, lambda: None, lambda _place, _regions: [], lambda _place, _regions: {}])
def test_a_view_that_fails_sees_nothing_and_no_service_is_without_an_answer(
    install: Install, view: Callable[..., Any]
) -> None:
    counters = Counters()
    words = install(counters, bad=filter_of(lambda some, _view: some, view=view))
    assert answers(plan(words, "[up, bad, nearest, weight]"), world.EU) == ["192.0.2.2"]
    assert counters.count("filter_failures", filter="bad") > 0


def test_a_view_of_an_added_filter_makes_cells(install: Install) -> None:
    def country(place: Place, _regions: Regions) -> View:
        return place.country

    def home(candidates: Candidates, view: View) -> Candidates:
        return (
            tuple(candidate for candidate in candidates if (candidate.region == "eu-west") == (view == "IE"))
            or candidates
        )

    words = install(home=filter_of(home, view=country))
    served = plan(words, "[up, home]")
    assert (answers(served, world.US), answers(served, world.EU)) == (["192.0.2.1"], ["192.0.2.2"])


@pytest.mark.parametrize("why", [fails, lambda: None, lambda _candidate, _place, _regions: 7])
def test_a_filter_that_cannot_say_why_says_nothing(install: Install, why: Callable[..., Any]) -> None:
    words = install(mute=filter_of(lambda some, _view: some, why=why))
    assert words.kinds["mute"](None).why(ALL[0], NOWHERE, ()) == ""


def test_arguments_reach_an_added_filter_as_the_file_has_them(install: Install) -> None:
    seen: list[Argument] = []

    def kind(argument: Argument) -> Filter:
        seen.append(argument)
        return Filter("seen", lambda some, _view: some)

    words = install(seen=kind)
    found = zone(words, "[up, {seen: [1, {a: x}]}]").services[0].steer.chain[1]
    assert found == FilterSpec("seen", (1, (("a", "x"),)))
    assert seen[0] == (1, (("a", "x"),))
