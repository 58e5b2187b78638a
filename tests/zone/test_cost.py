"""What a zone file costs is bounded: problems, suggestions, and what aliases stand for."""

import difflib
from collections.abc import Iterable

import pytest

from gtm.config.reader import MAX_FROM_ALIASES
from gtm.config.suggestions import suggestion
from gtm.errors import MAX_MESSAGE, MAX_PROBLEMS, Problem, Problems, ZoneInvalid
from gtm.zone.parse import NO_SHARED, parse, parse_shared
from tests.fakes.vocabulary import FAKE_VOCABULARY
from tests.zone.nested import HEAD


def problems(text: str) -> list[str]:
    with pytest.raises(ZoneInvalid) as raised:
        parse(text, "zone.yaml", NO_SHARED, FAKE_VOCABULARY)
    return [str(problem) for problem in raised.value.problems]


class Comparisons:
    """Counts the pairs of names that are compared letter by letter."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.made, real = 0, difflib.get_close_matches

        def counted(word: str, possibilities: Iterable[str], n: int = 3, cutoff: float = 0.6) -> list[str]:
            names = list(possibilities)
            self.made += len(names)
            return real(word, names, n, cutoff)

        monkeypatch.setattr(difflib, "get_close_matches", counted)


@pytest.mark.slow
def test_a_thousand_misspelt_names_of_a_thousand_are_a_hundred_problems_and_few_comparisons(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    comparisons = Comparisons(monkeypatch)
    regions = "\n".join(f"  region-{place}: {{}}" for place in range(1000))
    services = "\n".join(
        f"  s{place}: {{steer: weighted, endpoints: [{{region: regoin-{place}, address: 192.0.2.1}}]}}"
        for place in range(1000)
    )
    found = problems(f"{HEAD.replace(' {one: {}}', '')}{regions}\nservices:\n{services}\n")
    assert len(found) == MAX_PROBLEMS + 1
    assert found[0] == 'zone.yaml:1006:46: unknown region "regoin-0"; did you mean "region-0"?'
    assert found[-1] == f"zone.yaml: and {1000 - MAX_PROBLEMS} more problems"
    assert comparisons.made <= MAX_PROBLEMS * 100


def test_a_misspelt_name_of_many_still_has_its_suggestion() -> None:
    names = [f"{town}-{number}" for town in ("berlin", "london", "madrid", "oslo") for number in range(5000)]
    assert suggestion("londno-4711", names) == '; did you mean "london-4711"?'
    assert suggestion("x" * 300, names) == ""


def test_what_aliases_repeat_is_one_problem() -> None:
    services = "".join(f"  s{place}: *s\n" for place in range(50))
    first = "  s: &s {steer: weighted, endpoints: [{region: ones, address: 192.0.2.1}]}\n"
    assert problems(f"{HEAD}services:\n{first}{services}") == [
        'zone.yaml:6:48: unknown region "ones"; did you mean "one"?'
    ]


def test_what_aliases_stand_for_is_bounded() -> None:
    ends = ", ".join(f"{{region: x{place}, address: 192.0.2.1}}" for place in range(150))
    services = "".join(f"  s{place}: *s\n" for place in range(330))
    (problem,) = problems(f"{HEAD}services:\n  s: &s {{steer: weighted, endpoints: [{ends}]}}\n{services}")
    assert problem.endswith(f"aliases up to here stand for more than {MAX_FROM_ALIASES} values")


@pytest.mark.slow
def test_an_anchor_may_serve_as_many_services_as_a_site_has() -> None:
    services = "".join(f"  s{place}: *s\n" for place in range(1_000))
    ends = ", ".join(f"{{region: one, address: 192.0.2.{place}}}" for place in range(3))
    text = f"{HEAD}services:\n  s: &s {{steer: weighted, endpoints: [{ends}]}}\n{services}"
    assert len(parse(text, "zone.yaml", NO_SHARED, FAKE_VOCABULARY).services) == 1_001


@pytest.mark.parametrize(
    "text",
    [
        HEAD + "ttl: 1\n" * 300,
        HEAD + "".join(f"key{place}: 1\n" for place in range(300)),
        HEAD + "records:\n" + "".join(f"  r{place}: {{AB{place}: x}}\n" for place in range(300)),
        HEAD + "records:\n" + "".join(f"  r{place}: {{A: {place}.x}}\n" for place in range(300)),
        HEAD + "records:\n  r:\n    A:\n" + "".join(f"      - {place}.x\n" for place in range(300)),
        HEAD + "services:\n" + "".join(f"  s{place}.: {{steer: weighted, endpoints: []}}\n" for place in range(300)),
        HEAD + "records:\n" + "".join(f"  r{place}: {{CNAME: r{place}}}\n" for place in range(300)),
    ],
    ids=["duplicate keys", "unknown keys", "types", "values", "values of one", "services", "loops"],
)
def test_a_file_has_at_most_a_hundred_problems(text: str) -> None:
    found = problems(text)
    assert MAX_PROBLEMS <= len(found) <= MAX_PROBLEMS + 2
    assert [line for line in found if line.startswith("zone.yaml: ")] == found[MAX_PROBLEMS:]


def test_the_shared_file_has_at_most_a_hundred_problems_too() -> None:
    with pytest.raises(ZoneInvalid) as raised:
        parse_shared("monitors:\n" + "".join(f"  m{place}: {{type: x}}\n" for place in range(300)), "_shared.yaml")
    assert len(raised.value.problems) == MAX_PROBLEMS + 1


def test_a_message_is_no_longer_than_anybody_reads() -> None:
    (problem,) = problems(f"{HEAD}? {'k' * 100_000}\n: 1\n")
    assert len(problem) < MAX_MESSAGE + 50


def test_problems_are_kept_once_and_in_the_order_of_the_file_and_those_of_each_file_by_themselves() -> None:
    found = Problems(Problem("a", line % 150 + 1, 1, "wrong") for line in range(900))
    found.add(Problem("b", 1, 1, "wrong"))
    shown = [str(problem) for problem in found.all]
    assert shown[:2] == ["a:1:1: wrong", "a:2:1: wrong"]
    assert shown[99:] == ["a:100:1: wrong", "a: and 300 more problems", "b:1:1: wrong"]
