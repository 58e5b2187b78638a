"""A scene: an endpoint dies, the node is killed as soon as it believes that, and a relay that is behind is heard first.

What it believed before the restart was made from newer reports: the older ones may not send anybody to what is dead.
"""

from pathlib import Path

import pytest

from gtm.health.belief import Belief
from gtm.ids import NodeName
from tests.scenes.play import FIRST, PAIR, SECOND, Play, Probe

pytestmark = pytest.mark.slow


def test_older_reports_do_not_bring_back_what_the_node_knew_to_be_down(tmp_path: Path) -> None:
    play = Play(PAIR, tmp_path / "state", [*map(Probe, ("fra-1", "iad-1", "sin-1"))])
    play.settle()
    play.dead.add(FIRST)
    relayed = []
    while play.belief(FIRST) is not Belief.DOWN:
        relayed = [(NodeName("fra-1"), probe.report_store.offer().body) for probe in play.probes]
        play.play(1)
    play.restart()
    assert play.belief(FIRST) is Belief.DOWN
    for giver, body in relayed:
        assert not play.server.report_store.take(body, giver=giver)
    play.server.merge()
    assert play.belief(FIRST) is Belief.DOWN
    assert play.server.planner.present.status.frozen, "until newer reports come"
    assert {one.address for one in play.play(1)} == {SECOND}
    assert not play.server.planner.present.status.frozen
