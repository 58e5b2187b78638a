"""Probes, vantages, partitions, deaths and repairs for thousands of steps, all in memory and by a clock that is set."""

from dataclasses import dataclass, field
from random import Random

import pytest

from gtm.health.belief import Belief
from gtm.health.consensus.quorum import Quorum
from gtm.health.consensus.status import NO_STATUS, Status, merge
from gtm.health.consensus.voices import Freshness
from gtm.health.report.book import EMPTY_BOOK, Book, hear
from gtm.health.report.report import Report, votes_of
from gtm.health.verdict.reading import Reading, Reason
from gtm.health.verdict.verdict import NO_VERDICT, Verdict, VerdictPolicy, step
from gtm.ids import CheckId, NodeName, VantageName

CHECKS = tuple(CheckId(f"gtm.example.com/api/192.0.2.{number}") for number in (10, 20, 30))
FRESHNESS = Freshness(interval_s=5.0, timeout_s=2.0)
WATCHED = dict.fromkeys(CHECKS, FRESHNESS)
VANTAGES = ("iad", "iad", "iad", "fra", "fra", "sin", "gru")
QUORUM = Quorum(voters=2, vantages=2)
POLICY = VerdictPolicy(fall=2, rise=3)
CONVERGED_AFTER = 8
"""Steps from a repair to agreement: the longest of fall, rise and freshness (4 intervals), and one for a last poll."""


@dataclass
class Node:
    name: NodeName
    vantage: VantageName
    alive: bool = True
    epoch: int = 0
    serial: int = 0
    verdicts: dict[CheckId, Verdict] = field(default_factory=lambda: dict.fromkeys(CHECKS, NO_VERDICT))
    book: Book = EMPTY_BOOK
    status: Status = NO_STATUS

    def probe(self, truth: dict[CheckId, bool], chance: Random, *, lies: float, now: float) -> None:
        for check, verdict in self.verdicts.items():
            good = truth[check] if chance.random() >= lies else not truth[check]
            reading = Reading(Reason.OK if good else Reason.REFUSED, 0.01)
            self.verdicts[check] = step(verdict, reading, now=now, wall=now, policy=POLICY)
        self.serial += 1
        votes = votes_of(self.verdicts, now=now)
        self.hear(Report(self.name, self.vantage, self.epoch, self.serial, now, votes), now=now)

    def hear(self, report: Report, *, now: float) -> None:
        self.book = hear(self.book, report, heard_at=now) or self.book

    def restart(self) -> None:
        """Everything is forgotten but the last status, which is on disk, and the count of restarts."""
        self.alive, self.epoch, self.serial = True, self.epoch + 1, 0
        self.verdicts = dict.fromkeys(CHECKS, NO_VERDICT)
        self.book = EMPTY_BOOK


@dataclass
class World:
    chance: Random
    nodes: list[Node] = field(
        default_factory=lambda: [
            Node(NodeName(f"{vantage}-{number}"), VantageName(vantage)) for number, vantage in enumerate(VANTAGES)
        ]
    )
    truth: dict[CheckId, bool] = field(default_factory=lambda: dict.fromkeys(CHECKS, True))
    side: dict[NodeName, int] = field(default_factory=dict)
    now: float = 1000.0

    def disturb(self) -> None:
        chance = self.chance
        if chance.random() < 0.1:
            self.side = {node.name: chance.randrange(3) for node in self.nodes}
        if chance.random() < 0.1:
            self.truth[chance.choice(CHECKS)] ^= True
        if chance.random() < 0.1:
            node = chance.choice(self.nodes)
            if node.alive:
                node.alive = False
            else:
                node.restart()

    def heal(self) -> None:
        self.side = {}
        for node in self.nodes:
            if not node.alive:
                node.restart()

    def turn(self, *, lies: float) -> None:
        self.now += FRESHNESS.interval_s
        alive = [node for node in self.nodes if node.alive]
        for node in alive:
            node.probe(self.truth, self.chance, lies=lies, now=self.now)
        for node in self.chance.sample(alive, len(alive)):
            self._poll(node, alive)
        for node in alive:
            self._merge(node)

    def _poll(self, node: Node, peers: list[Node]) -> None:
        for peer in self.chance.sample(peers, len(peers)):
            if self.side.get(peer.name) == self.side.get(node.name):
                for heard in list(peer.book.by_node.values()):
                    node.hear(heard.report, now=self.now)

    def _merge(self, node: Node) -> None:
        before = node.status
        node.status = merge(before, node.book, WATCHED, QUORUM, now=self.now, wall=self.now)
        for check in CHECKS:
            require_sound(before, node.status, check)


def require_sound(before: Status, after: Status, check: CheckId) -> None:
    """What must hold of every merge, whatever happened."""
    status = after.checks[check]
    counted = [voice for voice in status.votes if voice.counts]
    vantages = [voice.vantage for voice in status.votes]
    assert vantages == sorted(set(vantages)), "one voice per vantage"
    assert all(voice.age_s <= FRESHNESS.limit_s for voice in counted), "dead reporters stop counting"
    assert status.frozen == (len(counted) < QUORUM.vantages)
    if status.frozen:
        is_held = status.belief is before.belief(check)
        assert is_held or status.belief is Belief.UNKNOWN, "below the quorum the last belief stands, or is given up"
    elif len({voice.belief for voice in counted}) == 1:
        assert status.belief is counted[0].belief, "voices of one mind are believed"


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(8))
def test_every_merge_is_sound_and_healing_brings_all_nodes_to_the_truth(seed: int) -> None:
    world = World(Random(seed))
    frozen_turns = split_turns = 0
    for _ in range(10):
        for _ in range(40):
            world.disturb()
            world.turn(lies=0.05)
            alive = [node for node in world.nodes if node.alive]
            frozen_turns += any(node.status.frozen for node in alive)
            split_turns += len({tuple(node.status.belief(check) for check in CHECKS) for node in alive}) > 1
        world.heal()
        for _ in range(CONVERGED_AFTER):
            world.turn(lies=0.0)
        truth = {check: Belief.UP if good else Belief.DOWN for check, good in world.truth.items()}
        for node in world.nodes:
            assert {check: node.status.belief(check) for check in CHECKS} == truth
            assert node.status.frozen == ()
        assert len({tuple(sorted(node.book.editions.items())) for node in world.nodes}) == 1
    assert frozen_turns > 20, "the disturbances were worth simulating"
    assert split_turns > 20


def test_when_all_reporters_die_the_last_beliefs_stand_for_the_hold_and_then_nothing_is_known() -> None:
    world = World(Random(1))
    world.truth[CHECKS[1]] = False
    for _ in range(CONVERGED_AFTER):
        world.turn(lies=0.0)
    survivor = world.nodes[0]
    believed = {check: survivor.status.belief(check) for check in CHECKS}
    for node in world.nodes[1:]:
        node.alive = False
    world.truth = {check: not good for check, good in world.truth.items()}
    for _ in range(20):
        world.turn(lies=0.0)
    assert {check: survivor.status.belief(check) for check in CHECKS} == believed
    assert survivor.status.frozen == CHECKS
    for _ in range(300):
        world.turn(lies=0.0)
    assert {survivor.status.belief(check) for check in CHECKS} == {Belief.UNKNOWN}
    assert survivor.status.frozen == CHECKS
