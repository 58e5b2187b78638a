import pytest
from dns.name import Name, from_text
from hypothesis import given
from hypothesis import strategies as st

from gtm.zone.rules.cname_loops import loops

NAMES = [from_text(f"n{index}.example.") for index in range(6)]
GRAPHS = st.fixed_dictionaries({name: st.lists(st.sampled_from(NAMES), max_size=3).map(tuple) for name in NAMES})


def reaches_itself(start: Name, graph: dict[Name, tuple[Name, ...]]) -> bool:
    reached: set[Name] = set()
    for _ in NAMES:
        reached |= {target for name in (reached | {start}) for target in graph[name]}
    return start in reached


@pytest.mark.slow
@given(GRAPHS)
def test_loops_are_found_exactly_where_there_are_some(graph: dict[Name, tuple[Name, ...]]) -> None:
    found = list(loops(graph))
    assert bool(found) == any(reaches_itself(name, graph) for name in NAMES)


@pytest.mark.slow
@given(GRAPHS)
def test_each_loop_leads_back_to_its_start(graph: dict[Name, tuple[Name, ...]]) -> None:
    for loop in loops(graph):
        for name, following in zip(loop, (*loop[1:], loop[0]), strict=True):
            assert following in graph[name]
