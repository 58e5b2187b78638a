"""Each test here runs on every engine."""

from tests.fakes.engines import engine, serving

__all__ = ["engine", "serving"]
