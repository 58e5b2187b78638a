"""Which engine serves: the fastest that is installed, or the one that was asked for."""

from typing import assert_never

from gtm.engine.protocol import Engine
from gtm.engine.reference import ReferenceEngine
from gtm.errors import EngineUnavailable
from gtm.node.config import EngineChoice


def make_engine(choice: EngineChoice) -> Engine:
    """Returns the engine of this name; raises EngineUnavailable when it is not installed."""
    match choice:
        case EngineChoice.AUTO | EngineChoice.REFERENCE:
            return ReferenceEngine()
        case EngineChoice.RUST:
            raise EngineUnavailable(
                "the Rust engine is not in this installation; `--engine auto` serves with the best there is"
            )
        case _:
            assert_never(choice)
