from collections.abc import Iterator

import pytest

from tests.fakes.etcd import Etcd, etcd


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Etcd]:
    """A real etcd."""
    with etcd(tmp_path_factory.mktemp("etcd")) as running:
        yield running
