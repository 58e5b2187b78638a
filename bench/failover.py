"""How long a region that died is still answered: real processes, killed under 200 queries a second.

    python bench/failover.py [--rounds 7]

Three toy regions, three probes of three vantages, one DNS node; checks every 500 ms, two bad ones in a row take a
region down. Each round kills the European one, waits until nobody is sent there, and starts it again.
"""

import argparse
import statistics
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))  # the cluster is that of the tests

from tests.fakes.cluster import CLIENTS, EU_WEST, Cluster
from tests.fakes.failover import Failover, measure_failover
from tests.fakes.stage import set_stage


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=7)
    rounds = measure(parser.parse_args().rounds)
    show("from death to the last answer naming it", [each.last_named_s for each in rounds])
    show("from its start to the first answer naming it", [each.named_again_s for each in rounds])
    show("the slowest answer to any query", [each.slowest_s for each in rounds])
    failures = [failure for each in rounds for failure in each.failures]
    print(f"queries: {sum(each.queries for each in rounds)}, failed: {len(failures)}")
    for failure in failures[:10]:
        print(f"  {failure}")


def measure(rounds: int) -> list[Failover]:
    with tempfile.TemporaryDirectory(prefix="gtm-bench-") as folder, Cluster(Path(folder), quiet=True) as cluster:
        stage = set_stage(cluster)
        return [measure_failover(stage, EU_WEST, (*CLIENTS.values(), None)) for _ in range(rounds)]


def show(what: str, seconds: list[float]) -> None:
    print(
        f"{what:<46}min {min(seconds):6.3f} s   median {statistics.median(seconds):6.3f} s   max {max(seconds):6.3f} s"
    )


if __name__ == "__main__":
    main()
