"""What clients see of real faults: a region dies while something else is wrong, 500 queries a second.

    python -m bench.faults [--rounds 3]      (root, for network namespaces; nftables; etcd)

One row for each fault: queries, unanswered, wrong answers (SERVFAIL, NXDOMAIN, empty, a dead address after the bound),
and seconds until the last answer that named the dead region, beside the bound.
"""

import argparse
import statistics
import tempfile
from pathlib import Path

from tests.fakes.cluster import Cluster
from tests.fakes.faults import FAULTS, Fault, Seen, measured


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    rounds = parser.parse_args().rounds
    print(f"{'fault':<48} {'queries':>8} {'unanswered':>10} {'wrong':>6} {'median s':>9} {'max s':>7} {'bound s':>8}")
    for fault in FAULTS:
        seen = [_once(fault) for _ in range(rounds)]
        took_s = [each.converged_s for each in seen]
        print(
            f"{fault.name:<48} {sum(each.queries for each in seen):8} {sum(each.unanswered for each in seen):10} "
            f"{sum(len(each.wrong) for each in seen):6} {statistics.median(took_s):9.2f} {max(took_s):7.2f} "
            f"{seen[0].bound_s:8.2f}",
            flush=True,
        )


def _once(fault: Fault) -> Seen:
    with (
        tempfile.TemporaryDirectory(prefix="gtm-bench-") as folder,
        Cluster(Path(folder), quiet=True) as cluster,
    ):
        return measured(cluster, fault)


if __name__ == "__main__":
    main()
