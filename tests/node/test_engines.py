import pytest

from gtm.engine.reference import ReferenceEngine
from gtm.errors import EngineUnavailable
from gtm.node.config import EngineChoice
from gtm.node.engines import make_engine
from gtm.plan.model import EMPTY_PLAN


@pytest.mark.parametrize("choice", [EngineChoice.AUTO, EngineChoice.REFERENCE])
def test_these_are_always_there(choice: EngineChoice) -> None:
    engine = make_engine(choice)
    engine.swap(EMPTY_PLAN)
    assert engine.name in {"reference", "rust"}


def test_the_reference_engine_is_the_one_in_python() -> None:
    assert isinstance(make_engine(EngineChoice.REFERENCE), ReferenceEngine)


def test_an_engine_that_is_not_installed_is_refused_with_what_to_do() -> None:
    with pytest.raises(EngineUnavailable, match="`--engine auto` serves with the best there is"):
        make_engine(EngineChoice.RUST)
