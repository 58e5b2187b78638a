"""How long a change of health takes to be served: status -> plan -> both engines, in one process, without sockets.

    python -m bench.swap [--services 1000] [--regions 10] [--rounds 30] [--also "ttl: {max: 300, min: 30}"]

All services have one endpoint in each region, and share one cell map of the shipped geo database. Two changes are
timed, there and back: one endpoint of one service, and a whole region: that endpoint of every service. Each row says
where the time went:

    delta      which checks changed between two statuses
    apply      the decisions of the services they touch, made again
    reference  the swap of the Python engine
    blob       the decisions as bytes, for the Rust engine
    rust       their way into the Rust engine, and the swap
"""

import argparse
import statistics
import time
from collections.abc import Mapping, Sequence
from itertools import pairwise

from bench.world import DATABASE
from gtm._native import Dataplane
from gtm.engine.reference import ReferenceEngine
from gtm.geo.merging import build
from gtm.health.belief import Belief
from gtm.health.consensus.delta import StatusDelta
from gtm.health.consensus.status import CheckStatus, Status
from gtm.ids import CheckId
from gtm.plan.apply import apply
from gtm.plan.blob import Numbering, compose_decisions, compose_names, numbering
from gtm.plan.compile import compile_plan
from gtm.plan.model import EMPTY_PLAN, Plan
from gtm.steer.vocabulary import STEERING
from gtm.watch.geodata import read_database
from gtm.zone.parse import NO_SHARED, parse

PARTS = ("delta", "apply", "reference", "blob", "rust")
PLACES = (
    (38.95, -77.45),
    (45.6, -121.2),
    (-23.5, -46.6),
    (53.35, -6.26),
    (50.11, 8.68),
    (59.33, 18.06),
    (-33.9, 18.4),
    (19.08, 72.88),
    (1.35, 103.82),
    (35.68, 139.7),
)


def zone_text(services: int, regions: int, also: Sequence[str] = ()) -> str:
    """Returns a zone of so many services, each with an endpoint of its own in every region, and these lines."""
    lines = ["zone: bench.test", "nameservers: [ns1.bench.test]", "hostmaster: hostmaster@bench.test", "regions:"]
    places = [PLACES[number % len(PLACES)] for number in range(regions)]
    lines += [f"  r{number}: {{at: [{north}, {east}]}}" for number, (north, east) in enumerate(places)]
    lines += ["monitors:", "  tcp: {type: tcp, port: 443}", "services:"]
    for service in range(services):
        lines += [f"  s{service}:", "    monitor: tcp", "    steer: nearest"]
        lines += [*(f"    {line}" for line in also), "    endpoints:"]
        lines += [
            f"      - {{region: r{region}, address: 10.{region}.{service >> 8}.{service & 255}}}"
            for region in range(regions)
        ]
    return "\n".join([*lines, "records:", "  ns1: {A: 127.0.0.1}"])


def status_of(checks: Mapping[CheckId, Belief]) -> Status:
    return Status({check: CheckStatus(belief, 0.0) for check, belief in checks.items()})


def timed_change(
    plan: Plan, before: Status, after: Status, engines: tuple[ReferenceEngine, Dataplane], numbers: Numbering
) -> tuple[Plan, list[float]]:
    """Returns the plan after a change, and the milliseconds of each part."""
    reference, rust = engines
    marks = [time.perf_counter()]
    delta = StatusDelta.between(before, after)
    assert delta is not None
    changed = delta.redecided
    marks.append(time.perf_counter())
    applied = apply(plan, after, changed)
    assert applied is not None
    marks.append(time.perf_counter())
    reference.swap(applied)
    marks.append(time.perf_counter())
    names = [name for name, decided in applied.decisions.items() if decided is not plan.decisions[name]]
    blob = compose_decisions(applied, names, numbers)
    marks.append(time.perf_counter())
    rust.swap_decisions(blob)
    marks.append(time.perf_counter())
    return applied, [(b - a) * 1000 for a, b in pairwise(marks)]


def main() -> None:
    arguments = _arguments()
    zone = parse(zone_text(arguments.services, arguments.regions, arguments.also), "bench.yaml", NO_SHARED, STEERING)
    endpoints = [(service, service.endpoints[0]) for service in zone.services]
    checks = {
        check: Belief.UP for service in zone.services for each in service.endpoints if (check := service.check_of(each))
    }
    first = [check for service, endpoint in endpoints if (check := service.check_of(endpoint))]
    up = status_of(checks)
    plan = compile_plan(
        (zone,),
        serials={"bench.test.": 1},
        geography=build([read_database(DATABASE)[0]]),
        vocabulary=STEERING,
        status=up,
        before=EMPTY_PLAN,
    )
    engines = ReferenceEngine(), Dataplane()
    numbers = numbering(plan)
    engines[0].swap(plan)
    engines[1].swap_names(compose_names(plan, numbers), compose_decisions(plan, plan.services, numbers))
    cells = len(next(iter(plan.services.values())).space.cells)
    print(f"{len(plan.services)} services, {arguments.regions} regions, {cells} cells; milliseconds, there and back")
    print(f"{'change':<22} {'min':>8} {'median':>8} {'max':>8}   " + " ".join(f"{part:>9}" for part in PARTS))
    for name, down in (("one endpoint", first[:1]), (f"a region: {len(first)} of them", first)):
        after = status_of({**checks, **dict.fromkeys(down, Belief.DOWN)})
        rows = []
        for _ in range(arguments.rounds):
            plan, row = timed_change(plan, up, after, engines, numbers)
            rows.append(row)
            plan, row = timed_change(plan, after, up, engines, numbers)
            rows.append(row)
        totals = [sum(row) for row in rows]
        parts = " ".join(f"{statistics.median(part):>9.2f}" for part in zip(*rows, strict=True))
        print(f"{name:<22} {min(totals):>8.2f} {statistics.median(totals):>8.2f} {max(totals):>8.2f}   {parts}")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--services", type=int, default=1000)
    parser.add_argument("--regions", type=int, default=10)
    parser.add_argument("--rounds", type=int, default=30)
    parser.add_argument("--also", action="append", default=[], help="a line that every service has besides")
    return parser.parse_args()


if __name__ == "__main__":
    main()
