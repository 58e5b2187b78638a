"""What a running node takes of a node file, by what it does from then on: an effect of each setting, and back again.

Long because it is one table: a look at a whole node for each setting.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml
from aiohttp import web
from aiohttp.test_utils import make_mocked_request

from gtm.checks.model import checks
from gtm.counters import Counters
from gtm.health.belief import Belief
from gtm.health.override.override import Action
from gtm.health.override.signed import seal_override
from gtm.health.verdict.reading import Reason
from gtm.health.verdict.verdict import Verdict
from gtm.ids import NodeName
from gtm.node.config.changes import TAKEN
from gtm.node.config.model import NodeConfig
from gtm.node.config.parse import parse_node_file
from gtm.node.node import Node
from gtm.node.state.lock import lock_state
from gtm.node.wiring import build
from gtm.share.keys import save_key
from tests.fakes import world
from tests.fakes.clock import FakeClock
from tests.fakes.overrides import said
from tests.fakes.peers import key_of, report_store_of
from tests.node.present import RecordingEngine, Turns, stop, until

ZONE = f"""{world.HEAD}
  beat: {{type: push, ttl: 30s, token: {{secret: beat}}}}
services:
  api:
    monitor: web
    steer: multivalue
    endpoints:
      - {{region: us-east, address: 192.0.2.10}}
      - {{region: eu-west, address: 192.0.2.20}}
  jobs:
    monitor: beat
    steer: multivalue
    endpoints: [{{region: us-east, address: 192.0.2.30}}]
