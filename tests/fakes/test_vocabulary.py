import pytest

from gtm.steer.vocabulary import STEERING
from gtm.zone.steering import FilterSpec
from tests.fakes.vocabulary import FAKE_VOCABULARY


def test_the_fake_knows_the_words_of_the_real_one() -> None:
    assert FAKE_VOCABULARY.filters <= STEERING.filters
    assert set(FAKE_VOCABULARY.presets) <= set(STEERING.presets)


@pytest.mark.parametrize(
    "spec", [FilterSpec("first", 2), FilterSpec("first", 0), FilterSpec("first"), FilterSpec("up"), FilterSpec("up", 1)]
)
def test_the_fake_objects_as_the_real_one_does(spec: FilterSpec) -> None:
    assert FAKE_VOCABULARY.objection(spec) == STEERING.objection(spec)
