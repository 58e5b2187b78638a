"""A scene: the health path is renamed, region by region and a few seconds apart, and the node is killed in the middle.

It starts again from its state folder, with nothing else, and may not go through fewer and fewer endpoints for that.
"""

from pathlib import Path

import pytest

from tests.scenes.play import Play, Probe
from tests.scenes.sites import NOTICED_AFTER

pytestmark = pytest.mark.slow

PLACES = ("us-east", "eu-west", "ap-southeast")
ADDRESSES = tuple(f"192.0.2.{10 * place + number}" for place in range(3) for number in (1, 2))
SITE = "  api:\n    monitor: web\n    steer: multivalue\n    endpoints:\n" + "".join(
    f"      - {{region: {PLACES[number // 2]}, address: {address}}}\n" for number, address in enumerate(ADDRESSES)
)
ONE_REGION_LESS = 4
"""Endpoints that are left where one region is dead."""
STEPS = ((0, 1), (2,), (3, 4, 5))
"""What is renamed in each round: a region, half of another, and the rest."""


def answered(play: Play) -> int:
    """To how many endpoints each client is sent, at the least, in the round after this."""
    return min(len(one.address.split()) for one in play.play(1))


def renaming(tmp_path: Path, *, killed: frozenset[int], rounds: int) -> tuple[Play, list[int]]:
    """A play in which the node is killed at the end of some rounds, and the endpoints answered in each."""
    play = Play(SITE, tmp_path / "state", [*map(Probe, ("fra-1", "iad-1", "sin-1"))])
    play.settle()
    counts = []
    for number in range(rounds):
        for step in STEPS[: number + 1]:
            play.renamed |= {ADDRESSES[one] for one in step}
        counts.append(answered(play))
        if number in killed:
            play.restart()
    return play, counts


BEGIN = NOTICED_AFTER - 1
"""The round in which the first are found out."""
OPEN = BEGIN + 28
"""The round in which all is believed, and answered for that."""


@pytest.mark.parametrize("at", [BEGIN, BEGIN + 1])
def test_a_restart_sends_nobody_to_fewer_endpoints_than_a_dead_region_leaves(tmp_path: Path, at: int) -> None:
    _, counts = renaming(tmp_path, killed=frozenset({at}), rounds=at + 5)
    assert min(counts) == ONE_REGION_LESS, counts


def test_nor_do_many_and_checks_that_are_mended_after_them_do_not_send_all_to_the_first(tmp_path: Path) -> None:
    play, counts = renaming(tmp_path, killed=frozenset({BEGIN, BEGIN + 1, BEGIN + 3, OPEN}), rounds=OPEN + 5)
    assert min(counts) == ONE_REGION_LESS, counts
    assert counts[-1] == len(ADDRESSES)
    for address in ADDRESSES:
        play.renamed.discard(address)
        counts.append(answered(play))
        play.restart()
    assert min(counts) == ONE_REGION_LESS, counts
