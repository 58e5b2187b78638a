"""Attacks on one part of a node, while every other part is looked at: none of them may be of any use.

Each attack names a client that loses nothing, /livez, memory, a failover and SIGTERM: tests/fakes/siege.py measures.
"""

from collections.abc import Callable
from contextlib import nullcontext

import pytest

from tests.fakes.cluster import Cluster
from tests.fakes.siege import besiege, withstand

pytestmark = [pytest.mark.slow, pytest.mark.timeout(120), pytest.mark.alone]

Record = Callable[[str, float], None]


def test_no_attack_at_all(cluster: Cluster, record: Record) -> None:
    siege = besiege(cluster)
    seen = withstand(siege, nullcontext())
    seen.report(record)
    seen.hold()
