"""Circles of services, by hand and against every walk of a small graph."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from gtm.ids import ServiceId
from gtm.zone.cycles import circular, way_back

NAMES = "abcdef"


def found(**awaited: str) -> dict[str, str]:
    """The ways back, in services of one letter each."""
    graph = {ServiceId(name): tuple(map(ServiceId, awaits)) for name, awaits in awaited.items()}
    component = circular(graph)
    return {name: "".join(way_back(name, graph, component)) for name in component}


def test_services_that_wait_in_one_direction_are_no_circle() -> None:
    assert found(a="bc", b="d", c="d", d="") == {}


def test_a_service_that_waits_for_itself() -> None:
    assert found(a="a", b="a") == {"a": "aa"}, "b only waits for one that does"


def test_each_of_a_circle_is_told_with_its_own_way() -> None:
    assert found(a="b", b="c", c="a", d="a") == {"a": "abca", "b": "bcab", "c": "cabc"}


def test_the_way_is_a_shortest_one() -> None:
    assert found(a="bc", b="c", c="a")["a"] == "aca"


def test_a_service_that_nobody_has_ends_the_way() -> None:
    assert found(a="bx", b="x") == {}


@given(st.dictionaries(st.sampled_from(NAMES), st.text(NAMES, max_size=4)))
def test_exactly_those_are_found_that_reach_themselves(awaited: dict[str, str]) -> None:
    reach = {name: set(awaits) for name, awaits in awaited.items()}
    for _ in NAMES:
        reach = {name: there.union(*(reach.get(one, set()) for one in there)) for name, there in reach.items()}
    ways = found(**awaited)
    assert set(ways) == {name for name, there in reach.items() if name in there}
    for name, way in ways.items():
        assert way[0] == way[-1] == name
        assert all(after in awaited[before] for before, after in pairwise(way))
