"""Each test here runs on every engine that it asks for."""

from tests.fakes.engines import engine, serving

__all__ = ["engine", "serving"]