records:{world.NS1}"""
HOSTS = "".join(f"  h{number:02}: {{A: [192.0.2.9]}}\n" for number in range(20))
EU = "region gtm.example.com/eu-west"
TOKEN = "a-token-of-the-deploy-job"


def listed(*names: str, **keys: str) -> list[dict[str, object]]:
    """Entries of share.peers, some with the keys of others."""
    return [
        {
            "node": name,
            "url": "http://127.0.0.1:1",
            "key": str(key_of(keys.get(name, name)).public),
            "probe": name != "ns1",
        }
        for name in names
    ]


def networks(country: str) -> str:
    return f"networks: {{192.0.2.0/24: {{country: {country}}}}}\n"


class Joined:
    """A whole node of files in a folder, which nothing runs yet, and two peers."""

    def __init__(self, folder: Path, settings: Mapping[str, object]) -> None:
        self.folder, self.clock = folder, FakeClock()
        (folder / "zones").mkdir()
        self.zone_file = folder / "zones" / "a.yaml"
        self.zone_file.write_text(ZONE)
        self.networks = folder / "networks.yaml"
        self.networks.write_text(networks("IE"))
        (folder / "token").write_text(TOKEN)
        save_key(folder / "ns1.key", key_of("ns1"))
        config = self.config(settings)
        self._lock = lock_state(config.state)
        parts = build(config, self.clock, RecordingEngine(), counters=Counters(), lock=self._lock, rereading=None)
        self.parts, self.node = parts, Node(parts)
        self.peers = {name: report_store_of(name, clock=self.clock) for name in ("fra", "iad")}
        drain = said(EU, Action.DRAIN, node="fra", made_at=self.clock.wall(), span_s=7200.0)
        self.peers["fra"].carry((seal_override(drain, key_of("fra")),))

    def config(self, settings: Mapping[str, object]) -> NodeConfig:
        text = yaml.safe_dump({**COMMON, **settings})
        return parse_node_file(text, "gtm.yaml", self.folder, "the-host")

    async def take(self, settings: Mapping[str, object]) -> None:
        await self.parts.taking.take(self.config(settings))

    async def load(self) -> None:
        assert self.parts.places is not None
        await self.parts.places.load()
        await self.parts.zones.start()

    async def close(self) -> None:
        await self.parts.state.finish()
        self._lock.release()

    def hear(self, name: str, belief: Belief = Belief.UP) -> bool:
        """Hears that all is up, or down, for a peer; returns whether it is believed."""
        self.clock.advance(1.0)
        verdict = Verdict(
            belief,
            since=self.clock.wall(),
            reason=Reason.OK if belief is Belief.UP else Reason.TIMEOUT,
            read_at=self.clock.monotonic(),
        )
        watched = checks(self.parts.core.planner.present.catalogue.zones)
        self.peers[name].publish({check.id: verdict for check in watched})
        taken = self.parts.report_store.take(self.peers[name].offer().body, giver=NodeName(name))
        self.parts.core.health.merge()
        return taken


COMMON: Mapping[str, Any] = {
    "node": "ns1",
    "zones": "zones",
    "state": "state",
    "roles": ["dns", "admin"],
    "geo": {"databases": [], "networks": "networks.yaml"},
    "share": {"key": "ns1.key", "peers": listed("fra", "iad")},
    "quorum": {"rule": "all", "voters": 1},
}


async def who_is_heard(joined: Joined) -> object:
    return {name: joined.hear(name) for name in joined.peers}


async def own_key_problem(joined: Joined) -> object:
    return any("lists this node" in problem for problem in joined.parts.api.status().problems)


async def what_counts(joined: Joined) -> object:
    joined.hear("fra")
    return [str(scope) for scope in joined.parts.core.overrides.in_force().by_scope]


async def names(joined: Joined) -> object:
    return "gtm.example.net" in joined.node._names()


async def is_unready_when_blind(joined: Joined) -> object:
    joined.parts.warm.set()
    for _ in range(5):  # of an hour: nobody was heard for long
        joined.clock.advance(720.0)
        joined.parts.core.health.merge()
    return bool(joined.parts.readiness.why_not())


async def who_gets_in(joined: Joined) -> object:
    request = make_mocked_request("POST", "/v1/overrides", headers={"Authorization": f"Bearer {TOKEN}"})
    try:
        return (await joined.parts.door.require(request)).partition(" at ")[0]
    except web.HTTPException as refused:
        return refused.status


async def how_a_wrong_heartbeat_ends(joined: Joined) -> object:
    joined.parts.core.health.heartbeats.watch(
        checks(joined.parts.core.planner.present.catalogue.zones), now=joined.clock.monotonic()
    )
    check = {"check": "gtm.example.com/beat/192.0.2.30"}
    request = make_mocked_request("POST", "/", headers={"Authorization": "Bearer x"}, match_info=check)
    with pytest.raises(web.HTTPException) as refused:
        await joined.parts.pushes.authorize(request)
    return refused.value.status


async def what_checks_may_use(joined: Joined) -> object:
    return sorted(joined.parts.core.health._permits.secrets)  # tests/flow/test_node_reload.py has what comes of it


async def is_a_zone_read_after_six_looks(joined: Joined) -> object:
    """Of a file that is written in place."""
    turns, zones = Turns(), joined.parts.zones
    zones._sleep = turns
    text = joined.zone_file.read_text()
    address = "192.0.2.11" if "192.0.2.10" in text else "192.0.2.10"
    async with turns.running(zones.run()):
        await turns.next(2)
        joined.zone_file.write_text(text.replace("192.0.2.11", "192.0.2.10").replace("192.0.2.10", address))
        await turns.next(6)
        is_read = any(check.target == address for check in checks(joined.parts.core.planner.present.catalogue.zones))
        await turns.next(42)
    return is_read


async def are_networks_read_after_four_looks(joined: Joined) -> object:
    turns = Turns()
    assert joined.parts.places is not None
    geo = joined.parts.places._geo
    geo._sleep = turns
    before = joined.parts.core.planner.present.geo
    async with turns.running(geo.run()):
        await turns.next(2)
        joined.networks.write_text(networks("US" if "IE" in joined.networks.read_text() else "IE"))
        await turns.next(4)
        is_read = joined.parts.core.planner.present.geo is not before
        await turns.next(12)
    return is_read


async def is_most_refused(joined: Joined) -> object:
    zones = joined.parts.zones

    async def no_wait(_seconds: float) -> None:
        await asyncio.sleep(0)

    zones._sleep = no_wait
    joined.zone_file.write_text(f"{ZONE}{HOSTS}")
    assert not await zones.reload()
    joined.zone_file.write_text(ZONE)
    return bool(await zones.reload())


async def what_half_of_the_votes_make(joined: Joined) -> object:
    joined.hear("fra", Belief.DOWN)
    joined.hear("iad")
    check = next(
        check.id for check in checks(joined.parts.core.planner.present.catalogue.zones) if check.target == "192.0.2.20"
    )
    return joined.parts.core.planner.present.status.belief(check)


@dataclass(frozen=True, slots=True)
class Effect:
    """What a node does by one file, and by another one."""

    of: str
    """A field of NodeConfig."""
    look: Callable[[Joined], Awaitable[object]]
    one: tuple[Mapping[str, object], object]
    """Settings, and what comes of the look then."""
    other: tuple[Mapping[str, object], object]


def _share(*names: str, **keys: str) -> dict[str, object]:
    return {"share": {"key": "ns1.key", "peers": listed(*names, **keys)}}


def _listen(**more: object) -> dict[str, object]:
    return {"listen": {"admin": "127.0.0.1:0", "dns": ["127.0.0.1:0"], **more}}


TOKENS = {"overrides": {"tokens": {"deploy": {"file": "token"}}}}
SECRETS = {"probe": {"secrets": {"beat": {"file": "token"}}}}
UNREADY, NAMED = _listen(readyz={"when_blind": "unready"}), _listen(hosts=["gtm.example.net"])
BOTH, ONE = {"fra": True, "iad": True}, {"fra": True, "iad": False}
WITH_ITS_KEY, WITH_ANOTHER = _share("fra", "ns1"), _share("fra", "ns1", ns1="other")


def _from(*peers: str) -> dict[str, object]:
    return {"overrides": {"accept_from": list(peers)}}


def _watch(**more: object) -> dict[str, object]:
    return {"watch": more}


def _quorum(rule: str) -> dict[str, object]:
    return {"quorum": {"rule": rule, "voters": 1}}


EFFECTS = (
    Effect("peers", who_is_heard, (_share("fra", "iad"), BOTH), (_share("fra"), ONE)),
    Effect("listed", own_key_problem, (WITH_ANOTHER, True), (WITH_ITS_KEY, False)),
    Effect("overrides_from", what_counts, (_from("fra"), [EU]), (_from("iad"), [])),
    Effect("overrides_from", what_counts, ({"overrides": {"accept_from": "all"}}, [EU]), ({}, [])),
    Effect("hosts", names, (NAMED, True), (_listen(), False)),
    Effect("is_unready_when_blind", is_unready_when_blind, (UNREADY, True), (_listen(), False)),
    Effect("credentials", who_gets_in, (TOKENS, "token deploy"), ({}, 401)),
    Effect("permits", how_a_wrong_heartbeat_ends, (SECRETS, 401), ({}, 503)),
    Effect("permits", what_checks_may_use, (SECRETS, ["beat"]), ({}, [])),
    Effect("settle_s", is_a_zone_read_after_six_looks, (_watch(settle="500ms"), True), (_watch(settle="10s"), False)),
    Effect("settle_s", are_networks_read_after_four_looks, (_watch(settle="1s"), True), (_watch(settle="10s"), False)),
    Effect("most_lost", is_most_refused, (_watch(most_lost=1), False), (_watch(most_lost=0.5), True)),
    Effect("quorum", what_half_of_the_votes_make, (_quorum("any"), Belief.UP), (_quorum("all"), Belief.DOWN)),
)

ELSEWHERE = {
    "is_plain_accepted": "test_plain_http_is_warned_of_from_then_on",
    "log": "tests/node/test_node_file_reload.py: how the log is set is not of the node",
}
"""Fields that are tested in another way."""


def test_each_setting_that_is_taken_has_an_effect_here() -> None:
    assert {effect.of for effect in EFFECTS} | ELSEWHERE.keys() == TAKEN.keys()


def _id(effect: Effect) -> str:
    return effect.look.__name__


@pytest.mark.parametrize("effect", EFFECTS, ids=_id)
def test_a_setting_has_its_effect_when_it_is_taken_and_again_when_it_is_taken_back(
    tmp_path: Path, effect: Effect
) -> None:
    async def story() -> list[object]:
        (one, _), (other, _) = effect.one, effect.other
        joined = Joined(tmp_path, other)
        await joined.load()
        found = [await effect.look(joined)]
        for settings in (one, other):
            await joined.take(settings)
            found.append(await effect.look(joined))
        await joined.close()
        return found

    assert asyncio.run(story()) == [effect.other[1], effect.one[1], effect.other[1]]


class Cut(RuntimeError):
    """A mistake of this program."""


@pytest.mark.parametrize(
    ("look", "part", "step"),
    [
        (who_is_heard, "report_store", "take_peers"),
        (who_is_heard, "sharing", "take"),
        (what_counts, "overrides", "accept"),
        (how_a_wrong_heartbeat_ends, "sharing", "take"),
        (how_a_wrong_heartbeat_ends, "pushes", "take"),
        (is_most_refused, "places", "take"),
        (who_gets_in, "zones", "take"),
        (what_half_of_the_votes_make, "door", "take"),
    ],
)
def test_what_was_cut_short_is_taken_whole_the_next_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, look: object, part: str, step: str
) -> None:
    effect = next(each for each in EFFECTS if each.look is look)

    def cut(*_: object, **__: object) -> None:
        raise Cut

    async def story() -> list[object]:
        (one, _), (other, _) = effect.one, effect.other
        joined = Joined(tmp_path, other)
        await joined.load()
        found = []
        for settings in (one, other):
            with monkeypatch.context() as patch:
                patch.setattr(getattr(joined.parts.taking._takers, part), step, cut)
                with pytest.raises(Cut):
                    await joined.take(settings)
            await joined.take(settings)
            found.append(await effect.look(joined))
        await joined.close()
        return found

    assert asyncio.run(story()) == [effect.one[1], effect.other[1]]


@pytest.mark.parametrize("look", [who_is_heard, what_counts, how_a_wrong_heartbeat_ends])
def test_the_file_of_before_is_taken_whole_after_a_part_of_another(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, look: object
) -> None:
    effect = next(each for each in EFFECTS if each.look is look)

    async def cut(_credentials: object) -> None:
        raise Cut

    async def story() -> object:
        joined = Joined(tmp_path, effect.other[0])
        await joined.load()
        with monkeypatch.context() as patch:
            patch.setattr(joined.parts.door, "take", cut)
            with pytest.raises(Cut):
                await joined.take(effect.one[0])
        assert await effect.look(joined) == effect.one[1], "a part of it"
        await joined.take(effect.other[0])
        found = await effect.look(joined)
        await joined.close()
        return found

    assert asyncio.run(story()) == effect.other[1]


def test_plain_http_is_warned_of_from_then_on(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    at = {"admin": "192.0.2.1:8053"}

    async def story() -> list[int]:
        joined = Joined(tmp_path, _listen(**at, plain="ok"))
        counts = []
        for settings in (_listen(**at, plain="ok"), _listen(**at), _listen(**at), _listen(**at, plain="ok")):
            await joined.take(settings)
            counts.append(sum("in plain HTTP" in line for line in caplog.messages))
        await joined.close()
        return counts

    assert asyncio.run(story()) == [0, 1, 1, 1]


def test_other_peers_are_asked_from_then_on(tmp_path: Path) -> None:
    async def story() -> None:
        joined = Joined(tmp_path, _share("fra"))
        sharing = joined.parts.sharing
        task = asyncio.create_task(sharing.run())
        try:
            async with until():
                for expected in (["fra"], ["fra", "iad"], ["iad"]):
                    await joined.take(_share(*expected))
                    while sorted(sharing.peers) != expected:  # noqa: ASYNC110  # nothing tells when
                        await asyncio.sleep(0)
        finally:
            await stop(task)
            await joined.close()

    asyncio.run(story())
