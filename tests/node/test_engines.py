import pytest

from gtm.engine.reference import ReferenceEngine
from gtm.errors import EngineUnavailable
from gtm.node.config.model import EngineChoice
from gtm.node.engines import make_engine
from gtm.plan.model import EMPTY_PLAN


@pytest.mark.parametrize("choice", [EngineChoice.AUTO, EngineChoice.REFERENCE])
def test_these_are_always_there(choice: EngineChoice) -> None:
    engine = make_engine(choice)
    engine.swap(EMPTY_PLAN)
    assert engine.name in {"reference", "rust"}


def test_the_reference_engine_is_the_one_in_python() -> None:
    assert isinstance(make_engine(EngineChoice.REFERENCE), ReferenceEngine)


def test_the_rust_engine_is_what_auto_means_where_it_is_built() -> None:
    pytest.importorskip("gtm._native")
    assert make_engine(EngineChoice.AUTO).name == make_engine(EngineChoice.RUST).name == "rust"


def test_an_engine_that_is_not_installed_is_refused_with_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gtm.node.engines.has_rust", False)
    assert make_engine(EngineChoice.AUTO).name == "reference"
    with pytest.raises(EngineUnavailable, match="install Rust and then gtm again"):
        make_engine(EngineChoice.RUST)
