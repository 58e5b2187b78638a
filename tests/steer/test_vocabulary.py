import pytest

from gtm.steer.filter import Choose, Filter
from gtm.steer.vocabulary import KINDS, PRESETS, STEERING, with_kinds
from gtm.zone.steering import Argument, FilterSpec, Steer


@pytest.mark.parametrize(
    ("preset", "names", "choose", "count"),
    [
        ("nearest", ["up", "nearest", "weight"], Choose.ONE, 0),
        ("failover", ["up", "priority", "weight"], Choose.ONE, 0),
        ("weighted", ["up", "weight"], Choose.ONE, 0),
        ("round-robin", ["up", "rotate"], Choose.ROTATE, 0),
        ("multivalue", ["up", "shuffle"], Choose.SHUFFLE, 8),
    ],
)
def test_a_preset_is_a_chain_with_a_name(preset: str, names: list[str], choose: Choose, count: int) -> None:
    links = STEERING.build(Steer(PRESETS[preset], preset))
    assert [link.name for link in links] == names
    assert (links[-1].choose, links[-1].count) == (choose, count)


def test_every_preset_is_made_of_valid_filters() -> None:
    for specs in PRESETS.values():
        assert [STEERING.objection(spec) for spec in specs] == [""] * len(specs)


def test_every_filter_is_named_as_in_its_table() -> None:
    for name, kind in KINDS.items():
        assert kind(2 if name == "first" else None).name == name


def test_an_objection_completes_a_sentence() -> None:
    assert STEERING.objection(FilterSpec("up", 3)) == "takes no argument"
    assert STEERING.objection(FilterSpec("first")) == "takes a whole number of endpoints, at least 1"


def test_filters_of_others_are_added_and_ours_keep_their_names() -> None:
    def theirs(argument: Argument) -> Filter:
        return Filter(f"theirs {argument}", lambda candidates, _view: candidates)

    more = with_kinds({"network": theirs, "up": theirs})
    assert more.filters == {*KINDS, "network"}
    chain = more.build(Steer((FilterSpec("up"), FilterSpec("network", "x"))))
    assert [link.name for link in chain] == ["up", "theirs x"]
