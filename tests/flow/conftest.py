"""What every test of whole processes gets: a cluster that ends with the test, and a place for what it measured."""

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.fakes.cluster import Cluster


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[Cluster]:
    """Yields a cluster in the folder of the test."""
    with Cluster(tmp_path) as running:
        yield running


@pytest.fixture
def record(request: pytest.FixtureRequest) -> Callable[[str, float], None]:
    """Returns what notes a figure: it is printed (pytest -rP shows it), and stands in a JUnit report."""
    node: pytest.Item = request.node

    def note(name: str, value: float) -> None:
        # pytest's own `record_property` does the same, and warns wherever --junitxml is given
        node.user_properties.append((name, round(value, 3)))
        sys.stdout.write(f"{name}: {value:.3f}\n")

    return note
