"""The afternoon: every incident that an on-call team could think of, in real processes, with and without `safety`.

    python -m bench.afternoon [WORD ...]     (root, for namespaces; nginx, unbound, prometheus, alertmanager)

One row for each incident, or for those whose name has one of the words.
"""

import argparse
import tempfile
import time
from pathlib import Path

from tests.afternoon.incidents import INCIDENTS
from tests.afternoon.measuring import play
from tests.afternoon.places import NS1, SAFE, SERVICE, TTL_S
from tests.afternoon.stage import set_stage
from tests.afternoon.table import heading, messages, row
from tests.fakes.cluster import Cluster, bound_s


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("word", nargs="*")
    parser.add_argument("--keep", type=Path, help="a folder for every file, that stays")
    asked = parser.parse_args()
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="gtm-afternoon-") as temporary:
        folder = asked.keep or Path(temporary)
        folder.mkdir(exist_ok=True)
        with Cluster(folder, quiet=True) as cluster, set_stage(cluster) as (stage, clients):
            print(f"all is well after {time.monotonic() - began:.1f} s")
            bound = bound_s(cluster.node_file(stage.nodes[NS1]), name=f"{SERVICE}.{SAFE}")
            print(f"gtm bound: {bound:.1f} s until no node names what is dead, and {TTL_S} s of TTL\n")
            print(heading(), flush=True)
            told = []
            for incident in INCIDENTS:
                if not asked.word or any(word in incident.name for word in asked.word):
                    played = play(stage, clients, incident)
                    print(row(played), flush=True)
                    told.append(messages(played))
            print("\n" + "\n".join(told))
    print(f"\n{time.monotonic() - began:.1f} s in all")


if __name__ == "__main__":
    main()
