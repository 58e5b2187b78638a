from pathlib import Path

from gtm.counters import Counters
from gtm.engine.reference import ReferenceEngine
from gtm.health.belief import Belief
from gtm.node.subject import NodeSubject
from gtm.node.zones import ZoneRiver
from gtm.steer.vocabulary import STEERING
from tests.fakes.clock import FakeClock
from tests.fakes.peers import believing, desk_of, key_of
from tests.node.present import config, make_planner

URL = "http://192.0.2.7:8053"
PEERS = "".join(f'    - {{node: {node}, url: "{URL}", key: "{key_of(node).public}"}}\n' for node in ("b", "a"))


def test_a_peer_counts_as_unheard_until_a_report_of_its_own_comes(tmp_path: Path) -> None:
    clock, counters, engine = FakeClock(), Counters(), ReferenceEngine()
    planner = make_planner(tmp_path / "state", engine=engine, counters=counters)
    desk, a = desk_of("ns1", "a", "b", clock=clock), desk_of("a", clock=clock)
    subject = NodeSubject(
        config(tmp_path, f"share:\n  key: ns1.key\n  peers:\n{PEERS}"),
        planner,
        ZoneRiver(tmp_path / "zones", STEERING, planner, watch=lambda _checks: None, counters=counters),
        desk,
        engine=engine,
        clock=clock,
        counters=counters,
        is_warm=lambda: True,
    )
    assert subject.status().unheard == ("a", "b")
    a.publish(believing(Belief.UP))
    assert desk.take(a.offer().body)
    assert subject.status().unheard == ("b",)
