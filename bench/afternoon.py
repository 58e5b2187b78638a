"""The afternoon: every incident that an on-call team could think of, in real processes, with and without `safety`.

    python -m bench.afternoon [WORD ...] [--seed N]    (root, for namespaces; nginx, unbound, prometheus, alertmanager)

One row for each incident, or for those whose name has one of the words; with a seed in an order of chance. What is
worse than it may be is printed last, and then the exit status is 1.
"""

import argparse
import sys
import tempfile
import time
from pathlib import Path
from random import Random

from tests.afternoon.incidents import INCIDENTS, Incident
from tests.afternoon.judging import faults
from tests.afternoon.measuring import play
from tests.afternoon.places import TTL_S
from tests.afternoon.stage import set_stage
from tests.afternoon.table import heading, messages, row
from tests.fakes.cluster import Cluster


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("word", nargs="*")
    parser.add_argument("--seed", type=int, help="of the order")
    parser.add_argument("--keep", type=Path, help="a folder for every file, that stays")
    asked = parser.parse_args()
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="gtm-afternoon-") as temporary:
        folder = asked.keep or Path(temporary)
        folder.mkdir(exist_ok=True)
        with Cluster(folder, quiet=True) as cluster, set_stage(cluster) as (stage, clients):
            print(f"all is well after {time.monotonic() - began:.1f} s")
            bound_s = stage.bound_s()
            print(f"gtm bound: {bound_s:.1f} s until no node names what is dead, and {TTL_S} s of TTL\n")
            print(heading(), flush=True)
            told, worse = [], []
            for incident in chosen(asked.word, asked.seed):
                played = play(stage, clients, incident)
                print(row(played, bound_s=bound_s), flush=True)
                told.append(messages(played))
                worse += [f"{incident.name}: {fault}" for fault in faults(played, bound_s=bound_s)]
            print("\n" + "\n".join(told))
    print(f"\n{time.monotonic() - began:.1f} s in all")
    if worse:
        sys.exit("\n".join(["", *worse]))


def chosen(words: list[str], seed: int | None) -> list[Incident]:
    """Returns the incidents that were asked for, in the order of the day or of a seed."""
    incidents = [each for each in INCIDENTS if not words or any(word in each.name for word in words)]
    if seed is not None:
        Random(seed).shuffle(incidents)
    return incidents


if __name__ == "__main__":
    main()
