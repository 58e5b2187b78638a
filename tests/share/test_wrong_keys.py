"""A peer that signs with another key than is listed for it is told by name, with both keys."""

import logging

import pytest

from gtm.counters import Counters
from gtm.errors import ReportInvalid
from gtm.health.belief import Belief
from gtm.health.report.claims import Claims
from gtm.health.report.signature import PrivateKey
from gtm.ids import NodeName, VantageName
from gtm.share.report_store import Reporter, ReportStore
from gtm.share.wrong_keys import BELIEVED_S, SHOWN_S, WrongKeys, short
from tests.fakes.clock import FakeClock
from tests.fakes.peers import believing, key_of, report_store_of

FRA, IAD, SIN = NodeName("fra"), NodeName("iad"), NodeName("sin")
NEW = key_of("fra with a new key")


class Stage:
    """A node that hears fra, which may sign with any key."""

    def __init__(self, *peers: str) -> None:
        self.clock = FakeClock()
        self.node = report_store_of("iad", *(peers or ("fra", "sin")), clock=self.clock)
        self.epoch = 0

    def report(self, key: PrivateKey, *, giver: NodeName = FRA) -> None:
        self.epoch += 1
        me = Reporter(FRA, VantageName("at-fra"), key, self.epoch)
        fra = ReportStore(me, {}, clock=self.clock, counters=Counters())
        fra.publish(believing(Belief.UP))
        self.node.take(fra.offer().body, giver=giver)

    def list_for_fra(self, *keys: PrivateKey) -> None:
        peers = {FRA: tuple(key.public for key in keys), SIN: (key_of("sin").public,)}
        self.node.take_peers(peers, Claims(IAD, {}, peers, None))

    def problems(self) -> list[str]:
        return list(self.node.refusals.problems)


WORDS = (
    f"peer fra signs with the key {short(str(NEW.public))}, and share.peers lists {short(str(key_of('fra').public))} "
    "for it: nothing that it says is believed; list the key that it has"
)


def test_both_keys_are_told_once_and_shown_until_the_right_one_comes(caplog: pytest.LogCaptureFixture) -> None:
    stage = Stage()
    with caplog.at_level(logging.INFO):
        for _ in range(3):
            stage.report(NEW)
    assert caplog.messages == [WORDS]
    assert stage.problems() == [WORDS]
    assert [wrong_key.node for wrong_key in stage.node.refusals.wrong_keys] == [FRA]
    assert stage.node.refused == {(FRA, "unknown_reporter"): 3}
    with caplog.at_level(logging.INFO):
        stage.report(key_of("fra"))
    assert caplog.messages[1:] == ["peer fra signs with the key that is listed for it again"]
    assert stage.problems() == []


def test_short_keys_are_what_people_compare() -> None:
    assert short("ed25519:gKbnQpe8hJYHjF3o6VIJ0Rf6zx8vdOJVPk0zz0rd0hE=") == "ed25519:gKbnQpe8.."
    assert short("ed25519:x") == "ed25519:x"


def test_who_relays_it_is_told_beside() -> None:
    stage = Stage()
    stage.report(NEW, giver=SIN)
    assert ", as sin gives its reports, and share.peers lists" in stage.problems()[0]


def test_the_key_of_another_peer_is_told_as_that() -> None:
    """Two lines of the node file have their keys swapped."""
    stage = Stage()
    stage.report(key_of("sin"))
    assert "(that is listed for sin), and share.peers lists" in stage.problems()[0]
    assert stage.node.refused == {(FRA, "forged"): 1}


def test_nobody_is_blamed_who_is_believed(caplog: pytest.LogCaptureFixture) -> None:
    """Whoever gives a report in a peer's name, by a key of his own, takes nothing from it."""
    stage = Stage()
    stage.report(key_of("fra"))
    stage.clock.advance(BELIEVED_S - 1)
    stage.report(NEW, giver=SIN)
    assert stage.problems() == []
    assert "refused as unknown_reporter" in caplog.text
    stage.clock.advance(2)
    stage.report(NEW, giver=SIN)
    assert len(stage.problems()) == 1


@pytest.mark.parametrize("giver", [FRA, SIN])
def test_a_key_that_the_node_file_lists_no_more_is_told_at_once(
    giver: NodeName, caplog: pytest.LogCaptureFixture
) -> None:
    """A wrong key is pasted, or a rotation is ended too early: what was taken under the old key excuses nothing."""
    stage = Stage()
    stage.report(key_of("fra"))
    stage.list_for_fra(NEW)
    with caplog.at_level(logging.WARNING):
        stage.report(key_of("fra"), giver=giver)
    assert [wrong_key.node for wrong_key in stage.node.refusals.wrong_keys] == [FRA]
    assert [f"share.peers lists {short(str(NEW.public))} for it" in message for message in caplog.messages] == [True]


def test_nobody_is_blamed_whose_key_is_listed_still() -> None:
    """The first step of a rotation: two keys for one peer, which signs with the old one."""
    stage = Stage()
    stage.report(key_of("fra"))
    stage.list_for_fra(key_of("fra"), NEW)
    stage.report(key_of("a stranger"), giver=SIN)
    assert stage.problems() == []


def test_a_relay_cannot_blame_a_peer_with_the_key_of_another() -> None:
    stage = Stage()
    stage.report(key_of("sin"), giver=SIN)
    assert stage.problems() == []


def test_one_that_is_not_listed_is_nobodys_wrong_key() -> None:
    stage = Stage("sin")
    stage.report(NEW)
    assert (stage.problems(), stage.node.refusals.wrong_keys) == ([], ())


def test_once_the_key_is_listed_it_is_not_wrong_any_more() -> None:
    """The node file is read again while the node runs."""
    listed = {FRA: ["ed25519:old"]}
    keys = WrongKeys(IAD, lambda: listed)
    refused = ReportInvalid("unknown_reporter", "a stranger", node="fra", key="ed25519:new")
    assert keys.refuse(refused, FRA, now=0.0) is not None
    assert len(keys.current(0.0)) == 1
    listed[FRA] = ["ed25519:old", "ed25519:new"]
    assert keys.current(0.0) == ()
    del listed[FRA]
    assert keys.current(0.0) == (), "nor is that of a peer that is gone"


def test_it_is_shown_for_as_long_as_it_lasts() -> None:
    stage = Stage()
    stage.report(NEW)
    stage.clock.advance(SHOWN_S - 1)
    assert len(stage.problems()) == 1
    stage.clock.advance(2)
    assert stage.problems() == []
