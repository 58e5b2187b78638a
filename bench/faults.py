"""What clients see of real faults: a region dies while something else is wrong, 500 queries a second.

    python -m bench.faults [--rounds 3]      (root, for network namespaces; nftables; etcd)

One row for each fault: queries, unanswered, wrong answers (SERVFAIL, NXDOMAIN, empty, a dead address after the bound),
and seconds until the last answer that named the dead region, beside the bound.
"""

import argparse
import statistics
import tempfile
from collections.abc import Callable
from pathlib import Path

from tests.fakes.cluster import Cluster
from tests.fakes.faults import (
    ETCD_GONE_S,
    Field,
    Seen,
    cut_probe,
    kill_probe,
    lossy_probe,
    lossy_server,
    measure,
    nothing_else,
    open_field,
    restart_etcd,
    restart_server,
)

FAULTS: tuple[tuple[str, Callable[[Field], None], float, bool, float], ...] = (
    ("nothing else", nothing_else, 0.0, False, 0.0),
    ("a probe loses 30 % of its packets", lossy_probe, 0.0, False, 0.0),
    ("a probe is cut off", cut_probe, 0.0, False, 0.0),
    ("a probe is killed (-9)", kill_probe, 0.0, False, 0.0),
    ("the DNS node loses 30 % of the reports' packets", lossy_server, 0.0, False, 15.0),
    ("reports are 500 ms late", nothing_else, 0.5, False, 1.5),
    ("the DNS node is killed (-9) and restarted", restart_server, 0.0, False, 0.0),
    ("etcd is killed (-9) for 3 s", restart_etcd, 0.0, True, ETCD_GONE_S + 5.0),
)
"""Name, what is done, delay of reports, whether by etcd, and seconds that the fault adds to the bound."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    rounds = parser.parse_args().rounds
    print(f"{'fault':<48} {'queries':>8} {'unanswered':>10} {'wrong':>6} {'median s':>9} {'max s':>7} {'bound s':>8}")
    for name, act, delay_s, by_etcd, more_s in FAULTS:
        seen = [_once(name, act, delay_s, by_etcd=by_etcd, more_s=more_s) for _ in range(rounds)]
        took_s = [each.converged_s for each in seen]
        print(
            f"{name:<48} {sum(each.queries for each in seen):8} {sum(each.unanswered for each in seen):10} "
            f"{sum(len(each.wrong) for each in seen):6} {statistics.median(took_s):9.2f} {max(took_s):7.2f} "
            f"{seen[0].bound_s:8.2f}",
            flush=True,
        )


def _once(name: str, act: Callable[[Field], None], delay_s: float, *, by_etcd: bool, more_s: float) -> Seen:
    with (
        tempfile.TemporaryDirectory(prefix="gtm-bench-") as folder,
        Cluster(Path(folder), quiet=True) as cluster,
        open_field(cluster, delay_s=delay_s, by_etcd=by_etcd) as here,
    ):
        return measure(here, name, act, more_s=more_s)


if __name__ == "__main__":
    main()
