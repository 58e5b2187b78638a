"""Chooses the engine: the fastest that is installed, or the one that the node file or the command line names."""

from typing import assert_never

from gtm.engine.protocol import Engine
from gtm.errors import EngineUnavailable
from gtm.node.config.model import EngineChoice

try:
    from gtm.engine.native import NativeEngine
except ImportError:  # built without cargo
    has_rust = False
else:
    has_rust = True


def make_engine(choice: EngineChoice) -> Engine:
    """Returns a new engine of the chosen kind; raises EngineUnavailable when the Rust engine is not installed."""
    match choice:
        case EngineChoice.REFERENCE:
            return _reference()
        case EngineChoice.AUTO:
            return NativeEngine() if has_rust else _reference()
        case EngineChoice.RUST:
            if has_rust:
                return NativeEngine()
            raise EngineUnavailable(
                "the Rust engine is not in this installation: it was built without cargo; install Rust and then gtm "
                "again, or serve with `--engine auto`, the best there is"
            )
        case _:
            assert_never(choice)


def _reference() -> Engine:
    """Returns a new reference engine; imports it only now."""
    from gtm.engine.reference import ReferenceEngine  # noqa: PLC0415  # where Rust serves, a start need not load it

    return ReferenceEngine()
