"""A scene without a script: anything happens at two of five vantages, endpoints die and come back, and this holds.

1. Every client gets an answer, every time.
2. What the three honest vantages see up is never down for the world, and what has been dead for a while is.
3. Nobody is answered what is down for the world while something else is up.
4. Only clients near a vantage where something happened are moved off what is up.
5. Nobody but who lied, died or was cut off is ever in quarantine.
"""

from pathlib import Path
from random import Random

import pytest

from gtm.health.belief import Belief
from tests.scenes.play import CLIENTS, Play, Probe

ANCHOR, SECOND, THIRD = "192.0.2.10", "192.0.2.20", "192.0.2.30"
SERVICES = f"""
  anchored:
    monitor: web
    steer: failover
    endpoints:
      - {{region: us-east, address: {ANCHOR}}}
      - {{region: eu-west, address: {SECOND}}}
      - {{region: ap-southeast, address: {THIRD}}}
  near:
    monitor: web
    steer: nearest
    endpoints:
      - {{region: us-east, address: {ANCHOR}}}
      - {{region: eu-west, address: {SECOND}}}
      - {{region: ap-southeast, address: {THIRD}}}
"""
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
            self.cut ^= {(chance.choice(("fra", "sin")), chance.choice((ANCHOR, SECOND, THIRD)))}
        probe = self.play.probe(chance.choice(DISTURBED))
        if chance.random() < (0.2 if probe.lies else 0.02):
            probe.lies ^= True
        if chance.random() < (0.02 if probe.alive else 0.2):
            probe.alive ^= True
            probe.verdicts = {}
        if chance.random() < 0.05:
            self.play.dead ^= {chance.choice(MORTAL)}
        self.dead_for = {address: self.dead_for.get(address, 0) + 1 for address in self.play.dead}


def require_all_that_holds(play: Play, fate: Fate) -> None:
    answers = play.answers[-len(CLIENTS) * len(play.names) :]
    beliefs = {address: play.belief(address) for address in (ANCHOR, SECOND, THIRD)}
    assert all(one.address for one in answers)
    assert beliefs[ANCHOR] is Belief.UP
    for address, rounds in fate.dead_for.items():
        assert rounds < NOTICED_AFTER or beliefs[address] is Belief.DOWN
    assert not [one for one in answers if beliefs[one.address] is Belief.DOWN]
    for one in answers:
        if one.service == "anchored" and one.client in NEAR_HONEST:
            assert one.address == ANCHOR
    assert play.server.quarantined <= set(DISTURBED)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(8))
def test_whatever_happens_at_two_of_five_vantages(tmp_path: Path, seed: int) -> None:
    play = Play(SERVICES, tmp_path, [Probe(name) for name in sorted((*HONEST, *DISTURBED))])
    play.settle()
    fate = Fate(play, Random(seed))
    moved = quarantined = deaths = 0
    for _ in play.run(400):
        require_all_that_holds(play, fate)
        moved += any(one.service == "anchored" and one.address != ANCHOR for one in play.answers[-8:])
        quarantined += bool(play.server.quarantined)
        deaths += bool(play.dead)
        fate.strike()
    assert min(moved, deaths) > 10, "it was worth playing"
    assert quarantined + moved > 20
