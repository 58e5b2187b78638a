"""The store of heartbeats: what is watched is remembered, and nothing else."""

from gtm.ids import CheckId
from gtm.probe.heartbeats import Heartbeat, Heartbeats
from gtm.zone.settings import PushSettings, Secret, TcpSettings
from tests.fakes.checks import check_of

TOKEN = Secret("env", "TOKEN")
ALIVE = Heartbeat(ok=True, detail="", heard_at=1.0)
A = check_of(PushSettings(30.0, TOKEN), target="192.0.2.1")
B = check_of(PushSettings(30.0, TOKEN), target="192.0.2.2")
TCP = check_of(TcpSettings(), target="192.0.2.3", port=443)


def watching() -> Heartbeats:
    heartbeats = Heartbeats()
    heartbeats.watch([A, B, TCP])
    return heartbeats


def test_nothing_is_known_before_the_first_heartbeat() -> None:
    heartbeats = watching()
    assert heartbeats.last(A.id) is None
    assert heartbeats.token(A.id) == TOKEN


def test_the_last_heartbeat_of_each_is_remembered() -> None:
    heartbeats, late = watching(), Heartbeat(ok=False, detail="disk full", heard_at=2.0)
    heartbeats.hear(A.id, ALIVE)
    heartbeats.hear(B.id, ALIVE)
    heartbeats.hear(A.id, late)
    assert (heartbeats.last(A.id), heartbeats.last(B.id)) == (late, ALIVE)


def test_only_what_is_awaited_is_kept() -> None:
    heartbeats = watching()
    for check in (TCP.id, CheckId("gtm.example.com/api/192.0.2.99")):
        assert heartbeats.token(check) is None
        heartbeats.hear(check, ALIVE)
        assert heartbeats.last(check) is None


def test_what_is_no_longer_watched_is_forgotten_and_the_rest_is_not() -> None:
    heartbeats = watching()
    heartbeats.hear(A.id, ALIVE)
    heartbeats.hear(B.id, ALIVE)
    heartbeats.watch([check_of(PushSettings(60.0, TOKEN), target="192.0.2.2")])
    assert heartbeats.last(A.id) is None
    assert heartbeats.token(A.id) is None
    assert heartbeats.last(B.id) == ALIVE, "another TTL is no other endpoint"
