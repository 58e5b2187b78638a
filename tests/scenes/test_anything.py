"""Scenes without a script: anything happens at two of five vantages, or to any endpoint, and this holds.

1. Every client gets an answer, every time.
2. What the three honest vantages see up is never down for the world, and what has been dead for a while is.
3. Nobody is answered what is down for the world while something else is up, but for what a rule of safety holds, says
   that it holds, and holds no longer than `gtm bound` says that it may.
4. Only clients near a vantage where something happened are moved off what is up.
5. Nobody but who lied, died or was cut off is ever in quarantine.
"""

from pathlib import Path
from random import Random

import pytest

from gtm.health.belief import Belief
from tests.scenes.play import API, CLIENTS, FIRST, NEAR, ROUND_S, SECOND, THIRD, Answered, Play, Probe
from tests.scenes.sites import THREE, in_region

HONEST = ("gru-1", "iad-1", "pdx-1")
DISTURBED = ("fra-1", "fra-2", "sin-1", "sin-2")
NEAR_HONEST = ("us", "nowhere")
MORTAL = (SECOND, THIRD)
NOTICED_AFTER = 5
"""Rounds: three bad readings in a row, and one more each for who just came back or ceased to lie."""


class Fate:
    """What happens next. Its state is what is cut, and since when who is dead."""

    def __init__(self, play: Play, chance: Random) -> None:
        self.play, self.chance = play, chance
        self.cut: set[tuple[str, str]] = set()
        self.dead_for: dict[str, int] = {}
        play.sees = lambda place, address: (place, address) not in self.cut

    def strike(self) -> None:
        """Changes something, perhaps."""
        chance = self.chance
        if chance.random() < 0.08:
            self.cut ^= {(chance.choice(("fra", "sin")), chance.choice((FIRST, SECOND, THIRD)))}
        probe = self.play.probe(chance.choice(DISTURBED))
        if chance.random() < (0.2 if probe.lies else 0.02):
            probe.lies ^= True
        if chance.random() < (0.02 if probe.alive else 0.2):
            probe.alive ^= True
            probe.verdicts = {}
        if chance.random() < 0.05:
            self.play.dead ^= {chance.choice(MORTAL)}
        self.dead_for = {address: self.dead_for.get(address, 0) + 1 for address in self.play.dead}


class Holds:
    """What rules hold. Its state is for how many rounds each address of each service has been held by now."""

    def __init__(self, play: Play) -> None:
        self.play = play
        self.rounds: dict[tuple[str, str], int] = {}
        self.longest = 0
        self.longest_s = {service: play.server.longest_hold_s(service) for service in play.names}

    def require_excuses(self, answers: list[Answered], down: set[str]) -> None:
        """Requires of every answer of a round that is down that a rule holds it, and not for too long."""
        held = [(service, address) for service in self.play.names for address in self.play.server.held(service)]
        self.rounds = {one: self.rounds.get(one, 0) + 1 for one in held}
        self.longest = max(self.longest, *self.rounds.values(), 0)
        for answer in answers:
            assert answer.address not in down or (answer.service, answer.address) in self.rounds
        for (service, address), rounds in self.rounds.items():
            assert (rounds - 1) * ROUND_S <= self.longest_s[service], f"{address} of {service}: {rounds} rounds"


def answers_of(play: Play) -> list[Answered]:
    """Those of the last round."""
    return play.answers[-len(CLIENTS) * len(play.names) :]


def require_all_that_holds(play: Play, fate: Fate, holds: Holds) -> None:
    answers = answers_of(play)
    beliefs = {address: play.belief(address) for address in (FIRST, SECOND, THIRD)}
    assert all(answer.address for answer in answers)
    assert beliefs[FIRST] is Belief.UP
    for address, rounds in fate.dead_for.items():
        assert rounds < NOTICED_AFTER or beliefs[address] is Belief.DOWN
    holds.require_excuses(answers, {address for address, belief in beliefs.items() if belief is Belief.DOWN})
    for answer in answers:
        if answer.service == "api" and answer.client in NEAR_HONEST:
            assert answer.address == FIRST
    assert play.server.quarantined <= set(DISTURBED)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(8))
def test_whatever_happens_at_two_of_five_vantages(tmp_path: Path, seed: int) -> None:
    play = Play(API + NEAR, tmp_path, [Probe(name) for name in sorted((*HONEST, *DISTURBED))])
    play.settle()
    fate, holds = Fate(play, Random(seed)), Holds(play)
    moved = quarantined = deaths = 0
    for _ in play.run(400):
        require_all_that_holds(play, fate, holds)
        moved += any(answer.service == "api" and answer.address != FIRST for answer in play.answers[-8:])
        quarantined += bool(play.server.quarantined)
        deaths += bool(play.dead)
        fate.strike()
    assert min(moved, deaths) > 10, "it was worth playing"
    assert quarantined + moved > 20


def strike_anything(play: Play, every: set[str], chance: Random) -> None:
    """Kills or revives something, perhaps: an endpoint, a region, all but a region."""
    for odds, struck in (
        (0.1, {chance.choice(sorted(every))}),
        (0.02, in_region(chance.randrange(3))),
        (0.02, in_region(0) | in_region(1)),
    ):
        if chance.random() < odds:
            play.dead |= struck
    for odds, healed in ((0.1, {chance.choice(sorted(every))}), (0.03, every)):
        if chance.random() < odds:
            play.dead -= healed


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(4))
def test_whatever_dies_of_services_that_share_nothing(tmp_path: Path, seed: int) -> None:
    """Everybody sees it alike; where nothing of a service is up, `on_all_down` decides."""
    play = Play(THREE, tmp_path, [*map(Probe, ("fra-1", "iad-1", "sin-1"))])
    play.settle()
    chance, holds = Random(seed), Holds(play)
    every = in_region(0) | in_region(1) | in_region(2)
    for _ in play.run(300):
        answers, down = answers_of(play), {one for one in every if play.belief(one) is Belief.DOWN}
        lost = {name for name, ends in play.addresses.items() if down >= ends}
        assert all(answer.address for answer in answers)
        holds.require_excuses([answer for answer in answers if answer.service not in lost], down)
        strike_anything(play, every, chance)
    assert holds.longest > 5, "it was worth playing"
